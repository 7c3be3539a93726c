# SPDX-License-Identifier: Apache-2.0
"""Nodes: User-Mode-Linux kernels with the host's root below a tmpfs, reached by ssh as real ones are."""

import os
import shlex
import shutil
import subprocess
import time

from . import binaries, control_plane, network, processes, settings, uml
from .settings import node_address4, node_address6, node_name

_UML_FOLDER = os.path.join(settings.RUN, "uml")
_KEY = os.path.join(settings.SSH, "id")
_HOST_KEY = os.path.join(settings.SSH, "host_key")
_MEMORY = {"full": "1024M", "light": "256M"}
SSH_PORT = 22


def folder(number):
    """The node's own folder in the run folder: its settings, console and logs."""
    return os.path.join(settings.RUN, "nodes", node_name(number))


def process_name(number):
    return f"uml-{node_name(number)}"


def is_running(number):
    return processes.pid_of(process_name(number)) is not None


def create_ssh_keys(nodes):
    """One key pair to log in with, one host key for all nodes, and the list that makes them known."""
    known = os.path.join(settings.SSH, ".ssh")
    os.makedirs(known, mode=0o700, exist_ok=True)
    for key in (_KEY, _HOST_KEY):
        subprocess.run(["dropbearkey", "-t", "ed25519", "-f", key], capture_output=True, check=True)
    public = {}
    for key in (_KEY, _HOST_KEY):
        shown = subprocess.run(["dropbearkey", "-y", "-f", key], capture_output=True, text=True, check=True).stdout
        public[key] = next(line for line in shown.splitlines() if line.startswith("ssh-"))
    with open(_KEY + ".pub", "w", encoding="utf-8") as out:
        out.write(public[_KEY] + "\n")
    kind, key = public[_HOST_KEY].split()[:2]
    with open(os.path.join(known, "known_hosts"), "w", encoding="utf-8") as out:
        for n in nodes:
            out.write(f"{node_address4(n)} {kind} {key}\n")


def ssh_argv(number, command, terminal=False):
    """The command line that runs a shell command on a node; an empty one is a shell."""
    client = ["env", f"HOME={settings.SSH}", "dbclient", "-K", "5", "-i", _KEY]
    if terminal:
        client.append("-t")
    client.append(f"root@{node_address4(number)}")
    return network.inside(settings.LAN, client + ([command] if command else []))


def shell_command(words):
    """One word is a line for the shell as it is; several are the words of one command."""
    return words[0] if len(words) == 1 else shlex.join(words)


def run(number, *words, stdin=None, check=True):
    """Runs a command on a node and returns what it printed."""
    done = subprocess.run(
        ssh_argv(number, shell_command(words)), stdin=stdin, capture_output=True, text=True, check=False
    )
    if done.returncode and check:
        raise settings.Problem(f"on {node_name(number)}, '{shell_command(words)}' failed: {done.stderr.strip()}")
    return done.stdout


def boot(number, all_nodes, light, proxy, memory=None):
    """Switches a node on. Does not wait. memory as in "512M", else what its kind has."""
    os.makedirs(folder(number), exist_ok=True)
    os.makedirs(_UML_FOLDER, exist_ok=True)
    environment = {
        "NODE": node_name(number),
        "NODE_FOLDER": folder(number),
        "ADDRESS4": node_address4(number),
        "ADDRESS6": node_address6(number),
        "POD_RANGE4": settings.pod_range4(number),
        "POD_RANGE6": settings.pod_range6(number),
        "OTHERS": " ".join(str(n) for n in all_nodes if n != number),
        "LIGHT": "yes" if light else "no",
        "PROXY": proxy,
        "INTERFACE": settings.NODE_INTERFACE,
        "API_ADDRESS4": settings.API_ADDRESS4,
        "REGISTRY": settings.REGISTRY,
        "API_ADDRESS6": settings.API_ADDRESS6,
        "API_SERVICE_ADDRESS": settings.API_SERVICE_ADDRESS,
        "POD_RANGES": settings.POD_RANGES,
        "LAB": settings.LAB,
        "REPO": settings.REPO,
        "CACHE": settings.CACHE,
        "RUN": settings.RUN,
        "KUBERNETES": binaries.KUBERNETES,
        "CONTAINERD": binaries.CONTAINERD,
        "CNI": binaries.CNI,
        "MODULES": uml.modules(),
    }
    env_file = os.path.join(folder(number), "env")
    with open(env_file, "w", encoding="utf-8") as out:
        out.writelines(f"{name}={shlex.quote(value)}\n" for name, value in environment.items())
    umid = node_name(number)
    # What a node that lost its power left of its management socket would keep the next one from its name.
    shutil.rmtree(os.path.join(_UML_FOLDER, umid), ignore_errors=True)
    memory = memory or _MEMORY["light" if light else "full"]
    processes.start(
        process_name(number),
        network.inside(
            settings.LAN,
            [
                *uml.command(turn=number - 1),
                f"mem={memory}",
                f"umid={umid}",
                f"uml_dir={_UML_FOLDER}",
                "root=/dev/root",
                "rootfstype=hostfs",
                "rootflags=/",
                "ro",
                f"init={settings.LAB}/node/init.sh",
                f"BAREVIP_NODE_ENV={env_file}",
                f"{settings.NODE_INTERFACE}:transport=tap,ifname={network.tap(number)},depth=128,gro=1,"
                f"mac=02:00:00:00:00:0{number}",
                "con=null",
                "con0=fd:0,fd:1",
                "quiet",
            ],
        ),
        log=os.path.join(folder(number), "console.log"),
    )


def power_off(number):
    """Power loss: kill -9 of every process that the node's kernel consists of."""
    if not is_running(number):
        raise settings.Problem(f"{node_name(number)} is off already; `test/cluster start {node_name(number)}` boots it")
    processes.kill(process_name(number))


def wait_until_reachable(number, timeout=60):
    """Waits for the node's sshd."""
    if not network.wait_for_port(node_address4(number), SSH_PORT, timeout, lambda: is_running(number)):
        raise settings.Problem(f"{node_name(number)} does not come up; see {folder(number)}/console.log")


def not_ready(numbers, boots=None):
    """Those of the nodes that the API server does not show as Ready now, in the boots that are asked for."""
    ready = set()
    for node in control_plane.kubectl_json("get", "nodes")["items"]:
        name, shown = node["metadata"]["name"], node.get("status", {})
        if boots and boots.get(name) != shown.get("nodeInfo", {}).get("bootID"):
            continue
        if any(c["type"] == "Ready" and c["status"] == "True" for c in shown.get("conditions", [])):
            ready.add(name)
    return [n for n in numbers if node_name(n) not in ready]


def wait_until_ready(numbers, timeout=180):
    """Waits until kubelet of each node reports Ready in this boot: what it said before a power loss is no news."""
    boots = {node_name(n): run(n, "cat /proc/sys/kernel/random/boot_id").strip() for n in numbers}
    deadline = time.monotonic() + timeout
    waiting = numbers
    while waiting := not_ready(waiting, boots):
        for n in waiting:
            if not is_running(n):
                raise settings.Problem(f"{node_name(n)} has halted; see {folder(n)}/console.log")
        if time.monotonic() > deadline:
            names = ", ".join(node_name(n) for n in waiting)
            raise settings.Problem(
                f"not Ready after {timeout} s: {names}; see `test/cluster logs {node_name(waiting[0])}`"
            )
        time.sleep(0.3)
