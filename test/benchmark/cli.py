# SPDX-License-Identifier: Apache-2.0
"""The command line of test/bench."""

import argparse
import os
import signal
import subprocess
import sys

from tools.lab.settings import Problem

_DESCRIPTION = """\
Measures barevip. Figures are for comparing, within one run on a quiet machine: nothing here passes or fails by time.
docs/benchmarks.md says how to read them."""

_EPILOG = """\
environment: BAREVIP_CACHE and BAREVIP_RUN as for test/cluster, which may be up meanwhile: the run folder and the
  network namespaces (barevip-bench-*) are others. The next run, or `clean`, removes what an interrupted one left."""


def _numbers(text, most, example):
    try:
        numbers = [int(word) for word in text.split(",")]
    except ValueError:
        numbers = []
    if not numbers or not all(1 <= number <= most for number in numbers):
        raise argparse.ArgumentTypeError(f"'{text}': write numbers from 1 to {most} with commas between, as {example}")
    return numbers


def _counts(text):
    return _numbers(text, 50000, "100,1000")


def _endpoints(text):
    return _numbers(text, 64, "1,10")


def _others(text):
    from .contenders import MOST_OTHERS

    if not (text.isdecimal() and int(text) <= MOST_OTHERS):
        raise argparse.ArgumentTypeError(f"'{text}': write a number from 0 to {MOST_OTHERS}")
    return int(text)


def _parser():
    parser = argparse.ArgumentParser(
        prog="test/bench",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)

    def add(name, text):
        return commands.add_parser(name, help=text, description=text)

    allocation = add(
        "allocation", "pending Services to addressed, on a real API server, beside MetalLB and the bare limit"
    )
    allocation.add_argument(
        "--services",
        type=_counts,
        default=[100, 1000, 2000, 5000],
        metavar="N,N...",
        help="how many Services (default 100,1000,2000,5000)",
    )
    allocation.add_argument(
        "--others",
        type=_others,
        default=0,
        metavar="N",
        help="how many Pools of other namespaces there are besides (default 0, at most 1000)",
    )
    allocation.add_argument(
        "--metallb-most",
        type=int,
        default=2000,
        metavar="N",
        help="leave MetalLB out of more Services than that, it takes minutes (default 2000; 0: no MetalLB)",
    )
    allocation.add_argument(
        "--limit",
        type=int,
        default=1800,
        metavar="SECONDS",
        help="give up when Services have no address by then (default 1800)",
    )
    dataplane = add(
        "dataplane", "API objects to the kernel of a node, beside kube-proxy in ipvs mode and a bare loop of messages"
    )
    dataplane.add_argument(
        "--services",
        type=_counts,
        default=[10, 1000, 10000],
        metavar="N,N...",
        help="how many Services (default 10,1000,10000)",
    )
    dataplane.add_argument(
        "--endpoints",
        type=_endpoints,
        default=[1, 10],
        metavar="N,N...",
        help="how many endpoints each has: the first number with each number of Services, the others with the largest "
        "(default 1,10)",
    )
    dataplane.add_argument(
        "--rounds", type=int, default=9, metavar="N", help="single changes of each kind and size (default 9)"
    )
    dataplane.add_argument(
        "--cluster-services",
        type=int,
        default=5000,
        metavar="N",
        help="ClusterIP Services whose pods move, at last (default 5000; 0: none)",
    )
    dataplane.add_argument(
        "--churn-rate", type=int, default=50, metavar="N", help="how many of their pods move a second (default 50)"
    )
    dataplane.add_argument(
        "--sync-period",
        type=int,
        default=30,
        metavar="SECONDS",
        help="how often barevip-node reads the kernel back (default 30, as installed)",
    )
    dataplane.add_argument(
        "--traffic-seconds",
        type=int,
        default=5,
        metavar="SECONDS",
        help="how long each measurement of traffic takes (default 5; 0: none)",
    )
    dataplane.add_argument(
        "--proxy-most",
        type=int,
        default=50000,
        metavar="N",
        help="leave kube-proxy out of more Services than that, it takes minutes (default 50000; 0: no kube-proxy)",
    )
    dataplane.add_argument(
        "--limit",
        type=int,
        default=900,
        metavar="SECONDS",
        help="do not wait longer for a program to fill the kernel (default 900)",
    )
    add(
        "allocator",
        "the pure part: one allocation and its release, by Pools and held addresses, and one look at all Pools",
    )
    add(
        "node-pass",
        "the node's reconciler without its kernel: a pass after a change of one Service, by how many there are",
    )
    add(
        "ipvs-memory",
        "what 110,000 changes of IPVS, a cold start with 10,000 Services, take of memory on their way to the kernel",
    )
    add("clean", "remove what an interrupted run left")
    return parser


def _allocation(options):
    from tools.lab import binaries, cli, cluster

    from . import allocation, programs
    from .contenders import Barevip, MetalLb

    programs.ensure(programs.OPERATOR, programs.SERVICE_LOAD)
    if os.geteuid() != 0:
        cli.become_root()
    binaries.ensure_api_server()
    if options.metallb_most:
        binaries.ensure_metallb()
    rows = []
    with cluster.exclusive():
        try:
            for services in options.services:
                for name in (allocation.BARE_LIMIT, allocation.RECORDS):
                    rows.append((name, allocation.bare_limit(services, name == allocation.RECORDS)))
                rows.append((Barevip.name, allocation.contender(Barevip(), services, options.others, options.limit)))
                if services <= options.metallb_most:
                    row = allocation.contender(MetalLb(), services, options.others, options.limit)
                    rows.append((MetalLb.name, row))
        finally:
            cluster.down()
    print(allocation.table(rows))


def _dataplane(options):
    from tools.lab import binaries, cli, cluster, kernel

    from . import dataplane, programs

    programs.ensure(*programs.DATAPLANE)
    if os.geteuid() != 0:
        cli.become_root()
    kernel.ensure()
    binaries.ensure_api_server("kube-proxy")
    results = dataplane.Results()
    with cluster.exclusive():
        try:
            dataplane.measure(options, results)
        finally:
            # It takes long: what was measured before an interruption counts, too.
            print(dataplane.report(results))
            cluster.down()


def _clean():
    from tools.lab import cli, cluster

    if os.geteuid() != 0:
        cli.become_root()
    with cluster.exclusive():
        cluster.down()


def _run(*names):
    from . import programs

    benches = [getattr(programs, name) for name in names]
    programs.ensure(*benches)
    for bench in benches:
        subprocess.run([bench], check=True)


def _interrupt(*_):
    raise KeyboardInterrupt


def main():
    signal.signal(signal.SIGTERM, _interrupt)
    options = _parser().parse_args()
    try:
        if options.command == "allocation":
            _allocation(options)
        elif options.command == "dataplane":
            _dataplane(options)
        elif options.command == "allocator":
            _run("ALLOCATOR_BENCH", "POOL_PASS_BENCH")
        elif options.command == "node-pass":
            _run("NODE_PASS_BENCH")
        elif options.command == "ipvs-memory":
            _run("IPVS_MEMORY")
        else:
            _clean()
    except (Problem, RuntimeError, subprocess.CalledProcessError) as problem:
        print(f"test/bench: {problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("test/bench: interrupted; nothing of it is left", file=sys.stderr)
        return 130
    return 0
