# SPDX-License-Identifier: Apache-2.0
"""Traffic beside kube-proxy in iptables mode: who is served, from where, and with which client address."""

import json

from e2e import harness as h
from e2e.case import TrafficTest

# One connection to each ADDRESS:PORT, all from one port, then requests on each in turn.
_ONE_PORT = """
import http.client, socket, sys
connections = []
for target in sys.argv[2:]:
    address, _, port = target.rpartition(":")
    one = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    one.settimeout(5)
    one.bind(("", int(sys.argv[1])))
    one.connect((address, int(port)))
    connection = http.client.HTTPConnection(address)
    connection.sock = one
    connections.append(connection)
for connection in connections * 4:
    connection.request("GET", "/")
    print(connection.getresponse().read().decode().strip())
"""


class Forwarding(TrafficTest):
    """The matrix: from outside, node and pod; Cluster and Local; TCP and UDP; IPv4 and IPv6."""

    def expect_answers(self, report, count):
        self.assertEqual(0, report["failed"], report["failures"])
        self.assertEqual(count, sum(report["pods"].values()))

    def test_a_cluster_policy_service_is_served_from_everywhere(self):
        self.make_pool("10.99.0.128/29", "fd99::200/120")
        found = self.make_service(families="RequireDualStack", addresses=2)
        for address in found:
            for kind in ("tcp", "udp"):
                with self.subTest(source="outside", address=address, kind=kind):
                    report = h.requests(kind, address, 80, 30)
                    self.expect_answers(report, 30)
                    self.assertEqual(3, len(report["pods"]), "every pod serves")
                    self.assertEqual({10}, set(report["pods"].values()), "round robin is even")
                for node in ("node1", "node2", "node3"):
                    with self.subTest(source=node, address=address, kind=kind):
                        report = h.requests(kind, address, 80, 6, via=lambda *c, n=node: h.on_node(n, *c))
                        self.expect_answers(report, 6)
                for pod in h.pods("app=web", self.ns):
                    with self.subTest(source="pod", address=address, kind=kind):
                        answers = self.ask_from_pod(pod["metadata"]["name"], address, kind, count=4)
                        self.assertEqual(4, sum(a.startswith("pod=web-") for a in answers), answers)

    def test_a_local_policy_service_keeps_the_clients_address(self):
        self.make_pool("10.99.0.128/29", "fd99::200/120")
        self.make_backend("one", replicas=1, node="node2")
        found = self.make_service(app="one", policy="Local", families="RequireDualStack", addresses=2)
        for address in found:
            expected = h.CLIENT_ADDRESS[6 if ":" in address else 4]
            self.assertEqual("node2", self.owner(address), "the node with the pod announces")
            for kind in ("tcp", "udp"):
                with self.subTest(source="outside", address=address, kind=kind):
                    report = h.requests(kind, address, 80, 10)
                    self.expect_answers(report, 10)
                    self.assertEqual({expected: 10}, report["clients"], "the pod sees the client itself")
                for node in ("node1", "node2", "node3"):
                    with self.subTest(source=node, address=address, kind=kind):
                        self.expect_answers(
                            h.requests(kind, address, 80, 4, via=lambda *c, n=node: h.on_node(n, *c)), 4
                        )
                with self.subTest(source="its own backend", address=address, kind=kind):
                    pod = h.pods("app=one", self.ns)[0]["metadata"]["name"]
                    self.assertIn(f"pod={pod}", "".join(self.ask_from_pod(pod, address, kind)))
        for pod in h.pods("app=web", self.ns):
            with self.subTest(source=f"a pod of {pod['spec']['nodeName']}"):
                self.assertIn("pod=one-", "".join(self.ask_from_pod(pod["metadata"]["name"], found[0])))

    def test_one_port_of_a_client_reaches_one_pod_by_several_services_at_a_time(self):
        self.make_pool("10.99.0.128/29", "fd99::200/120")
        self.make_backend("one", replicas=1, node="node2")
        second_port = "- {name: more, port: 81, targetPort: 8080, protocol: TCP}"
        for number, policy in enumerate(("Cluster", "Local")):
            found = [
                self.make_service(
                    name, app="one", policy=policy, families="RequireDualStack", addresses=2, extra=second_port
                )
                for name in (f"one{number}", f"other{number}")
            ]
            for one, other in zip(*found, strict=True):
                with self.subTest(policy=policy, address=one):
                    h.wait_for("both answer", lambda a=one, b=other: h.answers(a) and h.answers(b) and h.answers(a, 81))
                    port = str(40100 + number)
                    lines = h.client("python3", "-c", _ONE_PORT, port, f"{one}:80", f"{one}:81", f"{other}:80")
                    self.assertEqual(12, len(lines.splitlines()), lines)

    def test_nodes_without_a_pod_of_the_service_serve_it_too(self):
        self.make_pool("10.99.0.128/29")
        self.make_backend("two", replicas=2, node="node3")
        address = self.make_service(app="two")[0]
        for number in (1, 2, 3):
            with self.subTest(by=f"node{number}"):
                h.client("ip", "route", "replace", f"{address}/32", "via", f"10.99.0.1{number}")
                try:
                    self.expect_answers(h.requests("tcp", address, 80, 10), 10)
                finally:
                    h.client("ip", "route", "del", f"{address}/32")

    def test_session_affinity_sends_a_client_to_one_pod(self):
        self.make_pool("10.99.0.128/29")
        address = self.make_service(extra="sessionAffinity: ClientIP")[0]
        self.assertEqual(1, len(h.requests("tcp", address, 80, 12)["pods"]))

    def test_source_ranges_keep_everybody_else_out(self):
        self.make_pool("10.99.0.128/29")
        address = self.make_service(extra="loadBalancerSourceRanges: [10.99.0.0/24]")[0]
        h.kubectl(
            "patch",
            "service",
            "web",
            "-n",
            self.ns,
            "--type=merge",
            "-p",
            json.dumps({"spec": {"loadBalancerSourceRanges": ["192.0.2.0/24"]}}),
        )
        h.wait_for("no answer any more", lambda: not h.answers(address))
        h.kubectl(
            "patch",
            "service",
            "web",
            "-n",
            self.ns,
            "--type=merge",
            "-p",
            json.dumps({"spec": {"loadBalancerSourceRanges": [h.CLIENT_ADDRESS[4] + "/32"]}}),
        )
        h.wait_for("an answer again", lambda: h.answers(address))

    def test_external_ips_of_another_service_take_no_vip(self):
        self.make_pool("10.99.0.128/29", "fd99::200/120")
        self.assert_that_external_ips_take_no_vip()

    def test_a_machine_that_has_an_address_of_the_pool_stays_reachable(self):
        taken = "10.99.0.133"
        h.client("ip", "address", "add", f"{taken}/32", "dev", "eth0")
        self.addCleanup(h.client, "ip", "address", "delete", f"{taken}/32", "dev", "eth0", check=False)
        self.make_pool("10.99.0.128/29")
        h.apply(h.service("web", namespace=self.ns, annotations=f"barevip.dev/address: {taken}"))
        h.wait_for_addresses("web", 1, self.ns)
        h.wait_for("the conflict", lambda: "AddressConflict" in json.dumps(h.objects("ips", "-n", self.ns)))
        for node in (n["metadata"]["name"] for n in h.objects("nodes")):
            with self.subTest(node=node):
                h.on_node(node, "ping", "-c", "1", "-W", "5", taken)
        h.client("ip", "address", "delete", f"{taken}/32", "dev", "eth0")
        h.wait_for("the Service's answer", lambda: h.answers(taken))
        self.owner(taken)

    def test_ports_of_the_node_do_not_answer_on_a_vip(self):
        self.make_pool("10.99.0.128/29")
        address = self.make_service()[0]
        owner = self.owner(address)
        for port in (22, 10250):
            with self.subTest(port=port):
                node_address = f"10.99.0.1{owner[-1]}"
                self.assertEqual("open", self.port_state(node_address, port), "the node itself listens")
                self.assertEqual("closed", self.port_state(address, port), "the VIP refuses")

    def test_scaled_down_pods_leave_without_a_failed_request(self):
        self.make_pool("10.99.0.128/29")
        # As a well-behaved server does.
        self.make_backend("polite", replicas=3, grace=4)
        address = self.make_service(app="polite")[0]
        with h.traffic("tcp", address, 80) as report:
            h.kubectl("scale", "deployment/polite", "--replicas=1", "-n", self.ns)
            h.wait_for("one pod", lambda: len(h.pods("app=polite", self.ns)) == 1)
            h.kubectl("scale", "deployment/polite", "--replicas=3", "-n", self.ns)
            h.rollout("deployment", "polite", self.ns)
        self.assertEqual(0, report["failed"], report["failures"])
