# SPDX-License-Identifier: Apache-2.0
"""What each way to forward promises, whatever the mode of kube-proxy: the base of one class for each mode."""

import json

from e2e import harness as h
from e2e.case import TrafficTest

ANNOTATION = "barevip.dev/forward"
IP_MODES = {"masquerade": "Proxy", "cluster-ip": "Proxy", "kube-proxy": "VIP"}


class Strategies(TrafficTest):
    """Services with the annotation, beside each other on one cluster whose default is masquerade."""

    replicas = 2

    def prepare(self):
        super().prepare()
        self.make_pool("10.99.0.128/29", "fd99::200/120")

    def modes(self, service):
        status = h.get("service", service, self.ns)["status"]
        return {entry["ipMode"] for entry in status["loadBalancer"].get("ingress", [])}

    def events(self, service):
        found = h.objects("events", "-n", self.ns, f"--field-selector=involvedObject.name={service}")
        return {event["reason"] for event in found}

    def wish(self, service, strategy):
        """Annotates; None takes the annotation away."""
        change = {"metadata": {"annotations": {ANNOTATION: strategy}}}
        h.kubectl("patch", "service", service, "-n", self.ns, "--type=merge", "-p", json.dumps(change))

    @staticmethod
    def has_virtual_server(node, address):
        return f"{f'[{address}]' if ':' in address else address}:80" in h.in_director(node, "ipvsadm", "-Ln")

    def forwarders(self, node, address):
        """Who a node leads an address to: what each way to forward leaves in its kernel."""
        bound = h.on_node(node, "ip", "-o", "address", "show", "dev", h.NIC)
        routes = h.on_node(node, "ip", "route", "show", "table", "all") + h.on_node(
            node, "ip", "-6", "route", "show", "table", "all"
        )
        led = any(line.startswith(f"{address} ") and "bvip-" in line for line in routes.splitlines())
        inside = h.in_director(node, "ip", "-o", "address", "show", "dev", "lo")
        return {
            *(["kube-proxy"] if f" {address}/" in bound else []),
            *(["ipvs"] if led or f" {address}/" in inside or self.has_virtual_server(node, address) else []),
        }

    def wait_for_strategy(self, service, address, strategy):
        """Until the status and the kernel of the announcer are those of the strategy, and the client is answered."""
        way = "kube-proxy" if strategy == "kube-proxy" else "ipvs"
        h.wait_for(f"ipMode for {strategy}", lambda: self.modes(service) == {IP_MODES[strategy]})
        owner = self.owner(address)
        h.wait_for(f"{owner} to lead {address} to {way}", lambda: self.forwarders(owner, address) == {way})
        h.wait_for(f"an answer by {strategy}", lambda: h.answers(address))
        if way == "ipvs":
            cluster_ip = h.get("service", service, self.ns)["spec"]["clusterIP"]
            by_cluster_ip = f"-> {cluster_ip}:80" in h.in_director(owner, "ipvsadm", "-Ln")
            self.assertEqual(strategy == "cluster-ip", by_cluster_ip)

    def test_each_strategy_serves_as_it_promises(self):
        self.make_backend("one", replicas=1, node="node2")
        wishes = [(s, p) for s in IP_MODES for p in ("Cluster", "Local") if (s, p) != ("cluster-ip", "Local")]
        # One pod: where its node does not announce, policy Local fails.
        for strategy, policy in wishes:
            h.apply(
                h.service(
                    f"{strategy}-{policy.lower()}",
                    app="web" if policy == "Cluster" else "one",
                    namespace=self.ns,
                    policy=policy,
                    families="RequireDualStack",
                    annotations=f"{ANNOTATION}: {strategy}",
                )
            )
        for strategy, policy in wishes:
            name = f"{strategy}-{policy.lower()}"
            for address in h.wait_for_addresses(name, 2, self.ns):
                with self.subTest(strategy=strategy, policy=policy, address=address):
                    h.wait_for(f"an answer from {address}", lambda a=address: h.answers(a))
                    self.assertEqual({IP_MODES[strategy]}, self.modes(name))
                    owner = self.owner(address)
                    way = "kube-proxy" if strategy == "kube-proxy" else "ipvs"
                    self.assertEqual({way}, self.forwarders(owner, address))
                    for kind in ("tcp", "udp"):
                        report = h.requests(kind, address, 80, 10)
                        self.assertEqual(0, report["failed"], report["failures"])
                        client = h.CLIENT_ADDRESS[6 if ":" in address else 4]
                        if policy == "Local":
                            self.assertEqual("node2", owner, "the node with the pod announces")
                            self.assertEqual({client: 10}, report["clients"], "the pod sees the client itself")
                        else:
                            self.assertNotIn(client, report["clients"])
                    if (strategy, policy) == ("kube-proxy", "Local"):
                        continue  # in ipvs mode kube-proxy serves no node without a pod
                    for node in ("node1", "node2"):
                        report = h.requests("tcp", address, 80, 3, via=lambda *c, n=node: h.on_node(n, *c))
                        self.assertEqual(0, report["failed"], report["failures"])

    def test_a_wish_that_cannot_be_met_is_a_condition_and_an_event_and_nothing_is_announced(self):
        for name, strategy, policy, says in (
            ("lost", "cluster-ip", "Local", "loses the client's address"),
            ("odd", "dsr", "Cluster", '"dsr" is not a way to forward'),
        ):
            with self.subTest(strategy=strategy):
                h.apply(
                    h.service(
                        name, app="web", namespace=self.ns, policy=policy, annotations=f"{ANNOTATION}: {strategy}"
                    )
                )
                said = h.wait_for("the condition", lambda n=name: self.conditions(n)["barevip.dev/AddressAssigned"])
                self.assertEqual(("False", "ForwardingRefused"), (said["status"], said["reason"]))
                self.assertIn(says, said["message"])
                h.wait_for("the event", lambda n=name: "ForwardingRefused" in self.events(n))
                self.assertEqual([], h.addresses(name, self.ns))

    def test_a_strategy_that_changes_under_traffic_is_the_new_one(self):
        address = self.make_service()[0]
        self.wait_for_strategy("web", address, "masquerade")
        with h.traffic("tcp", address, 80, timeout=1) as report:
            for strategy in ("cluster-ip", "kube-proxy", "masquerade", "kube-proxy", "cluster-ip"):
                self.wish("web", strategy)
                self.wait_for_strategy("web", address, strategy)
                self.assertEqual([address], h.addresses("web", self.ns), "the address stays")
        # kube-proxy follows the status when it next writes its rules.
        self.assertLess(report["longest_gap"], 30, report["failures"])
        self.wish("web", "dsr")
        owner = self.owner(address)
        h.wait_for("nothing that leads to it", lambda: not self.forwarders(owner, address))
        self.assertFalse(h.answers(address), "no other way is taken instead")
        self.wish("web", None)
        self.wait_for_strategy("web", address, "masquerade")
