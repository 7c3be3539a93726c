# SPDX-License-Identifier: Apache-2.0
"""etcd, kube-apiserver, kube-controller-manager and kube-scheduler on the LAN's bridge address."""

import json
import os
import signal
import subprocess
import time

from . import audit, binaries, etcd, network, pki, processes, settings
from .settings import API_ADDRESS4, API_ADDRESS6, API_PORT

_ETCD_PORT = 2379
_PLUGIN = os.path.join(settings.REPO, "build", "release", "bin")
API_SERVER = "kube-apiserver"
# In the order in which they are started.
COMPONENTS = ["etcd", API_SERVER, "kube-controller-manager", "kube-scheduler"]


def create_credentials(nodes):
    """The CA, the certificates and the kubeconfig files of the control plane and of the nodes."""
    pki.create_authority()
    names = ["kubernetes", "kubernetes.default", "kubernetes.default.svc", "localhost"]
    addresses = ["127.0.0.1", "::1", settings.API_SERVICE_ADDRESS, API_ADDRESS4, API_ADDRESS6]
    pki.create_certificate(
        API_SERVER, API_SERVER, alternative_names=",".join([f"DNS:{n}" for n in names] + [f"IP:{a}" for a in addresses])
    )
    pki.create_kubeconfig("admin", "admin", ["system:masters"])
    pki.create_kubeconfig("kube-controller-manager", "system:kube-controller-manager")
    pki.create_kubeconfig("kube-scheduler", "system:kube-scheduler")
    pki.create_kubeconfig("kube-proxy", "system:kube-proxy")
    for n in nodes:
        pki.create_kubeconfig(settings.node_name(n), f"system:node:{settings.node_name(n)}", ["system:nodes"])


def _start(name, *args):
    processes.start(name, network.inside(settings.LAN, [binaries.program(name), *args]))


def start_servers():
    """Starts etcd and kube-apiserver; does not wait for them."""
    _start("etcd", *etcd.arguments(os.path.join(settings.RUN, "etcd"), _ETCD_PORT, 2380))
    _start(
        API_SERVER,
        f"--etcd-servers={etcd.url(_ETCD_PORT)}",
        "--bind-address=::",
        f"--advertise-address={API_ADDRESS4}",
        f"--secure-port={API_PORT}",
        f"--client-ca-file={pki.path('ca.crt')}",
        f"--tls-cert-file={pki.path(API_SERVER + '.crt')}",
        f"--tls-private-key-file={pki.path(API_SERVER + '.key')}",
        f"--service-account-key-file={pki.path('sa.key')}",
        f"--service-account-signing-key-file={pki.path('sa.key')}",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-cluster-ip-range={settings.SERVICE_RANGES}",
        "--authorization-mode=Node,RBAC",
        "--kubelet-preferred-address-types=InternalIP",
        f"--kubelet-client-certificate={pki.path('admin.crt')}",
        f"--kubelet-client-key={pki.path('admin.key')}",
        f"--audit-policy-file={audit.POLICY}",
        f"--audit-log-path={audit.LOG}",
        "--allow-privileged=true",
    )


def start_controllers(light):
    """Starts the controller manager and, where pods are scheduled, the scheduler."""

    def kubeconfigs(name):
        file = os.path.join(settings.KUBECONFIGS, f"{name}.conf")
        return [
            f"--kubeconfig={file}",
            f"--authentication-kubeconfig={file}",
            f"--authorization-kubeconfig={file}",
            "--leader-elect=false",
        ]

    # Nobody renews the leases of light nodes: the controllers that evict from a silent node stay out.
    controllers = ["--controllers=*,-node-lifecycle-controller,-taint-eviction-controller"] if light else []
    _start(
        "kube-controller-manager",
        *kubeconfigs("kube-controller-manager"),
        f"--service-account-private-key-file={pki.path('sa.key')}",
        f"--root-ca-file={pki.path('ca.crt')}",
        f"--cluster-signing-cert-file={pki.path('ca.crt')}",
        f"--cluster-signing-key-file={pki.path('ca.key')}",
        "--use-service-account-credentials",
        "--node-monitor-grace-period=20s",
        *controllers,
    )
    if not light:
        _start("kube-scheduler", *kubeconfigs("kube-scheduler"))


def kubectl_argv(*args):
    """The command line of kubectl as the cluster's administrator, which finds the plugin of this build."""
    program = binaries.program("kubectl")
    path = os.pathsep.join([_PLUGIN, os.path.dirname(program), os.environ.get("PATH", os.defpath)])
    return network.inside(
        settings.LAN, ["env", f"KUBECONFIG={settings.ADMIN_KUBECONFIG}", f"PATH={path}", program, *args]
    )


def helm_argv(*args):
    """The command line of helm as the cluster's administrator; what it remembers is gone with the cluster."""
    folder = os.path.join(settings.RUN, "helm")
    kept = [f"HELM_{kind}_HOME={os.path.join(folder, kind.lower())}" for kind in ("CACHE", "CONFIG", "DATA")]
    return network.inside(
        settings.LAN, ["env", f"KUBECONFIG={settings.ADMIN_KUBECONFIG}", *kept, binaries.ensure_helm(), *args]
    )


def kubectl(*args, stdin=None, check=True):
    """Runs kubectl and returns what it printed; Problem with its words when it fails."""
    done = subprocess.run(kubectl_argv(*args), input=stdin, capture_output=True, text=True, check=False)
    if done.returncode and check:
        raise settings.Problem(f"kubectl {' '.join(args)} failed: {done.stderr.strip()}")
    return done.stdout


def kubectl_json(*args):
    return json.loads(kubectl(*args, "-o", "json"))


def token_kubeconfig(account, namespace, node=None):
    """A kubeconfig with a token of a service account, bound to a node like that of a pod; returns the file's path.

    A pod has a token, too: so its roles and the admission policies are what is tested, and a token costs the server
    less than a certificate does.
    """
    bound = ["--bound-object-kind=Node", f"--bound-object-name={node}"] if node else []
    token = kubectl("create", "token", account, "-n", namespace, "--duration=24h", *bound).strip()
    return pki.create_token_kubeconfig(f"{account}-{node}" if node else account, token)


def is_ready():
    """True when kube-apiserver says of itself that it is ready."""
    return kubectl("get", "--raw", "/readyz", "--request-timeout=2s", check=False) == "ok"


def wait_until_ready(timeout=60):
    deadline = time.monotonic() + timeout
    while not is_ready():
        for name in ("etcd", API_SERVER):
            if processes.pid_of(name) is None:
                raise settings.Problem(f"{name} has ended:\n{log_tail(name)}")
        if time.monotonic() > deadline:
            raise settings.Problem(f"{API_SERVER} is not ready after {timeout} s; see {processes.log_path(API_SERVER)}")
        time.sleep(0.1)


def log_tail(name, lines=15):
    with open(processes.log_path(name), encoding="utf-8", errors="replace") as log:
        return "".join(log.readlines()[-lines:]).rstrip()


def grant_proxy():
    """What an installer of Kubernetes grants to kube-proxy."""
    kubectl(
        "create", "clusterrolebinding", "kube-proxy", "--clusterrole=system:node-proxier", "--user=system:kube-proxy"
    )


def control(name, action):
    """stop (as by a crash), start again, pause (alive but silent) or resume a process of the LAN."""
    known = [n for n in processes.names() if not n.startswith("uml-")]
    if name not in known:
        raise settings.Problem(f"there is no process '{name}' on the LAN; there are {', '.join(known)}")
    alive = processes.pid_of(name) is not None
    if action == "start":
        if alive:
            raise settings.Problem(f"{name} runs already")
        processes.restart(name)
        if name == API_SERVER:
            wait_until_ready()
        return
    if not alive:
        raise settings.Problem(f"{name} does not run: start it first")
    processes.send(name, {"stop": signal.SIGKILL, "pause": signal.SIGSTOP, "resume": signal.SIGCONT}[action])
    if action == "stop":
        processes.kill_all(lambda: [pid for pid in [processes.pid_of(name)] if pid])
