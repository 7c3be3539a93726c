# SPDX-License-Identifier: Apache-2.0
"""What happens when something dies, is cut off or is changed by hand; kube-proxy in iptables mode."""

import contextlib
import os
import time

from e2e import harness as h
from e2e.case import TrafficTest


class Faults(TrafficTest):
    restarts_server = True

    def prepare(self):
        super().prepare()
        self.make_pool("10.99.0.128/29", "fd99::200/120")
        self.address, self.address6 = self.make_service(families="RequireDualStack", addresses=2)

    def wait_until_all_pods_serve(self):
        """Whatever an earlier test did to nodes and pods has arrived in the kernels: nothing is left to be written."""

        def real_servers(node, address, kind):
            host = f"[{address}]" if ":" in address else address
            lines = h.in_director(node, "ipvsadm", "-Ln", f"--{kind}-service", f"{host}:80", check=False).splitlines()
            return sum(
                line.split()[0] == "->" and line.split()[3] not in ("0", "Weight") for line in lines if line.strip()
            )

        for node in (n["metadata"]["name"] for n in h.objects("nodes")):
            for address in (self.address, self.address6):
                for kind in ("tcp", "udp"):
                    h.wait_for(
                        f"{self.replicas} real servers of {address} {kind} on {node}",
                        lambda n=node, a=address, k=kind: real_servers(n, a, k) == self.replicas,
                    )

    @contextlib.contextmanager
    def no_failed_request(self):
        """Requests and one long connection go on while the block runs; none may fail."""
        with (
            h.traffic("tcp", self.address, 80) as loop,
            h.traffic("stream", self.address, 80, timeout=10) as stream,
            h.traffic("udp", self.address6, 80) as datagrams,
        ):
            yield
        for name, report in (("requests", loop), ("the connection", stream), ("datagrams", datagrams)):
            self.assertEqual(0, report["failed"], f"{name}: {report['failures']}")
            self.assertGreater(report["requests"], 5, name)

    def wait_for_daemon(self, node, other_than):
        def ready():
            pids = h.pids(node, "barevip-node")
            return (
                pids
                and pids != other_than
                and h.on_node(
                    node,
                    "curl",
                    "-s",
                    "-o",
                    "/dev/null",
                    "-w",
                    "%{http_code}",
                    "http://127.0.0.1:7480/readyz",
                    check=False,
                )
                == "200"
                and pids
            )

        return h.wait_for(f"a new node daemon on {node}", ready, 90)

    def test_kill_9_of_the_node_daemon_drops_nothing_and_adopts_without_a_write(self):
        node = h.wait_for_owner(self.address, self.ns)
        self.wait_until_all_pods_serve()
        with self.no_failed_request():
            before = h.pids(node, "barevip-node")
            h.on_node(node, "kill", "-9", *before)
            self.wait_for_daemon(node, before)
            h.wait_for("a full pass", lambda: h.metric(node, "barevip_node_full_syncs_total") >= 2, 90)
        self.assertEqual(0, h.metric(node, "barevip_node_netlink_writes_total"), "netlink writes at adoption")

    def test_a_rollout_of_the_daemonset_drops_nothing(self):
        before = {n: h.pids(n, "barevip-node") for n in ("node1", "node2", "node3")}
        owner = h.wait_for_owner(self.address, self.ns)
        self.wait_until_all_pods_serve()
        with self.no_failed_request():
            h.kubectl("rollout", "restart", "daemonset/barevip-node", "-n", h.SYSTEM)
            h.rollout("daemonset", "barevip-node", h.SYSTEM, 300)
            for node, pids in before.items():
                self.wait_for_daemon(node, pids)
        self.assertEqual(owner, h.owner(self.address, self.ns), "a rollout moves no VIP")
        for node in before:
            self.assertEqual(0, h.metric(node, "barevip_node_netlink_writes_total"), f"netlink writes on {node}")

    def test_what_somebody_deletes_by_hand_comes_back(self):
        node = h.wait_for_owner(self.address, self.ns)
        vip = self.address
        by_passes = {
            "IPVS service": (
                lambda: h.in_director(node, "ipvsadm", "-D", "-t", f"{vip}:80"),
                lambda: f"{vip}:80" in h.in_director(node, "ipvsadm", "-Ln", "-t", f"{vip}:80", check=False),
            ),
            "proxy neighbour": (
                lambda: h.on_node(node, "ip", "neigh", "del", "proxy", vip, "dev", h.NIC),
                lambda: vip in h.on_node(node, "ip", "neigh", "show", "proxy"),
            ),
            "masquerade": (
                lambda: h.in_director(node, "nft", "flush", "chain", "inet", "barevip", "postrouting"),
                lambda: "masquerade" in h.in_director(node, "nft", "list", "table", "inet", "barevip"),
            ),
            "table of the packet filter": (
                lambda: h.on_node(node, "nft", "delete", "table", "inet", "barevip"),
                lambda: vip in h.on_node(node, "nft", "list", "set", "inet", "barevip", "vips4", check=False),
            ),
        }
        by_notices = {
            "VIP": (
                lambda: h.in_director(node, "ip", "address", "del", f"{vip}/32", "dev", "lo"),
                lambda: vip in h.in_director(node, "ip", "address", "show", "dev", "lo"),
            ),
            "route": (
                lambda: h.on_node(node, "ip", "route", "del", f"{vip}/32"),
                lambda: vip in h.on_node(node, "ip", "route", "show", f"{vip}/32"),
            ),
        }
        # Whoever looks because of one mends the others, too.
        for together in (by_passes, *({what: each} for what, each in by_notices.items())):
            for what, (remove, there) in together.items():
                self.assertTrue(there(), f"the {what} before")
                remove()
            for what, (_, there) in together.items():
                with self.subTest(what=what):
                    h.wait_for(f"the {what} to come back", there, 60)
        h.wait_for("an answer", lambda: h.answers(vip))

    def test_a_last_rule_of_forward_that_rejects_stops_no_vip(self):
        node = h.wait_for_owner(self.address, self.ns)
        tools = ("iptables-legacy", "ip6tables-legacy", "iptables-nft", "ip6tables-nft")
        for tool in tools:
            self.addCleanup(h.on_node, node, tool, "-D", "FORWARD", "-j", "REJECT")
            h.on_node(node, tool, "-A", "FORWARD", "-j", "REJECT")
        for tool in tools:
            passes = "-A FORWARD -i bvip+ -j ACCEPT\n-A FORWARD -o bvip+ -j ACCEPT\n-A FORWARD -j REJECT"
            h.wait_for(f"two rules before it in {tool}", lambda t=tool: passes in h.on_node(node, t, "-S", "FORWARD"))
        for address in (self.address, self.address6):
            h.wait_for(f"an answer of {address}", lambda a=address: h.answers(a))

    def test_a_setting_by_which_packets_are_lost_moves_the_vips_and_is_named(self):
        """The cause, the family whose VIPs move, and the setting, its value that breaks and the one that mends."""
        nic = h.NIC
        settings = (
            ("ip_forward", self.address, "net.ipv4.ip_forward", 0, 1),
            ("interface_forwarding", self.address, f"net.ipv4.conf.{nic}.forwarding", 0, 1),
            ("rp_filter", self.address, "net.ipv4.conf.all.rp_filter", 1, 0),
            ("ipv6_forwarding", self.address6, "net.ipv6.conf.all.forwarding", 0, 1),
            ("proxy_ndp", self.address6, f"net.ipv6.conf.{nic}.proxy_ndp", 0, 1),
        )
        for cause, address, name, bad, good in settings:
            with self.subTest(setting=name):
                h.wait_for("all nodes to serve", lambda: self.serving_nodes() == 3)
                node = h.wait_for_owner(address, self.ns)
                self.addCleanup(h.on_node, node, "sysctl", "-q", "-w", f"{name}={good}")
                begun = time.monotonic()
                h.on_node(node, "sysctl", "-q", "-w", f"{name}={bad}")
                h.wait_for("a condition that names it", lambda a=address, c=cause: self.is_said_of(a, c))
                other = h.wait_for_owner(address, self.ns, other_than=node)
                h.wait_for(f"an answer of {other}", lambda a=address: h.answers(a))
                print(f"  {name}={bad}: {address} answers by another node after {time.monotonic() - begun:.1f} s")
                h.wait_for("the new owner to say so", lambda a=address: not self.is_said_of(a, "("))
                self.assertEqual(1, h.metric(node, f'barevip_node_ineligible{{cause="{cause}"}}'))
                h.wait_for("an event", lambda n=node, c=cause: self.has_event("NodeBroken", f"node {n} ({c})"))
                h.on_node(node, "sysctl", "-q", "-w", f"{name}={good}")
                h.wait_for(
                    "the node to be well",
                    lambda n=node, c=cause: h.metric(n, f'barevip_node_ineligible{{cause="{c}"}}') == 0,
                )

    def is_said_of(self, address, cause):
        """The condition of the address's IP object says that it is not announced, and why."""
        for ip in h.objects("ips", "-n", self.ns):
            for condition in ip["status"].get("conditions", []):
                if ip["status"].get("address") == address and condition["type"] == "Announced":
                    return condition["status"] == "False" and cause in condition["message"]
        return False

    def serving_nodes(self):
        """Those that may be elected: what comes and goes keeps a node from it for half a minute."""
        leases = h.objects("leases", "-n", h.SYSTEM, "-l", "barevip.dev/node-lease")
        notes = [lease["metadata"]["annotations"] for lease in leases]
        return sum(note["barevip.dev/state"] == "serving" and not note.get("barevip.dev/blocked") for note in notes)

    def has_event(self, reason, words):
        return any(e["reason"] == reason and words in e["message"] for e in h.objects("events", "-n", self.ns))

    def test_what_is_foreign_stays_untouched(self):
        node = h.wait_for_owner(self.address, self.ns)
        h.on_node(node, "ipvsadm", "-A", "-t", "198.51.100.7:80", "-s", "wlc")
        h.on_node(node, "ip", "address", "add", "198.51.100.7/32", "dev", "lo")
        h.on_node(node, "ip", "route", "add", "198.51.100.8/32", "dev", h.NIC)
        h.on_node(node, "ip", "neigh", "add", "proxy", "198.51.100.9", "dev", h.NIC)
        passes = h.metric(node, "barevip_node_full_syncs_total")
        h.kubectl("annotate", "service", "web", "-n", self.ns, "barevip.dev/scheduler=wrr")
        h.wait_for("the change", lambda: "wrr" in h.in_director(node, "ipvsadm", "-Ln"))
        h.wait_for("two full passes", lambda: h.metric(node, "barevip_node_full_syncs_total") >= passes + 2, 90)
        self.assertIn("198.51.100.7:80 wlc", h.on_node(node, "ipvsadm", "-Ln"))
        self.assertIn("198.51.100.7/32", h.on_node(node, "ip", "address", "show", "dev", "lo"))
        self.assertIn("198.51.100.8", h.on_node(node, "ip", "route"))
        self.assertIn("198.51.100.9", h.on_node(node, "ip", "neigh", "show", "proxy"))
        h.on_node(node, "ipvsadm", "-D", "-t", "198.51.100.7:80")
        h.on_node(node, "ip", "address", "del", "198.51.100.7/32", "dev", "lo")

    @contextlib.contextmanager
    def without_api_server(self):
        """No API server while the block runs. Who declares nodes dead comes back when they have been heard again:
        otherwise Kubernetes may take all pods out of the EndpointSlices, if it looks before the kubelets' renewals."""

        def renewals():
            return {o["metadata"]["name"]: o["spec"]["renewTime"] for o in h.objects("leases", "-n", "kube-node-lease")}

        before = renewals()
        h.cluster("process", "kube-controller-manager", "stop")
        try:
            h.cluster("apiserver", "stop")
            try:
                yield
            finally:
                h.cluster("apiserver", "start")
            h.wait_for("the API server", lambda: h.kubectl("get", "--raw", "/readyz", check=False) == "ok")
            h.wait_for("all kubelets", lambda: not before.items() & renewals().items())
        finally:
            h.cluster("process", "kube-controller-manager", "start")

    def test_an_api_server_away_for_30_seconds_is_not_noticed_by_traffic(self):
        with self.no_failed_request():
            with self.without_api_server():
                h.client("sleep", "30")
            h.apply(h.service("later", "web", self.ns))
            later = h.wait_for_addresses("later", 1, self.ns, seconds=60)[0]
            h.wait_for("an answer", lambda: h.answers(later), 60)

    def test_the_definition_of_ips_deleted_by_mistake_stops_no_traffic_and_all_records_return(self):
        def reason(service):
            return self.conditions(service).get("barevip.dev/AddressAssigned", {}).get("reason")

        owners = {a: h.wait_for_owner(a, self.ns) for a in (self.address, self.address6)}
        with self.no_failed_request():
            h.kubectl("delete", "crd", "ips.barevip.dev")
            try:
                h.wait_for("the reason", lambda: reason("web") == "RecordRefused")
                h.apply(h.service("later", "web", self.ns))
                h.wait_for("the reason", lambda: reason("later") == "RecordRefused")
                self.assertFalse(h.addresses("later", self.ns), "nothing is shown before it is recorded")
                passes = h.metric("node1", "barevip_node_full_syncs_total")
                h.wait_for("a full pass", lambda: h.metric("node1", "barevip_node_full_syncs_total") > passes, 90)
            finally:
                h.kubectl("apply", "-f", os.path.join(h.REPO, "crds", "ip.yaml"))
            for service in ("web", "later"):
                h.wait_for(f"the record of {service}", lambda s=service: reason(s) == "Assigned", 90)
            for address, node in owners.items():
                self.assertEqual(
                    node, h.wait_for_owner(address, self.ns, seconds=90), "nobody takes over what is announced"
                )
        self.assertEqual([self.address, self.address6], h.addresses("web", self.ns))

    def test_the_deleted_service_leaves_nothing(self):
        h.kubectl("delete", "service", "web", "-n", self.ns)
        for node in ("node1", "node2", "node3"):
            for address in (self.address, self.address6):
                h.wait_for(
                    f"{node} without {address}",
                    lambda n=node, a=address: (
                        not any(
                            a in text
                            for text in (
                                h.in_director(n, "ipvsadm", "-Ln"),
                                h.in_director(n, "ip", "address"),
                                h.on_node(n, "ip", "route", "show", "table", "all"),
                                h.on_node(n, "ip", "-6", "route", "show", "table", "all"),
                                h.on_node(n, "ip", "neigh", "show", "proxy"),
                                h.on_node(n, "ip", "-6", "neigh", "show", "proxy"),
                            )
                        )
                    ),
                )
        self.assertFalse(h.objects("ips", "-n", self.ns))

    def test_z_after_the_power_loss_of_its_owner_a_vip_answers_within_15_seconds(self):
        node = h.wait_for_owner(self.address, self.ns)
        with h.traffic("tcp", self.address, 80, interval=0.1, timeout=0.5) as report:
            h.cluster("kill", node)
            other = h.wait_for_owner(self.address, self.ns, other_than=node)
            h.wait_for("answers again", lambda: h.answers(self.address))
        self.assertLess(report["longest_gap"], 15)
        h.cluster("start", node)
        h.wait_for(
            "all daemons", lambda: h.get("daemonset", "barevip-node", h.SYSTEM)["status"].get("numberReady") == 3, 180
        )
        self.assertEqual(other, h.owner(self.address, self.ns), "a node that returns takes nothing back at once")
