# SPDX-License-Identifier: Apache-2.0
"""The promises of allocation on a real API server."""

import ipaddress
import json

from e2e import harness as h
from e2e.case import ClusterTest
from tools.lab import settings

CONDITION = "barevip.dev/AddressAssigned"


def lease_holder():
    return h.get("lease", "barevip-operator", h.SYSTEM)["spec"].get("holderIdentity")


class Allocation(ClusterTest):
    def make_services(self, count):
        manifests = [h.service(f"s{n}", namespace=self.ns) for n in range(count)]
        h.kubectl("apply", "-f", "-", text="---".join(manifests))
        return h.wait_for(f"{count} Services with an address", lambda: self.all_addresses(count), 60)

    def all_addresses(self, count):
        found = {}
        for item in h.objects("services", "-n", self.ns):
            ingress = item["status"].get("loadBalancer", {}).get("ingress", [])
            if ingress:
                found[item["metadata"]["name"]] = ingress[0]["ip"]
        return found if len(found) == count else None

    def test_restart_of_the_operator_changes_no_address_of_50_services(self):
        self.make_pool("10.99.0.128/26")
        before = self.make_services(50)
        self.assertEqual(50, len(set(before.values())), "every address has one holder")
        h.kubectl("rollout", "restart", "deployment/barevip-operator", "-n", h.SYSTEM)
        h.rollout("deployment", "barevip-operator", h.SYSTEM)
        h.apply(h.service("later", namespace=self.ns))
        later = h.wait_for_addresses("later", 1, self.ns, seconds=60)
        self.assertNotIn(later[0], before.values())
        after = self.all_addresses(51)
        self.assertEqual(before, {name: after[name] for name in before})

    def test_when_the_leader_is_killed_another_leads_and_allocates(self):
        self.make_pool("10.99.0.128/28")
        before = self.make_services(3)
        leader = lease_holder()
        pod = next(
            p for p in h.pods("app.kubernetes.io/name=barevip-operator", h.SYSTEM) if p["metadata"]["name"] in leader
        )
        node = pod["spec"]["nodeName"]
        container = pod["status"]["containerStatuses"][0]["containerID"].split("//")[1]
        for pid in h.pids(node, "barevip-operator"):
            if container in h.on_node(node, "cat", f"/proc/{pid}/cgroup"):
                h.on_node(node, "kill", "-9", pid)
        h.wait_for("another leader", lambda: lease_holder() not in (leader, "", None), 30)
        h.apply(h.service("later", namespace=self.ns))
        h.wait_for_addresses("later", 1, self.ns, seconds=30)
        after = self.all_addresses(4)
        self.assertEqual(before, {name: after[name] for name in before})

    def test_a_service_that_waits_says_why_until_a_pool_comes(self):
        self.make_pool("10.99.0.128/32", name=f"{self.ns}-small")
        self.make_services(1)
        h.apply(h.service("waits", namespace=self.ns))
        condition = h.wait_for(
            "a condition with a reason",
            lambda: (c := self.conditions("waits").get(CONDITION)) and c["status"] == "False" and c,
        )
        self.assertEqual("PoolExhausted", condition["reason"])
        self.assertIn(f"{self.ns}-small", condition["message"])
        h.wait_for(
            "one event",
            lambda: [
                e
                for e in h.objects("events", "-n", self.ns)
                if e["reason"] == "PoolExhausted" and e["involvedObject"]["name"] == "waits"
            ],
        )
        self.make_pool("10.99.0.129/32", name=f"{self.ns}-more")
        self.assertEqual(["10.99.0.129"], h.wait_for_addresses("waits", 1, self.ns))
        self.assertEqual("True", self.conditions("waits")[CONDITION]["status"])

    def test_a_wiped_status_and_a_deleted_ip_object_come_back_with_the_same_address(self):
        self.make_pool("10.99.0.128/29")
        address = self.make_services(2)["s1"]
        h.kubectl(
            "patch",
            "service",
            "s1",
            "-n",
            self.ns,
            "--subresource=status",
            "--type=merge",
            "-p",
            json.dumps({"status": {"loadBalancer": {"ingress": None}}}),
        )
        self.assertEqual([address], h.wait_for_addresses("s1", 1, self.ns))
        name = next(i["metadata"]["name"] for i in h.objects("ips", "-n", self.ns) if i["spec"]["address"] == address)
        uid = h.get("ip.barevip.dev", name, self.ns)["metadata"]["uid"]
        h.kubectl("delete", "ips", name, "-n", self.ns)
        h.wait_for(
            "a new IP object",
            lambda: [
                i
                for i in h.objects("ips", "-n", self.ns)
                if i["spec"]["address"] == address and i["metadata"]["uid"] != uid
            ],
        )
        self.assertEqual([address], h.addresses("s1", self.ns))

    def test_what_another_controller_gave_is_left_as_it_is(self):
        self.make_pool("10.99.0.128/29")
        h.apply(h.service("foreign", namespace=self.ns, extra="loadBalancerClass: example.com/other"))
        h.kubectl(
            "patch",
            "service",
            "foreign",
            "-n",
            self.ns,
            "--subresource=status",
            "--type=merge",
            "-p",
            json.dumps({"status": {"loadBalancer": {"ingress": [{"ip": "10.99.0.128"}]}}}),
        )
        self.assertEqual("10.99.0.129", self.make_services_named("mine"), "what somebody shows is not given again")
        self.assertEqual(["10.99.0.128"], h.addresses("foreign", self.ns))

    def make_services_named(self, name):
        h.apply(h.service(name, namespace=self.ns))
        return h.wait_for_addresses(name, 1, self.ns)[0]

    def test_a_requested_address_is_given_or_refused_with_its_holder(self):
        self.make_pool("10.99.0.128/29")
        h.apply(h.service("first", namespace=self.ns, annotations="barevip.dev/address: 10.99.0.131"))
        self.assertEqual(["10.99.0.131"], h.wait_for_addresses("first", 1, self.ns))
        h.apply(h.service("second", namespace=self.ns, annotations="barevip.dev/address: 10.99.0.131"))
        condition = h.wait_for("a refusal", lambda: self.conditions("second").get(CONDITION))
        self.assertEqual(("False", "AddressHeld"), (condition["status"], condition["reason"]))
        self.assertIn(f"{self.ns}/first", condition["message"])
        h.kubectl("delete", "service", "first", "-n", self.ns)
        self.assertEqual(["10.99.0.131"], h.wait_for_addresses("second", 1, self.ns))

    def test_an_address_in_a_range_of_clusterips_is_never_allocated(self):
        ranges = [ipaddress.ip_network(r) for r in settings.SERVICE_RANGES.split(",")]
        last = next(r for r in ranges if r.version == 4).broadcast_address
        pool = self.make_pool(f"{last - 7}-{last + 1}")
        h.apply(h.service("behind", namespace=self.ns))
        self.assertEqual([str(last + 1)], h.wait_for_addresses("behind", 1, self.ns))
        h.apply(h.service("asks", namespace=self.ns, annotations=f"barevip.dev/address: {last}"))
        condition = h.wait_for("a refusal", lambda: self.conditions("asks").get(CONDITION))
        self.assertEqual(("False", "AddressNotInPool"), (condition["status"], condition["reason"]))
        self.assertIn("in a range of clusterIPs", condition["message"])
        h.wait_for("the condition that names the range", lambda: "(ServiceCIDR kubernetes)" in self.overlap(pool))
        self.assertEqual("1", h.get("pool", pool)["status"]["capacity"]["ipv4"])

    @staticmethod
    def overlap(pool):
        conditions = h.get("pool", pool).get("status", {}).get("conditions", [])
        return next((c["message"] for c in conditions if c["reason"] == "UsedByCluster"), "")

    def test_dual_stack_services_keep_their_order_of_families(self):
        self.make_pool("10.99.0.128/29", "fd99::200/120")
        h.apply(h.service("both", namespace=self.ns, families="RequireDualStack"))
        four, six = h.wait_for_addresses("both", 2, self.ns)
        self.assertTrue(four.startswith("10.99.") and six.startswith("fd99:"))
        h.apply(h.service("six", namespace=self.ns, families="RequireDualStack", extra="ipFamilies: [IPv6, IPv4]"))
        six, four = h.wait_for_addresses("six", 2, self.ns)
        self.assertTrue(four.startswith("10.99.") and six.startswith("fd99:"))

    def test_bad_pools_are_refused_in_a_sentence_or_not_ready_with_the_entry(self):
        for entry in (
            "banana",
            "10.0.0.1/24",
            "10.0.0.5-10.0.0.1",
            "10.0.0.1-fd00::1",
            "10.0.0.0/33",
            "::ffff:10.0.0.1",
        ):
            manifest = h.pool(f"{self.ns}-bad", entry)
            with self.assertRaises(h.CommandFailed, msg=entry) as refused:
                h.kubectl("apply", "-f", "-", text=manifest)
            self.assertIn("spec.addresses", str(refused.exception), entry)
        self.make_pool("10.99.0.128/29", name=f"{self.ns}-a")
        self.make_pool("10.99.0.130-10.99.0.140", name=f"{self.ns}-b")
        for one, other in (("a", "b"), ("b", "a")):

            def overlapping():
                conditions = h.get("pool", f"{self.ns}-{one}")["status"]["conditions"]
                found = next(c for c in conditions if c["type"] == "Overlapping")
                return found["status"] == "True" and f"{self.ns}-{other}" in found["message"]

            h.wait_for(f"the condition that names {self.ns}-{other}", overlapping)

    def test_what_people_type_shows_what_they_want_to_know(self):
        name = self.make_pool("10.99.0.128/29")
        address = self.make_services(1)["s0"]
        h.wait_for("the Pool's counts", lambda: h.get("pool", name)["status"]["allocated"]["ipv4"] == "1")
        node = h.wait_for_owner(address, self.ns)
        text = h.kubectl("get", "pools,ips", "-n", self.ns)
        for word in (
            "ADDRESSES",
            "IN-USE",
            "FREE",
            "READY",
            "ADDRESS",
            "POOL",
            "SERVICE",
            "NODE",
            "PHASE",
            address,
            "Bound",
        ):
            self.assertIn(word, text)
        self.assertIn("Assigned", h.kubectl("get", "ips", "-n", self.ns, "-o", "wide"), "the reason")
        for field, value in (
            ("status.node", node),
            ("status.address", address),
            ("status.phase", "Bound"),
            ("status.service", "s0"),
            ("status.pool", name),
            ("spec.pool", name),
        ):
            found = h.objects("ips", "-n", self.ns, f"--field-selector={field}={value}")
            self.assertEqual([address], [ip["spec"]["address"] for ip in found], field)
        self.assertFalse(h.objects("ips", "-n", self.ns, "--field-selector=status.node=another"))
        h.kubectl("wait", "--for=condition=Ready", "ips", "--all", "-n", self.ns, "--timeout=30s")
        self.assertEqual(["s0"], h.objects("ips", "-n", self.ns)[0]["status"]["services"])
        for path in (
            "pools.spec",
            "pools.status",
            "pools.spec.namespaceSelector.matchLabels",
            "ips.spec",
            "ips.status.address",
            "ips.status.pool",
            "ips.status.services",
            "ips.status.observedGeneration",
            "pools.status.observedGeneration",
            "ips.status.conditions.observedGeneration",
        ):
            self.assertNotIn("<empty>", h.kubectl("explain", path).split("FIELDS:")[0], path)
