# SPDX-License-Identifier: Apache-2.0
"""As much of an API server as `helm install --dry-run=server` asks: its version, its kinds and its objects."""

import contextlib
import http.server
import json
import os
import tempfile
import threading

from tools.lab import settings

# Kind -> name in paths, and whether it lives in a namespace.
_KINDS = {
    "v1": {
        "Namespace": ("namespaces", False),
        "Node": ("nodes", False),
        "ServiceAccount": ("serviceaccounts", True),
        "Secret": ("secrets", True),
    },
    "apps/v1": {"Deployment": ("deployments", True), "DaemonSet": ("daemonsets", True)},
    "apiextensions.k8s.io/v1": {"CustomResourceDefinition": ("customresourcedefinitions", False)},
    "barevip.dev/v1alpha1": {"Pool": ("pools", False), "IP": ("ips", True)},
}


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    answers: dict = {}


class _Handler(http.server.BaseHTTPRequestHandler):
    server: _Server

    def log_message(self, *_):  # pylint: disable=arguments-differ
        pass

    def do_GET(self):  # pylint: disable=invalid-name
        answer = self.server.answers.get(self.path.split("?")[0])
        body = json.dumps(
            answer
            or {
                "kind": "Status",
                "apiVersion": "v1",
                "status": "Failure",
                "reason": "NotFound",
                "code": 404,
                "message": f"{self.path} not found",
            }
        ).encode()
        self.send_response(200 if answer else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _root(version):
    return f"/apis/{version}" if "/" in version else f"/api/{version}"


def _answers(objects, kinds):
    """What each path answers."""
    groups: dict = {}
    for version in kinds:
        group, _, name = version.rpartition("/")
        groups.setdefault(group, []).append({"groupVersion": version, "version": name})
    major, minor, patch = settings.versions()["KUBERNETES_VERSION"].split(".")
    answers = {
        "/version": {"major": major, "minor": minor, "gitVersion": f"v{major}.{minor}.{patch}"},
        "/api": {"kind": "APIVersions", "versions": ["v1"]},
        "/apis": {
            "kind": "APIGroupList",
            "apiVersion": "v1",
            "groups": [
                {"name": group, "versions": versions, "preferredVersion": versions[0]}
                for group, versions in groups.items()
                if group
            ],
        },
    }
    for version, names in kinds.items():
        answers[_root(version)] = {
            "kind": "APIResourceList",
            "apiVersion": "v1",
            "groupVersion": version,
            "resources": [
                {
                    "name": plural,
                    "singularName": "",
                    "namespaced": namespaced,
                    "kind": kind,
                    "verbs": ["get", "list", "create"],
                }
                for kind, (plural, namespaced) in names.items()
            ],
        }
        for kind, (plural, _) in names.items():
            held = [o for o in objects if (o["apiVersion"], o["kind"]) == (version, kind)]
            answers[f"{_root(version)}/{plural}"] = {
                "kind": f"{kind}List",
                "apiVersion": version,
                "metadata": {},
                "items": held,
            }
            for item in held:
                namespace = item["metadata"].get("namespace")
                folder = f"namespaces/{namespace}/{plural}" if namespace else plural
                answers[f"{_root(version)}/{folder}/{item['metadata']['name']}"] = item
    return answers


@contextlib.contextmanager
def serving(objects, rendered, without=()):
    """Serves the objects, and knows the kinds of `rendered` without the versions in `without`. Yields a kubeconfig."""
    kinds = {version: dict(names) for version, names in _KINDS.items() if version not in without}
    for item in rendered:
        plural = f"{item['kind'][:-1]}ies" if item["kind"].endswith("y") else f"{item['kind']}s"
        kinds.setdefault(item["apiVersion"], {}).setdefault(
            item["kind"], (plural.lower(), "namespace" in item["metadata"])
        )
    server = _Server(("127.0.0.1", 0), _Handler)
    server.answers = _answers(objects, kinds)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        with tempfile.TemporaryDirectory() as scratch:
            kubeconfig = os.path.join(scratch, "kubeconfig")
            with open(kubeconfig, "w", encoding="utf-8") as out:
                json.dump(
                    {
                        "apiVersion": "v1",
                        "kind": "Config",
                        "current-context": "fake",
                        "clusters": [{"name": "fake", "cluster": {"server": f"http://127.0.0.1:{server.server_port}"}}],
                        "contexts": [{"name": "fake", "context": {"cluster": "fake", "user": "fake"}}],
                        "users": [{"name": "fake", "user": {}}],
                    },
                    out,
                )
            yield kubeconfig
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
