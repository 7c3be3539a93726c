# SPDX-License-Identifier: Apache-2.0
"""Pending Services to addressed, on a real kube-apiserver and etcd, each time from nothing."""

import contextlib
import dataclasses
import json
import signal
import subprocess
import time

from tools.lab import barevip, cluster, control_plane, network, processes, settings
from tools.lab.progress import step
from tools.lab.settings import Problem

from . import programs, usage
from .contenders import administrator

_SERVERS = ["etcd", control_plane.API_SERVER]


@dataclasses.dataclass(frozen=True)
class Measurement:
    """One contender, or the bare limit (which has no program of its own), at one number of Services."""

    services: int
    seconds: float
    server_cpu: float  # seconds of API server and etcd
    program_cpu: float = 0.0
    memory: float = 0.0  # MiB, when all have an address
    peak: float = 0.0
    restarted: float = 0.0  # peak of a process that begins with what all have

    @property
    def rate(self):
        return self.services / self.seconds


def _load(kubeconfig, *args):
    """Runs service_load and returns the seconds that it prints."""
    command = network.inside(settings.LAN, [programs.SERVICE_LOAD, f"--kubeconfig={kubeconfig}", *args])
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Problem(done.stderr.strip())
    return float(done.stdout)


@contextlib.contextmanager
def _api_server():
    """An API server with nothing in it, gone afterwards; yields the kubeconfig of its administrator."""
    cluster.clean()
    try:
        network.create([])
        control_plane.create_credentials([])
        control_plane.start_servers()
        control_plane.wait_until_ready()
        yield administrator()
    finally:
        cluster.clean()


def _servers_cpu():
    return sum(usage.cpu_seconds(processes.pid_of(name)) for name in _SERVERS)


def _settle(name):
    pids = [processes.pid_of(each) for each in [*_SERVERS, name] if each]
    if None in pids:
        raise Problem(f"{name} has ended:\n{control_plane.log_tail(name)}")
    # An idle API server is busy with itself for a few hundredths of a CPU.
    if not usage.wait_until_quiet(pids, share=0.15):
        raise Problem("API server and controllers do not come to rest: is the machine busy?")


BARE_LIMIT, RECORDS = "bare limit", "records"


def bare_limit(services, records):
    """The operator's status patches alone, written blindly over eight connections; with IP objects before them."""
    with step(f"{services} Services, {RECORDS if records else BARE_LIMIT}"), _api_server() as kubeconfig:
        barevip.install_objects()
        _load(kubeconfig, "create", f"--services={services}")
        _settle(None)
        before = _servers_cpu()
        seconds = _load(kubeconfig, "patch", *(["--records"] if records else []))
        return Measurement(services, seconds, _servers_cpu() - before)


def contender(who, services, others, limit):
    """From the creation of the contender's Pool, beside those of others, until all Services show an address."""
    with step(f"{services} Services, {who.name}"), _api_server() as kubeconfig:
        who.install()
        if others:
            pools = [who.pool_of_another(number) for number in range(others)]
            control_plane.kubectl("create", "-f", "-", stdin="\n---\n".join(map(json.dumps, pools)))
        _load(kubeconfig, "create", f"--services={services}")
        who.start(kubeconfig)
        _settle(who.name)
        pid = processes.pid_of(who.name)
        servers, program = _servers_cpu(), usage.cpu_seconds(pid)
        seconds = _load(
            kubeconfig,
            "measure",
            f"--services={services}",
            f"--pool={json.dumps(who.pool())}",
            f"--plural={who.plural}",
            f"--limit={limit}",
        )
        servers, program = _servers_cpu() - servers, usage.cpu_seconds(pid) - program
        memory, peak = usage.memory_mib(pid)
        return Measurement(services, seconds, servers, program, memory, peak, _peak_when_started(who, kubeconfig))


def _peak_when_started(who, kubeconfig):
    """MiB at most of another process that takes over, until it has come to rest: what is left to write goes on."""
    ended = processes.pid_of(who.name)
    processes.send(who.name, signal.SIGTERM)  # which gives up the Lease
    while processes.start_time(ended) is not None:
        time.sleep(0.1)
    processes.kill(who.name)
    who.start(kubeconfig)
    pid = processes.pid_of(who.name)
    usage.wait_until_quiet([pid], window=5.0, share=0.15, timeout=60)
    return usage.memory_mib(pid)[1]


def table(rows):
    """Lines of text for (name, Measurement) pairs; ratios are to the bare limit and to MetalLB of the same number."""
    found = {(name, m.services): m for name, m in rows}
    lines = [
        "services  who         seconds  Services/s  x bare limit  x MetalLB   RSS MiB  peak MiB  restarted MiB  CPU s  "
        "server CPU s"
    ]

    def against(other, m):
        base = found.get((other, m.services))
        return f"{m.seconds / base.seconds:.2f}" if base else "-"

    for name, m in rows:
        own = ["-"] * 4
        if m.memory:
            own = [f"{m.memory:.1f}", f"{m.peak:.1f}", f"{m.restarted:.1f}", f"{m.program_cpu:.2f}"]
        lines.append(
            f"{m.services:8}  {name:10} {m.seconds:8.2f}  {m.rate:10.0f}  {against(BARE_LIMIT, m):>12}  "
            f"{against('metallb', m):>9}  {own[0]:>8}  {own[1]:>8}  {own[2]:>13}  {own[3]:>5}  {m.server_cpu:12.2f}"
        )
    return "\n".join(lines)
