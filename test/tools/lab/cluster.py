# SPDX-License-Identifier: Apache-2.0
"""The cluster as a whole: up, down, power and cables, what it is at the moment."""

import contextlib
import fcntl
import json
import os
import shutil
import time

from . import barevip, binaries, control_plane, images, kernel, network, nodes, processes, settings
from .progress import say, step
from .settings import Problem, node_name

_STATE = os.path.join(settings.RUN, "state.json")
_LOCK = os.path.join(settings.RUN, "lock")
_RUN_ENTRIES = [
    "state.json",
    "pids",
    "logs",
    "pki",
    "ssh",
    "kubeconfig",
    "nodes",
    "uml",
    "images",
    "etcd",
    "helm",
    "registry",
    "prometheus",
]
# Unix sockets below the run folder: the kernel takes 107 characters.
_LONGEST_SOCKET = os.path.join(settings.RUN, "uml", "node9", "mconsole")
_NODE_STATUS = {
    "conditions": [
        {
            "type": "Ready",
            "status": "True",
            "reason": "LightNode",
            "message": "a node without kubelet, of the test cluster",
        }
    ]
}


@contextlib.contextmanager
def exclusive():
    """One command at a time changes the cluster."""
    os.makedirs(settings.RUN, exist_ok=True)
    with open(_LOCK, "w", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Problem("another `test/cluster` command is changing the cluster: wait for it to end") from None
        yield


def state():
    """What the last `up` made: nodes, light, proxy, barevip, complete; None without one."""
    try:
        with open(_STATE, encoding="utf-8") as file:
            return json.load(file)
    except FileNotFoundError:
        return None


def _write_state(value):
    part = _STATE + ".part"
    with open(part, "w", encoding="utf-8") as out:
        json.dump(value, out)
    os.replace(part, _STATE)


def current():
    """The state of the running cluster; Problem when there is none."""
    found = state()
    if found is None or not found["complete"]:
        raise Problem("no cluster is up: make one by `test/cluster up`")
    return found


def check_node(name):
    """The number of a node of the running cluster."""
    found = current()
    number = settings.node_number(name)
    if number not in found["nodes"]:
        names = ", ".join(node_name(n) for n in found["nodes"])
        raise Problem(f"this cluster has no {name}, its nodes are {names}")
    return number


def create_light_nodes(numbers):
    """The Node objects that kubelets would make."""
    items = [
        {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": node_name(n), "labels": {"kubernetes.io/hostname": node_name(n)}},
            "spec": {"podCIDR": settings.pod_range4(n), "podCIDRs": [settings.pod_range4(n), settings.pod_range6(n)]},
        }
        for n in numbers
    ]
    control_plane.kubectl("apply", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
    for n in numbers:
        status = {
            **_NODE_STATUS,
            "addresses": [
                {"type": "InternalIP", "address": settings.node_address4(n)},
                {"type": "InternalIP", "address": settings.node_address6(n)},
                {"type": "Hostname", "address": node_name(n)},
            ],
        }
        control_plane.kubectl(
            "patch", "node", node_name(n), "--subresource=status", "--type=merge", "-p", json.dumps({"status": status})
        )


def prepare(with_barevip, light):
    """Programs and images: everything that can be made before there is a cluster. Returns the images' names."""
    if with_barevip:
        barevip.binaries_folder()  # better to fail now than after ten minutes
    kernel.ensure()
    binaries.ensure()
    names = images.ensure_test_images()
    return names + barevip.ensure_images() if with_barevip and not light else names


def up(count, light, proxy, with_barevip):
    """From nothing to a cluster whose nodes are Ready."""
    found = state()
    if found and found["complete"] and processes.pid_of(control_plane.API_SERVER):
        names = ", ".join(node_name(n) for n in found["nodes"])
        raise Problem(
            f"a cluster is up already ({names}; proxy {found['proxy']}): use it, or take it down by `test/cluster down`"
        )
    if len(_LONGEST_SOCKET) > 107:
        raise Problem(
            f"the run folder's path {settings.RUN} is too long for the sockets in it: set BAREVIP_RUN to a shorter one"
        )
    start = time.monotonic()
    image_names = prepare(with_barevip, light)
    clean()
    numbers = list(range(1, count + 1))
    made = {"nodes": numbers, "light": light, "proxy": proxy, "barevip": with_barevip, "complete": False}
    _write_state(made)
    with step("keys and network"):
        network.create(numbers)
        control_plane.create_credentials(numbers)
        nodes.create_ssh_keys(numbers)
        images.offer(image_names)
    with step("control plane"):
        control_plane.start_servers()
        for n in numbers:
            nodes.boot(n, numbers, light, proxy)
        control_plane.wait_until_ready()
        control_plane.start_controllers(light)
        control_plane.grant_proxy()
    with step(f"{count} node{'s' if count > 1 else ''} up"):
        if light:
            create_light_nodes(numbers)
        for n in numbers:
            nodes.wait_until_reachable(n)
        if not light:
            nodes.wait_until_ready(numbers)
    made["complete"] = True
    _write_state(made)
    if with_barevip:
        if light:
            barevip.install_light(numbers)
        else:
            barevip.install()
    say(f"cluster is up after {time.monotonic() - start:.1f} s: try `test/cluster kubectl get nodes -o wide`")


def clean():
    """Removes what is left of a cluster, whole or broken; the logs go with it, and nothing that is not ours."""
    for name in processes.names():
        processes.kill(name)
    network.destroy()
    for entry in _RUN_ENTRIES:
        path = os.path.join(settings.RUN, entry)
        if os.path.isdir(path):
            shutil.rmtree(path)
        elif os.path.exists(path):
            os.unlink(path)


def down():
    """Takes the cluster down; nothing of it is left but the cache."""
    with step("taking the cluster down"):
        clean()
        os.unlink(_LOCK)
        with contextlib.suppress(OSError):
            os.rmdir(settings.RUN)


def kill_node(name):
    nodes.power_off(check_node(name))


def start_node(name):
    """Boots a node that is off and waits until it is Ready again."""
    number = check_node(name)
    if nodes.is_running(number):
        raise Problem(f"{name} is on already; `test/cluster kill {name}` takes its power")
    found = current()
    with step(f"{name} up"):
        nodes.boot(number, found["nodes"], found["light"], found["proxy"])
        nodes.wait_until_reachable(number)
        if not found["light"]:
            nodes.wait_until_ready([number])
        elif found["barevip"]:
            barevip.start_node_daemon(number)


def load(archives):
    """Imports image archives, barevip's own when none is named, into nodes that are on and those that boot later."""
    found = current()
    if found["light"]:
        raise Problem("light nodes have no container runtime to load images into")
    archives = archives or [images.archive(name) for name in barevip.ensure_images()]
    for archive in archives:
        if not os.path.isfile(archive):
            raise Problem(f"no such archive: {archive}")
        offered = images.offer_archive(os.path.realpath(archive))
        for n in filter(nodes.is_running, found["nodes"]):
            with step(f"{os.path.basename(archive)} into {node_name(n)}"):
                nodes.run(n, "ctr", "-n", "k8s.io", "images", "import", "--local", offered)


def pod(node, name, delete):
    """Makes (and prints the addresses of) or deletes a pod-like namespace on a light node."""
    number = check_node(node)
    if not current()["light"]:
        raise Problem("this cluster has kubelets: make a real pod by `test/cluster kubectl`")
    script = os.path.join(settings.LAB, "node", "pod.sh")
    if delete:
        nodes.run(number, script, "delete", name)
    else:
        print(
            nodes.run(
                number,
                script,
                "add",
                node,
                str(number),
                name,
                images.program_path("barevip-backend"),
                os.path.join(nodes.folder(number), f"pod-{name}.log"),
            ),
            end="",
        )


def status():
    """Prints what runs and what does not; True when everything does."""
    found = state()
    if found is None:
        print("no cluster is up")
        return False
    kind = "light" if found["light"] else "full"
    whole = "" if found["complete"] else ", not complete: `test/cluster up` makes it anew"
    print(f"{kind} cluster, kube-proxy {found['proxy']}{whole}")
    well = found["complete"]
    for name in processes.names():
        if name.startswith("uml-"):
            continue
        pid = processes.pid_of(name)
        well = well and pid is not None
        print(f"{name:<26} {'pid ' + str(pid) if pid else 'stopped'}")
    ready = control_plane.is_ready() if processes.pid_of(control_plane.API_SERVER) else False
    absent = nodes.not_ready(found["nodes"]) if ready else found["nodes"]
    for n in found["nodes"]:
        on = nodes.is_running(n)
        well = well and on and n not in absent
        link = "link up" if network.link_is_up(n) else "link down"
        shown = "Ready" if n not in absent else "not Ready" if ready else "unknown to the API server"
        print(
            f"{node_name(n):<26} {'on' if on else 'off'}, {link}, {shown}, {settings.node_address4(n)}, "
            f"{settings.node_address6(n)}"
        )
    return well


def log_files(subject):
    """The log files of a node, of a process, or of everything on the LAN."""
    found = state()
    if found is None:
        raise Problem("no cluster is up: there are no logs")
    if subject is None:
        folder = settings.LOGS
    elif os.path.exists(processes.log_path(subject)):
        return [processes.log_path(subject)]
    else:
        folder = nodes.folder(settings.node_number(subject))
    return sorted(os.path.join(folder, f) for f in os.listdir(folder) if f.endswith(".log"))
