# SPDX-License-Identifier: Apache-2.0
"""barevip on the test cluster: by `kubectl apply -k deploy` on a full one, as plain processes on a light one."""

import os
import re
import shlex

from . import control_plane, images, network, nodes, processes, settings
from .progress import step
from .settings import node_name

PROGRAMS = ["barevip-operator", "barevip-node"]
_OPERATOR = "barevip-operator"
NAMESPACE = "barevip-system"


def binaries_folder():
    """Where the newest complete build is: the release, else the developer's."""
    for preset in ("release", "dev"):
        folder = os.path.join(settings.REPO, "build", preset, "bin")
        if all(os.access(os.path.join(folder, p), os.X_OK) for p in PROGRAMS):
            return folder
    raise settings.Problem(
        "barevip is not built: run `cmake --preset release && cmake --build --preset release`, "
        "or leave it out by --without-barevip"
    )


def ensure_images():
    """The images of both programs, made again when a program, its version, the recipe or the packages changed.

    They name no revision: each commit would make new images of the same content. Returns their names.
    """
    folder = binaries_folder()
    inputs = images.hash_of(
        [
            *images.recipes(),
            os.path.join(settings.REPO, "CMakeLists.txt"),
            "/var/lib/dpkg/status",
            *(os.path.join(folder, p) for p in PROGRAMS),
        ]
    )
    if not all(images.is_current(p, inputs) for p in PROGRAMS):
        with step("images of barevip"):
            images.run_tool([images.BUILD, "--revision=", folder, settings.IMAGES])
            for program in PROGRAMS:
                images.mark_current(program, inputs)
    return PROGRAMS


def install():
    """Applies the kustomize base as a user does and waits until everything of it runs."""
    control_plane.kubectl("apply", "-k", os.path.join(settings.REPO, "deploy"))
    with step("waiting for barevip's pods"):
        for kind in ("deployment", "daemonset"):
            for name in control_plane.kubectl("-n", NAMESPACE, "get", kind, "-o", "name").split():
                control_plane.kubectl("-n", NAMESPACE, "rollout", "status", name, "--timeout=120s")


def start_operator():
    """Starts the operator as a process on the LAN."""
    processes.start(
        _OPERATOR,
        network.inside(
            settings.LAN,
            [
                os.path.join(binaries_folder(), _OPERATOR),
                f"--kubeconfig={control_plane.token_kubeconfig(_OPERATOR, NAMESPACE)}",
            ],
        ),
    )


def start_node_daemon(number):
    """Makes the director namespace of a light node and starts the daemon beside it."""
    program = os.path.join(binaries_folder(), "barevip-node")
    log = shlex.quote(os.path.join(nodes.folder(number), "barevip-node.log"))
    interface = f"--bind-iface={settings.NODE_INTERFACE}"
    prepare = shlex.join([program, "init", interface])
    kubeconfig = control_plane.token_kubeconfig("barevip-node", NAMESPACE, node_name(number))
    serve = shlex.join([program, interface, f"--kubeconfig={kubeconfig}", f"--node-name={node_name(number)}"])
    nodes.run(number, f"{prepare} >>{log} 2>&1 || exit 1; setsid {serve} >>{log} 2>&1 </dev/null &")


def install_objects():
    """The objects of the kustomize base but its pods."""
    rendered = control_plane.kubectl("kustomize", os.path.join(settings.REPO, "deploy"))
    pods = re.compile(r"^kind: (Deployment|DaemonSet)$", re.MULTILINE)
    objects = [o for o in rendered.split("\n---\n") if not pods.search(o)]
    control_plane.kubectl("apply", "-f", "-", stdin="\n---\n".join(objects))


def install_light(numbers):
    """The objects of the kustomize base, with processes in the place of its pods."""
    install_objects()
    start_operator()
    for number in numbers:
        start_node_daemon(number)
