# SPDX-License-Identifier: Apache-2.0
"""etcd and kube-apiserver on loopback, without nodes or controllers, and requests to them."""

import contextlib
import json
import os
import socket
import ssl
import subprocess
import urllib.error
import urllib.request

from tools.lab import binaries, etcd, settings, waiting

TOKEN = "browser-tests"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(what, condition, timeout=30):
    """As waiting.wait_for(), for what a person looks at: shorter, and looking oftener."""
    return waiting.wait_for(what, condition, timeout, 0.05)


def stop(process):
    """Ends a process of ours, and waits for it."""
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


class ApiServer:
    """Owns both processes and a folder; `kubeconfig` is that of an administrator."""

    def __init__(self, folder):
        binaries.ensure_api_server()
        self._folder = folder
        self._stack = contextlib.ExitStack()
        self.port = free_port()
        self.kubeconfig = os.path.join(folder, "kubeconfig")
        self._certificate = os.path.join(folder, "server.crt")

    def __enter__(self):
        try:
            self._make_keys()
            clients = free_port()
            program = binaries.program("etcd")
            self.start("etcd", program, *etcd.arguments(f"{self._folder}/etcd", clients, free_port()))
            self.start(
                "kube-apiserver",
                binaries.program("kube-apiserver"),
                f"--etcd-servers={etcd.url(clients)}",
                "--bind-address=127.0.0.1",
                f"--secure-port={self.port}",
                f"--tls-cert-file={self._certificate}",
                f"--tls-private-key-file={self._folder}/server.key",
                f"--token-auth-file={self._folder}/tokens",
                f"--service-account-key-file={self._folder}/server.key",
                f"--service-account-signing-key-file={self._folder}/server.key",
                "--service-account-issuer=https://kubernetes.default.svc",
                "--service-cluster-ip-range=10.96.0.0/16",
                "--authorization-mode=RBAC",
                "--disable-admission-plugins=ServiceAccount",
            )
            wait_for("kube-apiserver is ready", self._is_ready, 120)
            for name in ("pool", "ip"):
                self.kubectl("apply", "-f", os.path.join(settings.REPO, "crds", f"{name}.yaml"))
            self.kubectl("wait", "--for=condition=Established", "crd/pools.barevip.dev", "crd/ips.barevip.dev")
            self.create("/api/v1/namespaces", {"kind": "Namespace", "metadata": {"name": "barevip-system"}})
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_):
        self._stack.close()

    def start(self, name, *argv):
        """A process that ends with this object; its output goes to a file, whose path comes back beside it."""
        path = os.path.join(self._folder, f"{name}.log")
        with open(path, "ab") as log:
            process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self._stack.callback(stop, process)
        return process, path

    def kubectl(self, *args):
        subprocess.run(
            [binaries.program("kubectl"), f"--kubeconfig={self.kubeconfig}", *args], check=True, capture_output=True
        )

    def get(self, path):
        return self._request("GET", path)

    def create(self, path, body):
        """Creates the object and, as controllers do, writes its status."""
        made = self._request("POST", path, body)
        if "status" in body:
            self.patch(f"{path}/{body['metadata']['name']}/status", {"status": body["status"]})
        return made

    def patch(self, path, body):
        return self._request("PATCH", path, body, "application/merge-patch+json")

    def delete(self, path):
        return self._request("DELETE", path)

    def _is_ready(self):
        try:
            return self._request("GET", "/readyz", parse=False) == b"ok"
        except OSError:
            return False

    def _request(self, verb, path, body=None, content_type="application/json", parse=True):
        request = urllib.request.Request(
            f"https://127.0.0.1:{self.port}{path}",
            method=verb,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {TOKEN}", "Content-Type": content_type},
        )
        context = ssl.create_default_context(cafile=self._certificate)
        try:
            with urllib.request.urlopen(request, context=context, timeout=20) as answer:
                text = answer.read()
        except urllib.error.HTTPError as error:
            raise OSError(f"{verb} {path}: {error.code} {error.read().decode(errors='replace')}") from error
        return json.loads(text) if parse else text

    def _make_keys(self):
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days=2", "-subj=/CN=127.0.0.1"]
            + [
                "-addext=subjectAltName=IP:127.0.0.1",
                f"-keyout={self._folder}/server.key",
                f"-out={self._certificate}",
            ],
            check=True,
            capture_output=True,
        )
        with open(os.path.join(self._folder, "tokens"), "w", encoding="utf-8") as out:
            out.write(f"{TOKEN},admin,admin,system:masters\n")
        cluster = {"server": f"https://127.0.0.1:{self.port}", "certificate-authority": self._certificate}
        with open(self.kubeconfig, "w", encoding="utf-8") as out:
            json.dump(
                {
                    "apiVersion": "v1",
                    "kind": "Config",
                    "current-context": "it",
                    "clusters": [{"name": "it", "cluster": cluster}],
                    "contexts": [{"name": "it", "context": {"cluster": "it", "user": "admin"}}],
                    "users": [{"name": "admin", "user": {"token": TOKEN}}],
                },
                out,
            )
