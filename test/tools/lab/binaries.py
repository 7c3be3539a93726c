# SPDX-License-Identifier: Apache-2.0
"""Kubernetes, etcd, containerd and the CNI plugins, built from Go modules of pinned versions into the cache.

A binary is built under a temporary name and renamed, so what has its name is whole and an
interrupted build goes on where it was.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

from . import settings
from .progress import say

_PINNED = settings.versions()
_K8S = _PINNED["KUBERNETES_VERSION"]

KUBERNETES = os.path.join(settings.CACHE, "bin", f"kubernetes-{_K8S}")
CONTAINERD = os.path.join(settings.CACHE, "bin", f"containerd-{_PINNED['CONTAINERD_VERSION']}")
CNI = os.path.join(settings.CACHE, "bin", f"cni-plugins-{_PINNED['CNI_PLUGINS_VERSION']}")
_METALLB = os.path.join(settings.CACHE, "bin", f"metallb-{_PINNED['METALLB_VERSION']}")
METALLB_CONTROLLER = os.path.join(_METALLB, "controller")
CRANE = os.path.join(settings.CACHE, "bin", f"crane-{_PINNED['CRANE_VERSION']}", "crane")
METALLB_CRDS = os.path.join(_METALLB, "crds")
HELM = os.path.join(settings.CACHE, "bin", f"helm-{_PINNED['HELM_VERSION']}", "helm")
HELM_DOCS = os.path.join(settings.CACHE, "bin", f"helm-docs-{_PINNED['HELM_DOCS_VERSION']}", "helm-docs")
_KREW = os.path.join(settings.CACHE, "bin", f"krew-{_PINNED['KREW_VERSION']}")
_PROMETHEUS = os.path.join(settings.CACHE, "bin", f"prometheus-{_PINNED['PROMETHEUS_VERSION']}")

_COMPONENTS = ["kubectl", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy"]
# What a user's KUBEBUILDER_ASSETS has instead of what we would build.
_ASSETS = ["kube-apiserver", "etcd", "kubectl"]


def _asset(name):
    folder = os.environ.get("KUBEBUILDER_ASSETS")
    if folder and name in _ASSETS and os.access(os.path.join(folder, name), os.X_OK):
        return os.path.join(folder, name)
    return None


def program(name):
    """The path of a program of the control plane or of kubectl."""
    return _asset(name) or os.path.join(KUBERNETES, name)


def _is_new_enough(go):
    shown = subprocess.run([go, "env", "GOVERSION"], capture_output=True, text=True, check=False)
    found = re.match(r"go(\d+)\.(\d+)", shown.stdout)
    return bool(found) and tuple(map(int, found.groups())) >= tuple(map(int, _PINNED["GO_MINIMUM"].split(".")))


def _find_go():
    """Go from the machine, else the one that test/setup installed."""
    for go in (shutil.which("go"), os.path.join(settings.CACHE, "go", "bin", "go")):
        if go and os.path.exists(go) and _is_new_enough(go):
            return go
    raise settings.Problem(f"no Go of version {_PINNED['GO_MINIMUM']} or newer: run test/setup, which installs it")


class _Builder:
    """Runs go with the settings that all builds share."""

    def __init__(self):
        self._go = _find_go()
        self._env = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-trimpath", "GOWORK": "off"}

    def run(self, *args, cwd="/"):
        done = subprocess.run([self._go, *args], cwd=cwd, env=self._env, capture_output=True, text=True, check=False)
        if done.returncode:
            raise settings.Problem(f"go {' '.join(args)} failed in {cwd}:\n{done.stderr.strip()[-3000:]}")
        return done.stdout

    def module_folder(self, module):
        """Downloads module@version and returns where its source is."""
        return json.loads(self.run("mod", "download", "-json", module))["Dir"]

    def build(self, package, out, cwd, *flags):
        start = time.monotonic()
        name = os.path.basename(out)
        say(f"  building {name} ...")
        os.makedirs(os.path.dirname(out), exist_ok=True)
        part = os.path.join(os.path.dirname(out), f".{name}.part")
        self.run("build", *flags, "-o", part, package, cwd=cwd)
        os.replace(part, out)
        say(f"  building {name}: {time.monotonic() - start:.1f} s")


def _prepare_kubernetes(builder):
    """A module that requires Kubernetes and points its staging modules at their published versions."""
    folder = os.path.join(settings.CACHE, "src", f"kubernetes-{_K8S}")
    if os.path.exists(os.path.join(folder, "tidy")):
        return folder
    start = time.monotonic()
    say(f"  fetching the source of Kubernetes {_K8S} ...")
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(builder.module_folder(f"k8s.io/kubernetes@v{_K8S}"), "go.mod"), encoding="utf-8") as mod:
        staged = sorted(set(re.findall(r"^\s*(k8s\.io/[a-z-]+) => \./staging", mod.read(), re.MULTILINE)))
    tools = [f"k8s.io/kubernetes/cmd/{c}" for c in _COMPONENTS] + ["go.etcd.io/etcd/server/v3"]
    version = "v0." + _K8S.partition(".")[2]
    with open(os.path.join(folder, "go.mod"), "w", encoding="utf-8") as mod:
        mod.write(f"module lab/k8s\n\ngo {_PINNED['GO_MINIMUM']}.0\n\nrequire k8s.io/kubernetes v{_K8S}\n\n")
        mod.write("replace (\n" + "".join(f"\t{m} => {m} {version}\n" for m in staged) + ")\n\n")
        mod.write("tool (\n" + "".join(f"\t{t}\n" for t in tools) + ")\n")
    builder.run("mod", "tidy", cwd=folder)
    with open(os.path.join(folder, "tidy"), "w", encoding="utf-8"):
        pass
    say(f"  fetching the source of Kubernetes {_K8S}: {time.monotonic() - start:.1f} s")
    return folder


def _build_kubernetes(builder, missing):
    folder = _prepare_kubernetes(builder)
    major, minor, _ = _K8S.split(".")
    variable = "k8s.io/component-base/version"
    stamped = f"-s -w -X {variable}.gitVersion=v{_K8S} -X {variable}.gitMajor={major} -X {variable}.gitMinor={minor}"
    for name in missing:
        out = os.path.join(KUBERNETES, name)
        if name == "etcd":
            builder.build("go.etcd.io/etcd/server/v3", out, folder, "-ldflags", "-s -w")
        else:
            builder.build(f"k8s.io/kubernetes/cmd/{name}", out, folder, "-ldflags", stamped)


def _build_module(builder, module, out, packages, flags="-s -w", tags=""):
    """Builds packages of a module with its own go.mod, in its read-only folder, with a writable copy of go.mod."""
    source = builder.module_folder(module)
    with tempfile.TemporaryDirectory() as scratch:
        for file in ("go.mod", "go.sum"):
            shutil.copyfile(os.path.join(source, file), os.path.join(scratch, file))
        for package in packages:
            builder.build(
                package,
                os.path.join(out, os.path.basename(package)),
                source,
                "-mod=mod",
                f"-modfile={scratch}/go.mod",
                f"-tags={tags}",
                "-ldflags",
                flags,
            )


def kernel_preload():
    """The library without which a node's kernel does not run on newer processors; its source says why."""
    source = os.path.join(settings.LAB, "node", "xstate.c")
    with open(source, "rb") as text:
        key = hashlib.sha256(text.read()).hexdigest()[:12]
    library = os.path.join(settings.CACHE, "bin", f"xstate-{key}.so")
    if not os.path.exists(library):
        os.makedirs(os.path.dirname(library), exist_ok=True)
        part = f"{library}.{os.getpid()}.part"  # several start at once
        done = subprocess.run(
            ["gcc", "-shared", "-fPIC", "-O2", "-o", part, source], capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise settings.Problem(f"cannot compile {source}: {done.stderr.strip()}")
        os.replace(part, library)
    return library


def _missing(folder, packages):
    return [p for p in packages if not os.path.exists(os.path.join(folder, os.path.basename(p)))]


def _missing_of_kubernetes(names):
    return [n for n in _missing(KUBERNETES, names) if not _asset(n)]


def ensure_api_server(*besides):
    """Builds what an API server alone needs, and other programs of Kubernetes, where they are missing."""
    missing = _missing_of_kubernetes([*_ASSETS, *besides])
    if missing:
        say(f"building {', '.join(missing)} of Kubernetes, once for each version (some minutes on two cores)")
        _build_kubernetes(_Builder(), missing)


def ensure_kubectl():
    """Builds kubectl where it is missing. Returns its path."""
    if missing := _missing_of_kubernetes(["kubectl"]):
        _build_kubernetes(_Builder(), missing)
    return program("kubectl")


def kubernetes_source():
    """The folder with the source of the pinned Kubernetes, downloaded where it is missing."""
    return _Builder().module_folder(f"k8s.io/kubernetes@v{_K8S}")


def ensure_helm():
    """Builds helm where it is missing. Returns its path."""
    if not os.path.exists(HELM):
        version = _PINNED["HELM_VERSION"]
        _build_module(
            _Builder(),
            f"helm.sh/helm/v4@v{version}",
            os.path.dirname(HELM),
            ["./cmd/helm"],
            f"-s -w -X helm.sh/helm/v4/internal/version.version=v{version}",
        )
    return HELM


def ensure_helm_docs():
    """Builds helm-docs where it is missing. Returns its path."""
    if not os.path.exists(HELM_DOCS):
        version = _PINNED["HELM_DOCS_VERSION"]
        _build_module(
            _Builder(),
            f"github.com/norwoodj/helm-docs@v{version}",
            os.path.dirname(HELM_DOCS),
            ["./cmd/helm-docs"],
            f"-s -w -X main.version={version}",
        )
    return HELM_DOCS


def ensure_krew():
    """Builds krew and its validator of manifests where they are missing. Returns the paths of both."""
    packages = ["./cmd/krew", "./cmd/validate-krew-manifest"]
    if missing := _missing(_KREW, packages):
        _build_module(_Builder(), f"sigs.k8s.io/krew@v{_PINNED['KREW_VERSION']}", _KREW, missing)
    return [os.path.join(_KREW, os.path.basename(package)) for package in packages]


def ensure_dashboard_reader():
    """Builds the program of test/manifests/grafana where it is missing. Returns its path."""
    source = os.path.join(settings.REPO, "test", "manifests", "grafana")
    key = hashlib.sha256()
    for name in ("go.mod", "go.sum", "main.go"):
        with open(os.path.join(source, name), "rb") as file:
            key.update(file.read())
    path = os.path.join(settings.CACHE, "bin", f"dashboards-{key.hexdigest()[:12]}", "read")
    if not os.path.exists(path):
        _Builder().build(".", path, source, "-ldflags", "-s -w")
    return path


def _ensure_of_prometheus(name):
    """Builds a program of Prometheus where it is missing, without web pages, with Kubernetes as its only discovery."""
    path = os.path.join(_PROMETHEUS, name)
    if not os.path.exists(path):
        _build_module(
            _Builder(),
            f"github.com/prometheus/prometheus@v{_PINNED['PROMETHEUS_VERSION']}",
            _PROMETHEUS,
            [f"./cmd/{name}"],
            tags="remove_all_sd,enable_kubernetes_sd",
        )
    return path


def ensure_prometheus():
    """Builds prometheus where it is missing. Returns its path."""
    return _ensure_of_prometheus("prometheus")


def ensure_promtool():
    """Builds promtool where it is missing. Returns its path."""
    return _ensure_of_prometheus("promtool")


def prometheus_operator_source():
    """The folder with the source of the pinned Prometheus operator, downloaded where it is missing."""
    version = _PINNED["PROMETHEUS_OPERATOR_VERSION"]
    return _Builder().module_folder(f"github.com/prometheus-operator/prometheus-operator@v{version}")


def ensure_metallb():
    """Builds the controller of MetalLB where it is missing."""
    if not os.path.exists(METALLB_CONTROLLER):
        builder = _Builder()
        module = f"go.universe.tf/metallb@v{_PINNED['METALLB_VERSION']}"
        source = builder.module_folder(module)
        shutil.copytree(os.path.join(source, "config", "crd", "bases"), METALLB_CRDS, dirs_exist_ok=True)
        _build_module(builder, module, _METALLB, ["./controller"])


def ensure_registry():
    """Builds crane where it is missing and returns its path: `crane registry serve` is the registry of the tests."""
    if not os.path.exists(CRANE):
        _build_module(
            _Builder(),
            f"github.com/google/go-containerregistry@v{_PINNED['CRANE_VERSION']}",
            os.path.dirname(CRANE),
            ["./cmd/crane"],
        )
    return CRANE


def ensure_spdx_validator():
    """Installs spdx-tools where it is missing and returns the path of its program, which validates SPDX documents."""
    version = _PINNED["SPDX_TOOLS_VERSION"]
    folder = os.path.join(settings.CACHE, "bin", f"spdx-tools-{version}")
    validator = os.path.join(folder, "bin", "pyspdxtools")
    if not os.path.exists(os.path.join(folder, "complete")):
        say(f"  installing spdx-tools {version} ...")
        shutil.rmtree(folder, ignore_errors=True)
        for command in (
            [sys.executable, "-m", "venv", folder],
            [os.path.join(folder, "bin", "pip"), "install", "-q", f"spdx-tools=={version}"],
        ):
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                raise settings.Problem(f"{' '.join(command)} failed: {(done.stderr or done.stdout).strip()[-2000:]}")
        with open(os.path.join(folder, "complete"), "w", encoding="utf-8"):
            pass
    return validator


def ensure():
    """Builds what is missing; instant when nothing is."""
    kubernetes = _missing_of_kubernetes(["etcd", *_COMPONENTS])
    containerd = _missing(CONTAINERD, ["./cmd/containerd", "./cmd/ctr", "./cmd/containerd-shim-runc-v2"])
    cni = _missing(
        CNI, ["./plugins/main/bridge", "./plugins/main/loopback", "./plugins/ipam/host-local", "./plugins/meta/portmap"]
    )
    if not (kubernetes or containerd or cni):
        return
    start = time.monotonic()
    say(
        f"building {len(kubernetes) + len(containerd) + len(cni)} programs of Kubernetes, once for each version "
        "(about 10 minutes on two cores)"
    )
    builder = _Builder()
    if containerd:
        _build_module(
            builder, f"github.com/containerd/containerd/v2@v{_PINNED['CONTAINERD_VERSION']}", CONTAINERD, containerd
        )
    if cni:
        _build_module(builder, f"github.com/containernetworking/plugins@v{_PINNED['CNI_PLUGINS_VERSION']}", CNI, cni)
    if kubernetes:
        _build_kubernetes(builder, kubernetes)
    say(f"built in {time.monotonic() - start:.0f} s, kept in {os.path.join(settings.CACHE, 'bin')}")
