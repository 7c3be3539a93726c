# SPDX-License-Identifier: Apache-2.0
"""Renders the chart and kustomize, and reads what came out as objects."""

import functools
import importlib.machinery
import importlib.util
import os
import subprocess

import yaml

from tools.lab import binaries, settings

CHART = os.path.join(settings.REPO, "deploy", "helm", "barevip")
CI = os.path.join(CHART, "ci")
OVERLAYS = os.path.join(settings.REPO, "deploy", "kustomize", "overlays")
NAMESPACE = "barevip-system"
WITH_HOOKS = "--set=hooks=always"  # without a cluster the chart renders none by itself


class _StrictLoader(yaml.CSafeLoader):  # pylint: disable=too-many-ancestors
    """Refuses a key that stands twice in a mapping, which the plain loader overlooks."""

    def construct_mapping(self, node, deep=False):
        seen = set()
        for key, _ in node.value:
            if key.tag != "tag:yaml.org,2002:merge":
                if key.value in seen:
                    raise yaml.constructor.ConstructorError(
                        None, None, f"the key {key.value!r} stands twice", key.start_mark
                    )
                seen.add(key.value)
        return super().construct_mapping(node, deep)


def objects(text):
    """The documents of a YAML stream, the empty ones left out."""
    return [document for document in yaml.load_all(text, _StrictLoader) if document]


def read(*path):
    """A file of the repository."""
    with open(os.path.join(settings.REPO, *path), encoding="utf-8") as file:
        return file.read()


def read_yaml(*path):
    return objects(read(*path))


def helm(*arguments, check=True):
    """Runs helm. Returns its output, or the finished process where it may fail."""
    done = subprocess.run(
        [binaries.ensure_helm(), *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "KUBECONFIG": os.devnull},
    )
    if not check:
        return done
    if done.returncode:
        raise AssertionError(f"helm {' '.join(arguments)} failed:\n{done.stderr}")
    return done.stdout


@functools.cache
def template(*arguments, namespace=NAMESPACE):
    """The objects of the chart. Many tests read the same ones, so change a copy only."""
    return objects(helm("template", "barevip", CHART, f"--namespace={namespace}", *arguments))


def install(kubeconfig, *arguments, check=True):
    """What `helm install` would do to the cluster, its objects and notes; or the finished process where it may fail."""
    return helm(
        "install",
        "barevip",
        CHART,
        f"--namespace={NAMESPACE}",
        "--dry-run=server",
        "--disable-openapi-validation",
        f"--kubeconfig={kubeconfig}",
        *arguments,
        check=check,
    )


@functools.cache
def kustomize(folder):
    """The objects of a kustomization. Many tests read the same ones, so change a copy only."""
    done = subprocess.run([binaries.ensure_kubectl(), "kustomize", folder], capture_output=True, text=True, check=False)
    if done.returncode:
        raise AssertionError(f"kubectl kustomize {folder} failed:\n{done.stderr}")
    return objects(done.stdout)


def find(rendered, kind, name):
    """The one object of that kind and name."""
    found = [o for o in rendered if o["kind"] == kind and o["metadata"]["name"] == name]
    if len(found) != 1:
        raise AssertionError(f"there are {len(found)} objects {kind}/{name}")
    return found[0]


def pod_of(rendered, kind, name):
    """The pod that a Deployment or DaemonSet makes."""
    return find(rendered, kind, name)["spec"]["template"]["spec"]


def container_of(rendered, kind, name):
    """Its container that stays."""
    return pod_of(rendered, kind, name)["containers"][0]


def values_files():
    """The files of the matrix, by the name of their case."""
    suffix = "-values.yaml"
    return {name[: -len(suffix)]: os.path.join(CI, name) for name in sorted(os.listdir(CI)) if name.endswith(suffix)}


def script(*path):
    """A program of the repository, as a module."""
    file = os.path.join(settings.REPO, *path)
    loader = importlib.machinery.SourceFileLoader(path[-1], file)
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(path[-1], loader))
    loader.exec_module(module)
    return module
