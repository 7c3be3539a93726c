# SPDX-License-Identifier: Apache-2.0
"""What happens to Pools and to Services that have their address while the world around them changes."""

import json
import os

from e2e import harness as h
from e2e.case import ClusterTest

CONDITION = "barevip.dev/AddressAssigned"
FINALIZER = "barevip.dev/in-use"


class Life(ClusterTest):
    def give(self, name, **kwargs):
        h.apply(h.service(name, namespace=self.ns, **kwargs))
        return h.wait_for_addresses(name, 1, self.ns)[0]

    def set_pool(self, name, *entries, **spec):
        """Changes a Pool; without a spec it is for this test's namespace, as make_pool makes it."""
        h.kubectl("apply", "-f", "-", text=h.pool(name, *entries, **(spec or {"namespaces": [self.ns]})))

    def pool_condition(self, name, kind="Ready"):
        conditions = h.get("pool", name)["status"]["conditions"]
        return next(c for c in conditions if c["type"] == kind)

    def wait_for_reason(self, service, reason):
        return h.wait_for(
            f"reason {reason} of Service {service}",
            lambda: (c := self.conditions(service).get(CONDITION)) and c["reason"] == reason and c,
        )

    def wait_for_pool_reason(self, name, reason):
        return h.wait_for(
            f"reason {reason} of Pool {name}", lambda: (c := self.pool_condition(name))["reason"] == reason and c
        )

    def write_ingress(self, service, ingress):
        h.kubectl(
            "patch",
            "service",
            service,
            "-n",
            self.ns,
            "--subresource=status",
            "--type=merge",
            "-p",
            json.dumps({"status": {"loadBalancer": {"ingress": ingress}}}),
        )

    def events(self, name, reason):
        return [
            e
            for e in h.objects("events", "-n", self.ns)
            if e["reason"] == reason and e["involvedObject"]["name"] == name
        ]

    def test_a_shrunk_pool_renumbers_nobody_and_names_who_is_outside(self):
        name = self.make_pool("10.99.0.128/29")
        before = {service: self.give(service) for service in ("s0", "s1", "s2")}
        self.set_pool(name, "10.99.0.128/32")
        condition = self.wait_for_pool_reason(name, "ConsumersOutside")
        self.assertIn(f"10.99.0.129 (Service {self.ns}/s1)", condition["message"])
        self.wait_for_reason("s1", "OutsidePool")
        self.assertEqual("Assigned", self.conditions("s0")[CONDITION]["reason"])
        self.assertEqual(before, {service: h.addresses(service, self.ns)[0] for service in before})
        self.set_pool(name, "10.99.0.128/29")
        self.wait_for_reason("s1", "Assigned")
        self.wait_for_pool_reason(name, "Ready")

    def test_a_deleted_pool_stays_until_its_last_service_is_gone(self):
        name = self.make_pool("10.99.0.128/29")
        address = self.give("web")
        h.wait_for("the finalizer", lambda: FINALIZER in h.get("pool", name)["metadata"].get("finalizers", []))
        h.delete_pool(name, "--wait=false")
        condition = self.wait_for_pool_reason(name, "Deleting")
        self.assertIn(f"{address} (Service {self.ns}/web)", condition["message"])
        self.wait_for_reason("web", "OutsidePool")
        h.apply(h.service("late", namespace=self.ns))
        h.wait_for("a reason", lambda: self.conditions("late").get(CONDITION, {}).get("status") == "False")
        self.assertEqual([address], h.addresses("web", self.ns))
        h.kubectl("delete", "service", "web", "-n", self.ns)
        self.wait_until_gone(name)

    def test_a_deleted_pool_stays_through_a_restart_of_the_operator(self):
        name = self.make_pool("10.99.0.128/29")
        address = self.give("web")
        h.wait_for("the finalizer", lambda: FINALIZER in h.get("pool", name)["metadata"].get("finalizers", []))
        h.delete_pool(name, "--wait=false")
        h.kubectl("rollout", "restart", "deployment/barevip-operator", "-n", h.SYSTEM)
        h.rollout("deployment", "barevip-operator", h.SYSTEM)
        self.wait_for_pool_reason(name, "Deleting")
        self.assertEqual([address], h.addresses("web", self.ns))
        h.kubectl("delete", "service", "web", "-n", self.ns)
        self.wait_until_gone(name)

    def test_an_unused_pool_is_deleted_at_once(self):
        name = self.make_pool("10.99.0.128/29")
        self.wait_for_pool_reason(name, "Ready")
        h.kubectl("delete", "pool", name, "--timeout=30s")

    def test_a_pool_is_renamed_under_its_holders(self):
        # Of two Pools that overlap the older one works, of two that are equally old the first by name.
        old = self.make_pool("10.99.0.128/29", name=f"{self.ns}-a")
        address = self.give("web")
        new = self.make_pool("10.99.0.128/29", name=f"{self.ns}-b")
        self.wait_for_pool_reason(new, "Overlapping")
        h.delete_pool(old, "--timeout=30s")
        self.wait_for_pool_reason(new, "Ready")
        self.wait_for_reason("web", "Assigned")
        h.wait_for(
            "the new Pool in the IP object",
            lambda: [
                i
                for i in h.objects("ips", "-n", self.ns)
                if i["status"].get("address") == address and i["status"].get("pool") == new
            ],
        )
        self.assertEqual([address], h.addresses("web", self.ns))
        self.assertNotEqual(address, self.give("other"))

    def test_who_is_not_admitted_any_more_keeps_its_address_and_this_is_said(self):
        name = self.make_pool("10.99.0.128/29")
        self.set_pool(name, "10.99.0.128/29", namespaceSelector={"matchLabels": {"tier": self.ns}})
        h.apply(h.service("web", namespace=self.ns))
        self.wait_for_reason("web", "NoPoolAdmits")
        h.kubectl("label", "namespace", self.ns, f"tier={self.ns}")
        address = h.wait_for_addresses("web", 1, self.ns)[0]
        h.kubectl("label", "namespace", self.ns, "tier-")
        self.wait_for_reason("web", "NotAdmitted")
        condition = self.wait_for_pool_reason(name, "ConsumersNotAdmitted")
        self.assertIn(f"{address} (Service {self.ns}/web)", condition["message"])
        h.wait_for(
            "the same at the IP object",
            lambda: [
                c
                for i in h.objects("ips", "-n", self.ns)
                for c in i["status"].get("conditions", [])
                if c["type"] == "Bound" and c["status"] == "True" and c["reason"] == "NotAdmitted"
            ],
        )
        self.assertEqual([address], h.addresses("web", self.ns))
        h.wait_for("one event", lambda: self.events("web", "NotAdmitted"))
        h.kubectl("label", "namespace", self.ns, f"tier={self.ns}")
        self.wait_for_reason("web", "Assigned")
        self.wait_for_pool_reason(name, "Ready")

    def test_every_edit_of_a_status_is_repaired_and_a_fight_is_said(self):
        self.make_pool("10.99.0.128/29")
        address = self.give("web")
        ours = [{"ip": address, "ipMode": "Proxy"}]

        def repaired():
            status = h.get("service", "web", self.ns)["status"]
            return status["loadBalancer"].get("ingress") == ours and CONDITION in self.conditions("web")

        self.write_ingress("web", ours + [{"hostname": "lb.example.com"}])
        h.wait_for("the first repair", repaired, 5)
        self.write_ingress("web", [{"ip": "10.99.0.135"}])
        h.wait_for("an event", lambda: self.events("web", "StatusOverwritten"), 10)
        h.wait_for("the second repair", repaired, 20)

    def test_who_serves_it_next_finds_his_own_entry_as_he_wrote_it(self):
        self.make_pool("10.99.0.128/29")
        address = self.give("web")
        self.scale_operator(0)
        for spec in ({"type": "ClusterIP"}, {"type": "LoadBalancer", "loadBalancerClass": "example.com/other"}):
            h.kubectl("patch", "service", "web", "-n", self.ns, "-p", json.dumps({"spec": spec}))
        theirs = {
            "ip": "172.16.0.1",
            "ipMode": "VIP",
            "ports": [{"port": 80, "protocol": "TCP", "error": "example.com/No"}],
        }
        self.write_ingress("web", [{"ip": address, "ipMode": "Proxy"}, theirs])
        self.scale_operator(2)
        h.wait_for(
            "our entry to go", lambda: h.get("service", "web", self.ns)["status"]["loadBalancer"]["ingress"] == [theirs]
        )
        h.wait_for("the record to go", lambda: not h.objects("ips", "-n", self.ns))

    def test_with_adopt_a_service_keeps_what_another_load_balancer_gave(self):
        self.make_pool("10.99.0.128/29")
        self.scale_operator(0)
        h.apply(h.service("old", namespace=self.ns))
        self.write_ingress("old", [{"ip": "10.99.0.130"}])
        h.apply(h.service("new", namespace=self.ns))
        self.operator_arguments("--leader-elect", "--metrics-address=:8080", "--adopt")
        self.addCleanup(self.operator_arguments, "--leader-elect", "--metrics-address=:8080")
        self.scale_operator(2)
        self.wait_for_reason("old", "Assigned")
        self.assertEqual(["10.99.0.130"], h.addresses("old", self.ns))
        h.wait_for(
            "its IP object",
            lambda: [i for i in h.objects("ips", "-n", self.ns) if i["status"].get("address") == "10.99.0.130"],
        )
        h.wait_for("an event", lambda: self.events("old", "Adopted"))
        self.assertEqual(["10.99.0.128"], h.wait_for_addresses("new", 1, self.ns))

    def scale_operator(self, replicas):
        h.kubectl("scale", "deployment/barevip-operator", "-n", h.SYSTEM, f"--replicas={replicas}")
        if replicas:
            h.rollout("deployment", "barevip-operator", h.SYSTEM)
        else:
            h.wait_for("no operator", lambda: not h.pods("app.kubernetes.io/name=barevip-operator", h.SYSTEM))
            self.addCleanup(self.scale_operator, 2)

    def operator_arguments(self, *arguments):
        patch = [{"op": "replace", "path": "/spec/template/spec/containers/0/args", "value": list(arguments)}]
        h.kubectl("patch", "deployment/barevip-operator", "-n", h.SYSTEM, "--type=json", "-p", json.dumps(patch))

    def test_an_uninstalled_operator_leaves_pools_that_the_documented_command_lets_go(self):
        name = self.make_pool("10.99.0.128/29")
        self.give("web")
        h.wait_for("the finalizer", lambda: FINALIZER in h.get("pool", name)["metadata"].get("finalizers", []))
        self.scale_operator(0)
        h.delete_pool(name, "--wait=false")
        with open(os.path.join(h.REPO, "docs", "install.md"), encoding="utf-8") as text:
            self.assertIn('{"metadata":{"finalizers":null}}', text.read())
        h.kubectl("patch", f"pool/{name}", "--type=merge", "-p", '{"metadata":{"finalizers":null}}')
        self.wait_until_gone(name)
