# SPDX-License-Identifier: Apache-2.0
"""A light node beside a real kube-apiserver and etcd, on which node daemons and kube-proxy are measured."""

import contextlib
import json
import os
import re
import shlex
import subprocess

from tools.lab import barevip, binaries, cluster, control_plane, network, nodes, settings
from tools.lab.settings import Problem
from tools.lab.waiting import wait_for

from . import programs
from .contenders import Barevip, administrator

NAME = settings.node_name(1)
VIPS = "10.200.0.0/16"  # of node_load
FIRST_VIP = "10.200.0.0"
_BALANCER = "/run/barevip/netns"
_METRICS_PORT = 7480
# Tens of thousands of objects in the kernel and in each program; a light node has 256 MiB otherwise.
_MEMORY = "3072M"
_TICKS = 100  # USER_HZ of Linux


@contextlib.contextmanager
def measured_node(sync_period):
    """Yields a Node that is alone with the API server; nothing is left afterwards. sync_period: seconds."""
    cluster.clean()
    try:
        network.create([1])
        control_plane.create_credentials([1])
        nodes.create_ssh_keys([1])
        control_plane.start_servers()
        control_plane.wait_until_ready()
        cluster.create_light_nodes([1])
        control_plane.grant_proxy()
        barevip.install_objects()
        # Not before the new kinds are served, which is a moment after they are known.
        make = lambda: control_plane.kubectl("apply", "-f", "-", stdin=json.dumps(Barevip.pool()), check=False)  # noqa: E731
        wait_for("a Pool", make)
        yield Node(administrator(), sync_period)
    finally:
        cluster.clean()


class Running:
    """A program on the node."""

    def __init__(self, pid):
        self.pid = pid

    def memory_mib(self):
        """Resident now, and at its highest."""
        text = nodes.run(1, "cat", f"/proc/{self.pid}/status")
        return tuple(
            int(re.search(rf"^{field}:\s+(\d+) kB", text, re.MULTILINE).group(1)) / 1024 for field in ("VmRSS", "VmHWM")
        )

    def cpu_seconds(self):
        fields = nodes.run(1, "cat", f"/proc/{self.pid}/stat").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def stop(self):
        """SIGTERM, and waits for the end."""
        nodes.run(1, f"kill {self.pid}; while kill -0 {self.pid} 2>/dev/null; do sleep 0.05; done")


class Node:
    """What is done on the node, and to the API server for it."""

    def __init__(self, kubeconfig, sync_period):
        self._kubeconfig = kubeconfig
        self._sync_period = sync_period
        self._interface = f"--bind-iface={settings.NODE_INTERFACE}"
        self._barevip = control_plane.token_kubeconfig("barevip-node", barevip.NAMESPACE, NAME)

    def load(self, command, *args):
        """Writes API objects (node_load), from the LAN."""
        line = [programs.NODE_LOAD, f"--kubeconfig={self._kubeconfig}", command, *args]
        done = subprocess.run(network.inside(settings.LAN, line), capture_output=True, text=True, check=False)
        if done.returncode:
            raise Problem(done.stderr.strip())

    def change(self, services, endpoints, rounds, limit):
        """Milliseconds of single changes from the API server's answer to the kernel, by kind."""
        line = [
            programs.NODE_LOAD,
            f"--kubeconfig={self._kubeconfig}",
            "change",
            f"--services={services}",
            f"--endpoints={endpoints}",
            f"--node={NAME}",
            f"--rounds={rounds}",
            f"--ipvs={_BALANCER}",
            f"--limit={limit}",
        ]
        return json.loads(nodes.run(1, *line))

    @staticmethod
    def boot():
        """A kernel in which nothing is; whatever ran on the node is gone."""
        if nodes.is_running(1):
            nodes.power_off(1)
        nodes.boot(1, [1], light=True, proxy="none", memory=_MEMORY)
        nodes.wait_until_reachable(1)

    def prepare_for_barevip(self):
        """What the init container does."""
        nodes.run(1, programs.NODE, "init", self._interface)

    def start_barevip(self, virtual_servers, real_servers, limit):
        """Returns the program and what node_start prints."""
        address = settings.node_address4(1)
        return self._start(
            [
                f"--ipvs={_BALANCER}",
                f"--ready-address={address}",
                f"--ready-port={_METRICS_PORT}",
                f"--virtual-servers={virtual_servers}",
                f"--real-servers={real_servers}",
                f"--limit={limit}",
            ],
            [
                programs.NODE,
                self._interface,
                f"--kubeconfig={self._barevip}",
                f"--node-name={NAME}",
                f"--metrics-address={address}:{_METRICS_PORT}",
                f"--sync-period={self._sync_period}s",
            ],
            "barevip-node",
        )

    def start_proxy(self, mode, virtual_servers, real_servers, limit):
        """The same of kube-proxy."""
        return self._start(
            [f"--virtual-servers={virtual_servers}", f"--real-servers={real_servers}", f"--limit={limit}"],
            [
                os.path.join(binaries.KUBERNETES, "kube-proxy"),
                f"--kubeconfig={os.path.join(settings.KUBECONFIGS, 'kube-proxy.conf')}",
                f"--hostname-override={NAME}",
                f"--cluster-cidr={settings.POD_RANGES}",
                f"--proxy-mode={mode}",
            ],
            "kube-proxy",
        )

    def add_pod(self):
        """Makes a pod on the node that serves traffic, and the only endpoint of the first Service; returns its address.

        The client gets a way to pods, VIPs and ClusterIPs by the node.
        """
        log = os.path.join(nodes.folder(1), "traffic.log")
        script = os.path.join(settings.LAB, "node", "pod.sh")
        pod = nodes.run(1, script, "add", NAME, "1", "traffic", programs.TRAFFIC, log).split()[0]
        # What comes before kube-proxy is there would be led elsewhere, and all that follows with it.
        redirects = [f"net.ipv4.conf.{device}.accept_redirects=0" for device in ("all", "eth0")]
        subprocess.run(network.inside(settings.CLIENT, ["sysctl", "-qw", *redirects]), check=True)
        for target in (settings.pod_range4(1), VIPS, settings.SERVICE_RANGES.split(",")[0]):
            way = ["ip", "-n", settings.CLIENT, "route", "replace", target, "via", settings.node_address4(1)]
            subprocess.run(way, check=True)
        endpoint = {"addresses": [pod], "nodeName": NAME, "conditions": {"ready": True}}
        patch = json.dumps({"endpoints": [endpoint]})
        control_plane.kubectl("-n", "bench", "patch", "endpointslice", "s0", "--type=merge", "-p", patch)
        return pod

    @staticmethod
    def cluster_ip():
        """Of the first Service."""
        return control_plane.kubectl_json("-n", "bench", "get", "service", "s0")["spec"]["clusterIP"]

    @staticmethod
    def traffic(kind, address, port, seconds, connections):
        """What a client of the LAN gets: "rate" in connections, "throughput" in megabits a second."""
        line = [programs.TRAFFIC, kind, address, str(port), str(seconds), str(connections)]
        done = subprocess.run(network.inside(settings.CLIENT, line), capture_output=True, text=True, check=False)
        if done.returncode:
            raise Problem(f"no traffic to {address}: {done.stderr.strip()}")
        return float(done.stdout)

    def wait_for_traffic(self, address, port, limit):
        """Waits until a client is answered."""

        def answered():
            try:
                return self.traffic("rate", address, port, 0.1, 1)
            except Problem as silent:
                raise ValueError(str(silent)) from None

        try:
            wait_for(f"an answer from {address}", answered, limit)
        except AssertionError as late:
            raise Problem(str(late)) from None

    def bare_loop(self):
        """What bare_loop prints."""
        return json.loads(nodes.run(1, programs.BARE_LOOP, _BALANCER))

    def metrics(self):
        """All of barevip's by name with labels, as they stand there."""
        url = f"http://{settings.node_address4(1)}:{_METRICS_PORT}/metrics"
        done = subprocess.run(
            network.inside(settings.LAN, ["curl", "-sSf", "--max-time", "30", url]),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise Problem(f"barevip-node has no metrics: {done.stderr.strip()}")
        lines = [line.rpartition(" ") for line in done.stdout.splitlines() if line and not line.startswith("#")]
        return {name: float(value) for name, _, value in lines}

    def wait_for_metrics(self, what, condition, limit):
        """Waits until the condition is true of the metrics, and returns them."""

        def found():
            metrics = self.metrics()
            return metrics if condition(metrics) else None

        try:
            return wait_for(what, found, limit, 0.1)
        except AssertionError as late:
            raise Problem(str(late)) from None

    def wait_for_full_sync(self, limit):
        """Waits for the next one to end; returns the metrics before and after."""
        name = "barevip_node_full_syncs_total"
        before = self.metrics()
        return before, self.wait_for_metrics("a full read of the kernel", lambda m: m[name] > before[name], limit)

    @staticmethod
    def _start(watch, command, name):
        log = os.path.join(nodes.folder(1), f"{name}.log")
        found = json.loads(nodes.run(1, shlex.join([programs.NODE_START, *watch, f"--log={log}", "--", *command])))
        return Running(found["pid"]), found
