# SPDX-License-Identifier: Apache-2.0
"""The LAN: a bridge in a network namespace of its own, a tap per node, and a client that is no node."""

import os
import subprocess
import time

from . import processes, settings
from .settings import BRIDGE, CLIENT, LAN

NETNS_FOLDER = "/run/netns"
_MADE_FOLDER = os.path.join(settings.RUN, "made-netns-folder")


def _ip(*lines, namespace=None):
    """Runs lines of ip(8) as one batch, inside a namespace if one is named."""
    command = ["ip"] + (["-n", namespace] if namespace else []) + ["-batch", "-"]
    done = subprocess.run(command, input="\n".join(lines) + "\n", capture_output=True, text=True, check=False)
    if done.returncode:
        raise settings.Problem(f"ip {'in ' + namespace if namespace else ''} failed: {done.stderr.strip()}")


def tap(number):
    return f"tap{number}"


def exists(namespace):
    return os.path.exists(os.path.join(NETNS_FOLDER, namespace))


def inside(namespace, argv):
    """The command line that runs argv in a namespace."""
    return ["ip", "netns", "exec", namespace, *argv]


def create(nodes):
    """Makes the LAN with a port for each node number, routes to the pods of each node, and the client."""
    if not os.path.exists(NETNS_FOLDER):
        with open(_MADE_FOLDER, "w", encoding="utf-8"):
            pass
    _ip(f"netns add {LAN}", f"netns add {CLIENT}")
    lines = [
        "link set lo up",
        f"link add {BRIDGE} type bridge",
        f"addr add {settings.API_ADDRESS4}/24 dev {BRIDGE}",
        f"addr add {settings.API_ADDRESS6}/64 dev {BRIDGE} nodad",
        f"link set {BRIDGE} up",
        f"link add client type veth peer name eth0 netns {CLIENT}",
        f"link set client master {BRIDGE} up",
    ]
    for n in nodes:
        lines += [
            f"tuntap add {tap(n)} mode tap",
            f"link set {tap(n)} master {BRIDGE} up",
            f"route add {settings.pod_range4(n)} via {settings.node_address4(n)}",
            f"route add {settings.pod_range6(n)} via {settings.node_address6(n)}",
        ]
    _ip(*lines, namespace=LAN)
    # A connection to a node that is silent fails after 7 s, not after 2 minutes.
    subprocess.run(inside(LAN, ["sysctl", "-qw", "net.ipv4.tcp_syn_retries=2"]), check=True)
    _ip(
        "link set lo up",
        f"addr add {settings.CLIENT_ADDRESS4}/24 dev eth0",
        f"addr add {settings.CLIENT_ADDRESS6}/64 dev eth0 nodad",
        "link set eth0 up",
        namespace=CLIENT,
    )


def set_link(number, up):
    """Plugs or pulls the cable between a node and the bridge: the bridge drops what passes, both ways.

    Not by the tap's own state: the node's kernel gives a network card up for good when it cannot write to it.
    """
    _bridge("link", "set", "dev", tap(number), "state", "3" if up else "0")


def link_is_up(number):
    return "state disabled" not in _bridge("link", "show", "dev", tap(number))


def _bridge(*args):
    done = subprocess.run(["bridge", "-n", LAN, *args], capture_output=True, text=True, check=False)
    if done.returncode:
        raise settings.Problem(f"bridge {' '.join(args)} failed: {done.stderr.strip()}")
    return done.stdout


def destroy():
    """Kills whatever lives in our namespaces and removes them with all that is in them."""
    for namespace in (LAN, CLIENT):
        if exists(namespace):
            processes.kill_all(lambda ns=namespace: processes.in_namespace(ns))
            _ip(f"netns del {namespace}")
    # `ip netns add` made the folder a mount point of its own; leave the host as it was.
    if os.path.exists(_MADE_FOLDER):
        if os.path.isdir(NETNS_FOLDER) and not os.listdir(NETNS_FOLDER):
            subprocess.run(["umount", NETNS_FOLDER], capture_output=True, check=False)
            os.rmdir(NETNS_FOLDER)
        os.unlink(_MADE_FOLDER)


def wait_for_port(address, port, timeout, alive):
    """Waits until something listens at a TCP port of the LAN; alive() says whether waiting makes sense."""
    deadline = time.monotonic() + timeout
    probe = inside(LAN, ["nc", "-z", "-w", "1", address, str(port)])
    while subprocess.run(probe, capture_output=True, check=False).returncode:
        if not alive():
            return False
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True
