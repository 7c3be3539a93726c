# SPDX-License-Identifier: Apache-2.0
"""The command line of test/cluster."""

import argparse
import dataclasses
import json
import os
import sys

from . import settings
from .settings import Problem

_DESCRIPTION = """\
A real Kubernetes on this machine, to try barevip on: control plane and nodes are on a LAN of their own
(network namespace barevip-lan), each node is a User-Mode-Linux kernel. Needs root, or sudo."""

_EPILOG = f"""\
addresses: API server 10.99.0.1, node N 10.99.0.1N (fd99::1N), client 10.99.0.100 (fd99::100); the NIC of a
  node is {settings.NODE_INTERFACE}. Pods: 10.244.N.0/24 and fd00:244:N::/64. Services: 10.96.0.0/16 and fd00:96::/112.
images on the nodes: localhost/barevip-pause:1, localhost/barevip-backend:1 (HTTP and UDP on 8080, answers with
  pod, node and client), and barevip's own unless --without-barevip.
environment: BAREVIP_CACHE ({settings.CACHE}): what is built, kept for the next time;
  BAREVIP_RUN ({settings.RUN}): what runs, gone after `down`;
  KUBEBUILDER_ASSETS: a folder with kube-apiserver, etcd and kubectl to use instead of built ones."""


def _passed_through(command, words):
    """kubectl, helm, exec and client: become that command, so that streams and exit status are its own."""
    if command == "kubectl":
        from . import control_plane

        _require_lan()
        argv = control_plane.kubectl_argv(*words)
    elif command == "helm":
        from . import control_plane

        _require_lan()
        argv = control_plane.helm_argv(*words)
    elif command == "client":
        from . import network

        _require_lan()
        if not words:
            words = [os.environ.get("SHELL", "/bin/bash")]
        argv = network.inside(settings.CLIENT, ["/bin/sh", "-c", words[0]] if len(words) == 1 else words)
    else:
        from . import cluster, nodes

        if not words:
            raise Problem("exec wants a node: test/cluster exec NODE [CMD...]")
        number = cluster.check_node(words[0])
        if not nodes.is_running(number):
            raise Problem(f"{words[0]} is off; `test/cluster start {words[0]}` boots it")
        line = nodes.shell_command(words[1:]) if words[1:] else ""
        argv = nodes.ssh_argv(number, line, terminal=sys.stdin.isatty() and sys.stdout.isatty())
    os.execvp(argv[0], argv)


def _require_lan():
    if not os.path.exists(f"/run/netns/{settings.LAN}"):
        raise Problem("no cluster is up: make one by `test/cluster up`")


def _parser():
    parser = argparse.ArgumentParser(
        prog="test/cluster",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)

    def add(name, text):
        return commands.add_parser(name, help=text, description=text)

    up = add("up", "make a cluster and wait until its nodes are Ready")
    up.add_argument("--nodes", type=int, default=2, metavar="N", help="how many nodes (default 2)")
    up.add_argument(
        "--light",
        action="store_true",
        help="nodes without kubelet and containerd, up in seconds: no pods, Node objects by this tool",
    )
    up.add_argument(
        "--proxy",
        choices=["iptables", "ipvs", "nftables", "none"],
        help="mode of kube-proxy on each node (default iptables; with --light none)",
    )
    up.add_argument("--without-barevip", action="store_true", help="leave barevip out")
    add("build", "only build what a cluster needs, into the cache")
    add("down", "take the cluster down and remove all that it made outside the cache")
    add("status", "show processes, nodes and links; exit status 1 unless all is well")
    kubeconfig = add(
        "kubeconfig", "print the path of the administrator's kubeconfig (valid inside the LAN: see client, exec)"
    )
    kubeconfig.add_argument(
        "--account", metavar="NAMESPACE/NAME", help="make one with a token of a service account instead"
    )
    kubeconfig.add_argument("--node", metavar="NODE", help="bind that token to a node, as that of a pod there is")
    # These four are taken before this parser sees them: all that follows belongs to the command.
    add("kubectl", "ARGS...: run kubectl as administrator, with the plugin: kubectl barevip ...")
    add("helm", "ARGS...: run helm as administrator")
    add("exec", "NODE [CMD...]: run a command on a node by ssh; one word is a shell line; none is a shell")
    add("client", "[CMD...]: run a command on a host of the LAN that is no node; one word is a shell line")
    for name, text in (
        ("kill", "take a node's power: kill -9 of all that it is"),
        ("start", "boot a node that is off and wait until it is Ready"),
    ):
        add(name, text).add_argument("node", metavar="NODE")
    link = add("link", "pull or plug the cable of a node; booting plugs it, too")
    link.add_argument("node", metavar="NODE")
    link.add_argument("position", choices=["down", "up"])
    actions = ["stop", "start", "pause", "resume"]
    server = add("apiserver", "make the API server fail and come back: stop (kill -9), start, pause, resume")
    server.add_argument("action", choices=actions)
    part = add(
        "process",
        "the same for another process of the LAN: etcd, kube-controller-manager, kube-scheduler, "
        "barevip-operator of a light cluster",
    )
    part.add_argument("name", metavar="NAME")
    part.add_argument("action", choices=actions)
    load = add("load", "import images into all nodes: archives of images, or barevip's own as they are built now")
    load.add_argument("archives", nargs="*", metavar="TAR")
    add(
        "previous",
        "build barevip as it was before the last change to what ships; prints its folder and the archives of "
        "its images, which have the tag `previous`",
    )
    add(
        "registry",
        "start a registry of images and charts on the LAN (plain HTTP, nodes pull from it) and print its address",
    )
    add(
        "prometheus",
        "start Prometheus on the LAN with that configuration, in place of one that runs, and print its address",
    ).add_argument("config", metavar="FILE")
    pod = add("pod", "make a pod-like network namespace with the backend in it on a light node; prints its addresses")
    pod.add_argument("node", metavar="NODE")
    pod.add_argument("name", metavar="NAME")
    pod.add_argument("--delete", action="store_true", help="remove it")
    shown = add(
        "audit",
        "show what barevip's accounts asked of the API server, and how often: account, verb, resource, "
        "answer; '-' before what their roles do not allow",
    )
    shown.add_argument(
        "--from", dest="start", type=int, default=0, metavar="BYTE", help="leave out the log before that byte"
    )
    shown.add_argument("-o", "--output", choices=["table", "json"], default="table", help="form (default table)")
    logs = add("logs", "show the ends of the logs of a node, of a process (as etcd), or of everything on the LAN")
    logs.add_argument("subject", nargs="?", metavar="NODE")
    logs.add_argument("-n", "--lines", type=int, default=20, help="how many lines of each (default 20)")
    logs.add_argument("-f", "--follow", action="store_true", help="go on as they grow")
    return parser


def _up(cluster, options):
    if not 1 <= options.nodes <= settings.MAX_NODES:
        raise Problem(f"--nodes {options.nodes}: a cluster has 1 to {settings.MAX_NODES} nodes")
    proxy = options.proxy or ("none" if options.light else "iptables")
    cluster.up(options.nodes, options.light, proxy, not options.without_barevip)


def _show_audit(options):
    from . import audit

    counts, end = audit.requests(options.start)
    if options.output == "json":
        print(
            json.dumps(
                {"end": end, "requests": [dataclasses.asdict(r) | {"count": n} for r, n in sorted(counts.items())]}
            )
        )
        return
    for r, count in sorted(counts.items()):
        resource = f"{r.resource}.{r.group}" if r.group else r.resource
        print(
            f"{' ' if r.allowed else '-'} {r.account:<18} {r.verb:<7} {resource:<34} {r.name:<24} "
            f"{r.code:>3} {count:>7} {r.why}".rstrip()
        )


def _run(options):
    """Runs one parsed command; returns the exit status."""
    from . import cluster, control_plane

    if options.command == "status":
        return 0 if cluster.status() else 1
    if options.command == "audit":
        _show_audit(options)
        return 0
    if options.command == "kubeconfig":
        cluster.current()
        namespace, _, account = (options.account or "").rpartition("/")
        if options.account and not namespace:
            raise Problem(f"--account {options.account}: write NAMESPACE/NAME")
        print(
            control_plane.token_kubeconfig(account, namespace, options.node) if account else settings.ADMIN_KUBECONFIG
        )
        return 0
    if options.command == "logs":
        follow = ["-F"] if options.follow else []
        files = cluster.log_files(options.subject)
        os.execvp("tail", ["tail", "-v", "-n", str(options.lines), *follow, *files])
    with cluster.exclusive():
        if options.command == "up":
            _up(cluster, options)
        elif options.command == "build":
            cluster.prepare(with_barevip=False, light=False)
        elif options.command == "down":
            cluster.down()
        elif options.command == "kill":
            cluster.kill_node(options.node)
        elif options.command == "start":
            cluster.start_node(options.node)
        elif options.command == "link":
            from . import network

            network.set_link(cluster.check_node(options.node), options.position == "up")
        elif options.command in ("apiserver", "process"):
            cluster.current()
            name = control_plane.API_SERVER if options.command == "apiserver" else options.name
            control_plane.control(name, options.action)
        elif options.command == "load":
            cluster.load(options.archives)
        elif options.command == "registry":
            from . import registry

            print(registry.ensure_running())
        elif options.command == "prometheus":
            from . import prometheus

            cluster.current()
            print(prometheus.restart(options.config))
        elif options.command == "previous":
            from . import previous

            print(previous.ensure_source(), *previous.ensure_images(), sep="\n")
        elif options.command == "pod":
            cluster.pod(options.node, options.name, options.delete)
    return 0


def become_root():
    """Starts over by sudo with the folders of the user who asked."""
    keep = [f"BAREVIP_CACHE={settings.CACHE}", f"BAREVIP_RUN={settings.RUN}", f"PATH={os.environ['PATH']}"]
    keep += [
        f"{name}={os.environ[name]}"
        for name in ("KUBEBUILDER_ASSETS", "GOPROXY", "GOCACHE", "GOMODCACHE")
        if name in os.environ
    ]
    try:
        os.execvp("sudo", ["sudo", "env", *keep, *sys.argv])
    except OSError:
        raise Problem("needs root for namespaces and taps: run it as root or install sudo") from None


def main():
    words = sys.argv[1:]
    try:
        if os.geteuid() != 0 and words and not {"-h", "--help"} & set(words[:2]):
            become_root()
        if words and words[0] in ("kubectl", "helm", "exec", "client") and words[1:2] not in (["-h"], ["--help"]):
            _passed_through(words[0], words[1:])
        return _run(_parser().parse_args())
    except Problem as problem:
        print(f"test/cluster: {problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("test/cluster: interrupted; the next `up` or `down` cleans up what is there", file=sys.stderr)
        return 130
