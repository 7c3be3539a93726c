# SPDX-License-Identifier: Apache-2.0
"""Folders, versions and the address plan of the test cluster, in one place."""

import os

LAB = os.path.dirname(os.path.realpath(__file__))
REPO = os.path.dirname(os.path.dirname(os.path.dirname(LAB)))
CACHE = os.path.realpath(os.environ.get("BAREVIP_CACHE") or os.path.expanduser("~/.cache/barevip"))
RUN = os.path.realpath(os.environ.get("BAREVIP_RUN") or os.path.join(CACHE, "run"))

IMAGES = os.path.join(CACHE, "images")
LOGS = os.path.join(RUN, "logs")
PKI = os.path.join(RUN, "pki")
SSH = os.path.join(RUN, "ssh")
KUBECONFIGS = os.path.join(RUN, "kubeconfig")
ADMIN_KUBECONFIG = os.path.join(KUBECONFIGS, "admin.conf")

# The LAN is one bridge in its own network namespace; the control plane lives on the bridge's address.
# Another prefix makes another LAN beside it: no address is seen outside of its namespace.
_NAMESPACES = os.environ.get("BAREVIP_NAMESPACES") or "barevip"
LAN = f"{_NAMESPACES}-lan"
CLIENT = f"{_NAMESPACES}-client"
BRIDGE = "br0"
API_ADDRESS4, API_ADDRESS6 = "10.99.0.1", "fd99::1"
CLIENT_ADDRESS4, CLIENT_ADDRESS6 = "10.99.0.100", "fd99::100"
API_PORT = 6443
REGISTRY = f"{API_ADDRESS4}:5000"
PROMETHEUS = f"{API_ADDRESS4}:9090"
SERVICE_RANGES = "10.96.0.0/16,fd00:96::/112"
API_SERVICE_ADDRESS = "10.96.0.1"
POD_RANGES = "10.244.0.0/16,fd00:244::/32"
NODE_INTERFACE = "vec0"
# 10.99.0.1N and a MAC address of one digit: nine nodes are more than two cores carry anyway.
MAX_NODES = 9


class Problem(Exception):
    """A failure that a person can mend; its text is the one sentence shown."""


def node_name(number):
    return f"node{number}"


def node_number(name):
    """The number in node1..node9; Problem for any other name."""
    if len(name) == 5 and name.startswith("node") and name[4] in "123456789":
        return int(name[4])
    raise Problem(f"'{name}' is no node's name: nodes are node1, node2 and so on (see `test/cluster status`)")


def node_address4(number):
    return f"10.99.0.1{number}"


def node_address6(number):
    return f"fd99::1{number}"


def pod_range4(number):
    return f"10.244.{number}.0/24"


def pod_range6(number):
    return f"fd00:244:{number}::/64"


def versions():
    """The pinned versions of test/versions.env."""
    pinned = {}
    with open(os.path.join(REPO, "test", "versions.env"), encoding="utf-8") as lines:
        for line in lines:
            line = line.split("#")[0].strip()
            if line:
                name, _, value = line.partition("=")
                pinned[name] = value
    return pinned
