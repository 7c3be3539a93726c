# SPDX-License-Identifier: Apache-2.0
"""From API objects to the kernel of a node: barevip-node, kube-proxy in ipvs mode, and a bare loop of messages."""

import dataclasses
import os
import statistics
import time

from tools.lab.progress import step
from tools.lab.settings import Problem

from .measured_node import FIRST_VIP, measured_node

BARE_LOOP, BAREVIP, PROXY = "bare loop", "barevip", "kube-proxy ipvs"
_LIMIT_OF_CHANGE = 60
_LIMIT_OF_SYNC = 120
_CHURN_SECONDS = 20
_SHORTEST = 0.02  # seconds: node_start looks every few milliseconds


@dataclasses.dataclass(frozen=True)
class Start:
    """From an empty kernel. Seconds; None: not within the limit, or not of this one."""

    services: int
    endpoints: int
    who: str
    total: float | None  # from the start of the process until all is in IPVS
    ipvs: float | None  # from the first virtual server to the last real server
    links: float | None = None  # addresses, routes and proxy neighbours
    apply: float | None = None  # all that barevip's pass writes, the packet filter included
    memory: float | None = None  # MiB, when it has come to rest
    peak: float | None = None
    missing: str = ""


@dataclasses.dataclass(frozen=True)
class Change:
    """From the API server's answer to the kernel, in milliseconds."""

    services: int
    endpoints: int
    endpoint: list[float]  # one endpoint has another address
    service: list[float]  # a Service shows its address


@dataclasses.dataclass(frozen=True)
class Steady:
    """When everything is in place already."""

    services: int
    endpoints: int
    read: float  # seconds of a full read without drift
    pause: float  # of the pass that it was part of
    resync_writes: float
    ready: float | None  # of another process, from its start
    restart_writes: float


@dataclasses.dataclass(frozen=True)
class Churn:
    """CPU of barevip-node, as a share of a core."""

    services: int  # of type LoadBalancer beside them
    cluster_services: int
    rate: float
    without: float
    during: float


@dataclasses.dataclass(frozen=True)
class Traffic:
    """From a client of the LAN to one pod of the node."""

    way: str
    rate: float  # connections a second
    throughput: float  # Mbit/s


@dataclasses.dataclass
class Results:
    idle: tuple[float, float] = (0.0, 0.0)  # MiB, and peak, without a Service
    starts: list[Start] = dataclasses.field(default_factory=list)
    changes: list[Change] = dataclasses.field(default_factory=list)
    steady: list[Steady] = dataclasses.field(default_factory=list)
    churn: Churn | None = None
    traffic: list[Traffic] = dataclasses.field(default_factory=list)


def _writes(metrics):
    return metrics["barevip_node_netlink_writes_total"] + metrics["barevip_node_filter_writes_total"]


class _Run:
    def __init__(self, node, options, results):
        self._node = node
        self._options = options
        self.results = results

    def _start_barevip(self, services, endpoints):
        """On a node that was just booted."""
        self._node.boot()
        self._node.prepare_for_barevip()
        program, found = self._node.start_barevip(services, services * endpoints, self._options.limit)
        if found["all"] is None or found["ready"] is None:
            raise Problem(f"barevip-node has not programmed everything after {self._options.limit} s: {found}")
        return program, found

    def idle(self):
        with step("barevip without Services"):
            program, _ = self._start_barevip(0, 0)
            self.results.idle = program.memory_mib()
            program.stop()

    def size(self, services, endpoints):
        """All that is measured of one number of Services."""
        label = f"{services} Services of {endpoints}"
        with step(f"{label}, barevip"):
            program, found = self._start_barevip(services, endpoints)
            apply = self._node.metrics()['barevip_node_stage_seconds_sum{stage="apply"}']
            self._add_start(services, endpoints, BAREVIP, found, program, apply)
        with step(f"{label}, single changes"):
            took = self._node.change(services, endpoints, self._options.rounds, _LIMIT_OF_CHANGE)
            self.results.changes.append(Change(services, endpoints, took["endpoint"], took["service"]))
        with step(f"{label}, resync and start with everything in place"):
            # The last Service that came for a moment leaves, and the endpoints that were replaced.
            self._node.wait_for_metrics(
                "the end of single changes",
                lambda m: (
                    m["barevip_node_virtual_servers"] == services and m["barevip_node_draining_real_servers"] == 0
                ),
                _LIMIT_OF_SYNC,
            )
            before, after = self._node.wait_for_full_sync(_LIMIT_OF_SYNC)
            program.stop()
            program, found = self._node.start_barevip(services, services * endpoints, self._options.limit)
            restarted = self._node.metrics()
            program.stop()
            self.results.steady.append(
                Steady(
                    services,
                    endpoints,
                    after["barevip_node_kernel_read_seconds"],
                    after["barevip_node_pass_seconds"],
                    _writes(after) - _writes(before),
                    found["ready"],
                    _writes(restarted),
                )
            )
        with step(f"{label}, {BARE_LOOP}"):
            bare = self._node.bare_loop()
            start = Start(services, endpoints, BARE_LOOP, None, bare["ipvs_seconds"], bare["link_seconds"])
            self.results.starts.append(start)
        if services <= self._options.proxy_most:
            with step(f"{label}, {PROXY}"):
                self._proxy(services, endpoints)

    def _proxy(self, services, endpoints):
        # The API server's own Service comes on top.
        wanted = (services + 1, services * endpoints + 1)
        self._node.boot()
        program, found = self._node.start_proxy("ipvs", *wanted, self._options.limit)
        self._add_start(services, endpoints, PROXY, found, program)
        program.stop()  # what comes next is no work for it

    def _add_start(self, services, endpoints, who, found, program, apply=None):
        memory, peak = program.memory_mib()
        done = found["all"] is not None
        phase = found["all"] - found["first"] if done else None
        missing = "" if done else f"only {found['virtual_servers']} and {found['real_servers']} in IPVS"
        start = Start(services, endpoints, who, found["all"], phase, None, apply, memory, peak, missing)
        self.results.starts.append(start)

    def churn(self, services, endpoints):
        """Pods of Services that are none of barevip's move."""
        count, rate = self._options.cluster_services, self._options.churn_rate
        with step(f"{count} ClusterIP Services whose pods move"):
            self._node.load("fill-cluster-ip", f"--services={count}")
            program, _ = self._start_barevip(services, endpoints)
            without = self._share(program, lambda: time.sleep(_CHURN_SECONDS))
            during = self._share(
                program,
                lambda: self._node.load(
                    "churn", f"--services={count}", f"--rate={rate}", f"--seconds={_CHURN_SECONDS}"
                ),
            )
            self.results.churn = Churn(services, count, rate, without, during)

    def traffic(self, services):
        """To one pod: directly, by its Service's VIP, and by its ClusterIP in each mode of kube-proxy."""
        with step("traffic"):
            self._node.boot()
            self._measure_traffic("direct", self._node.add_pod(), 8080)
            self._node.prepare_for_barevip()
            self._node.start_barevip(services, 0, self._options.limit)
            self._measure_traffic(BAREVIP, FIRST_VIP, 80)
            cluster_ip = self._node.cluster_ip()
            for mode in ("iptables", "ipvs", "nftables") if self._options.proxy_most else ():
                self._node.boot()
                self._node.add_pod()
                self._node.start_proxy(mode, 0, 0, self._options.limit)
                self._measure_traffic(f"kube-proxy {mode}", cluster_ip, 80)

    def _measure_traffic(self, way, address, port):
        self._node.wait_for_traffic(address, port, _LIMIT_OF_CHANGE)
        seconds = self._options.traffic_seconds
        rate = self._node.traffic("rate", address, port, seconds, 8)
        self.results.traffic.append(Traffic(way, rate, self._node.traffic("throughput", address, port, seconds, 1)))

    @staticmethod
    def _share(program, action):
        start, before = time.monotonic(), program.cpu_seconds()
        action()
        return (program.cpu_seconds() - before) / (time.monotonic() - start)


def measure(options, results):
    """Each number of Services with the first number of endpoints, then the largest with the others."""
    sizes = sorted(set(options.services))
    first, *others = options.endpoints
    with measured_node(options.sync_period) as node:
        run = _Run(node, options, results)
        run.idle()
        there = 0
        for services in sizes:
            with step(f"{services} Services with {first} endpoints in the API"):
                fill = (f"--services={services}", f"--from={there}", f"--endpoints={first}", "--node=node1")
                node.load("fill", *fill)
            there = services
            run.size(services, first)
            if services == sizes[0] and options.traffic_seconds:
                run.traffic(services)
                node.load("scale", f"--services={there}", f"--endpoints={first}")
        for endpoints in others:
            with step(f"{endpoints} endpoints for each"):
                node.load("scale", f"--services={there}", f"--endpoints={endpoints}")
            run.size(there, endpoints)
        if options.cluster_services:
            run.churn(there, options.endpoints[-1])


def _number(value, digits=2):
    return "" if value is None else f"{value:.{digits}f}"


def _ratio(value, base, least=0.0):
    """Of a base that is long enough to be measured."""
    return "" if value is None or not base or base <= least else f"{value / base:.2f}"


def _table(head, rows):
    return "\n".join(
        [
            "| " + " | ".join(head) + " |",
            "|" + " --- |" * len(head),
            *("| " + " | ".join(map(str, row)) + " |" for row in rows),
        ]
    )


def _starts(starts):
    def of(who, start):
        found = [s for s in starts if (s.services, s.endpoints, s.who) == (start.services, start.endpoints, who)]
        return found[0] if found else None

    rows = []
    for start in starts:
        bare, proxy = of(BARE_LOOP, start), of(PROXY, start)
        rows.append(
            [
                f"{start.services} x {start.endpoints}",
                start.who,
                start.missing or _number(start.total),
                _ratio(proxy.total if proxy else None, start.total),
                _number(start.ipvs, 3),
                _ratio(start.ipvs, bare.ipvs if bare else None, _SHORTEST),
                _number(start.links, 3),
                _number(start.apply, 3),
                _number(start.memory, 1),
                _number(start.peak, 1),
            ]
        )
    head = ["Services", "who", "start to kernel s", "faster than kube-proxy x", "IPVS s", "x bare loop", "links s"]
    return _table([*head, "apply s", "RSS MiB", "peak MiB"], rows)


def _changes(changes):
    rows = []
    for change in changes:
        row = [f"{change.services} x {change.endpoints}"]
        for kind in ("endpoint", "service"):
            median = statistics.median(getattr(change, kind))
            row += [
                _number(median, 1),
                _number(max(getattr(change, kind)), 1),
                _ratio(median, statistics.median(getattr(changes[0], kind))),
            ]
        rows.append(row)
    head = ["Services", "endpoint ms", "worst ms", "x first line", "Service ms", "worst ms", "x first line"]
    return _table(head, rows)


def _steady(steady):
    rows = [
        [
            f"{s.services} x {s.endpoints}",
            _number(s.read, 3),
            _number(s.pause, 3),
            f"{s.resync_writes:.0f}",
            _number(s.ready),
            f"{s.restart_writes:.0f}",
        ]
        for s in steady
    ]
    return _table(["Services", "resync read s", "pause s", "resync writes", "start in place s", "start writes"], rows)


def _traffic(traffic):
    direct = traffic[0]
    rows = [
        [
            one.way,
            f"{one.rate:.0f}",
            _ratio(one.rate, direct.rate),
            f"{one.throughput:.0f}",
            _ratio(one.throughput, direct.throughput),
        ]
        for one in traffic
    ]
    return _table(["way", "connections/s", "x direct", "Mbit/s", "x direct"], rows)


def report(results):
    """The tables of docs/benchmarks.md, as far as they were measured."""
    load = " ".join(f"{value:.1f}" for value in os.getloadavg())
    tables = ((_starts, results.starts), (_changes, results.changes), (_steady, results.steady))
    parts = [table(rows) for table, rows in tables if rows]
    parts.append(f"Without Services: {results.idle[0]:.1f} MiB resident, {results.idle[1]:.1f} at most.")
    if churn := results.churn:
        parts.append(
            f"{churn.cluster_services} ClusterIP Services beside {churn.services}, {churn.rate} pods move a second: "
            f"{churn.during:.1%} of a core; {churn.without:.1%} while none moves."
        )
    if results.traffic:
        parts.append(_traffic(results.traffic))
    parts.append(f"Load of this machine at the end, over 1, 5 and 15 minutes: {load}")
    return "\n\n".join(parts)
