# SPDX-License-Identifier: Apache-2.0
"""What kubectl-barevip shows of a real cluster agrees with what that does."""

import json
import os
import pathlib
import shlex
import subprocess
import tarfile

from e2e import harness as h
from e2e.case import ClusterTest
from tools.lab import binaries

PROGRAM = os.path.join(h.REPO, "build/release/bin/kubectl-barevip")

EXCLUDED = "node.kubernetes.io/exclude-from-external-load-balancers"


def plugin(*arguments):
    """Runs it on a host of the LAN; returns what it shows as JSON, and its exit status."""
    command = shlex.join([PROGRAM, *arguments, "-o", "json", "--kubeconfig", h.admin_kubeconfig()])
    shown, _, status = h.client(f"{command}; echo status=$?").rpartition("status=")
    return json.loads(shown), int(status)


def said(*arguments):
    """Runs it on a host of the LAN; returns what it says to a person, and its exit status."""
    access = [] if "--kubeconfig" in arguments else ["--kubeconfig", h.admin_kubeconfig()]
    command = shlex.join([PROGRAM, *arguments, *access])
    path = shlex.quote(os.path.dirname(binaries.program("kubectl")))
    text, _, status = h.client(f'PATH={path}:"$PATH" {command} 2>&1; echo status=$?').rpartition("status=")
    return text, int(status)


class Plugin(ClusterTest):
    """On three nodes with barevip; the Pools of each test are for its namespace alone."""

    def problems(self):
        return plugin("status", "-n", self.ns)[0]["problems"]

    def test_status_is_clean_while_all_is_well(self):
        self.make_pool("10.99.0.128/28")
        h.apply(h.backend("web", 1, self.ns))
        h.rollout("deployment", "web", self.ns)
        address = self.make_service()[0]
        self.owner(address)
        h.wait_for("no problem", lambda: plugin("status", "-n", self.ns)[1] == 0)
        shown = plugin("status", "-n", self.ns)[0]
        self.assertEqual([], shown["problems"])
        vip = shown["vips"][0]
        self.assertEqual((address, ["web"], self.owner(address)), (vip["address"], vip["services"], vip["node"]))
        self.assertEqual(["eligible"] * 3, [node["daemon"] for node in shown["nodes"]])

    def test_status_names_a_pending_service_with_the_reason_of_its_condition(self):
        self.make_pool("10.99.0.128/32")
        for name in ("first", "second"):
            h.apply(h.service(name, namespace=self.ns))
            h.wait_for("the condition", lambda n=name: self.conditions(n)["barevip.dev/AddressAssigned"])
        condition = self.conditions("second")["barevip.dev/AddressAssigned"]
        found = h.wait_for("the problem", lambda: [p for p in self.problems() if p["kind"] == "Service"])
        self.assertEqual(f"{self.ns}/second", found[0]["object"])
        self.assertEqual((condition["reason"], condition["message"]), (found[0]["reason"], found[0]["message"]))
        self.assertEqual(1, plugin("status", "-n", self.ns)[1])
        explanation, status = plugin("explain", "service", f"{self.ns}/second")
        self.assertEqual((condition["reason"], 1), (explanation["reason"], status))

    def test_a_watch_shows_what_changes(self):
        self.make_pool("10.99.0.128/32")
        shown = os.path.join(os.path.dirname(h.admin_kubeconfig()), f"watch-{self.ns}")
        self.addCleanup(pathlib.Path(shown).unlink, missing_ok=True)
        command = shlex.join([PROGRAM, "status", "-n", self.ns, "--watch", "--kubeconfig", h.admin_kubeconfig()])
        with subprocess.Popen([h.CLUSTER, "client", f"exec timeout 120 {command} > {shown}"]) as watch:
            self.addCleanup(watch.kill)
            h.wait_for("the first status", lambda: os.path.exists(shown) and os.path.getsize(shown))
            for name in ("first", "second"):
                h.apply(h.service(name, namespace=self.ns))
                h.wait_for_addresses("first", 1, self.ns)
            h.wait_for(
                "the Service that waits",
                lambda: f"Service {self.ns}/second PoolExhausted" in pathlib.Path(shown).read_text(encoding="utf-8"),
            )
            watch.terminate()

    def test_explain_gives_the_address_and_the_owner_that_the_objects_show(self):
        pool = self.make_pool("10.99.0.128/28")
        h.apply(h.backend("web", 2, self.ns))
        h.rollout("deployment", "web", self.ns)
        address = self.make_service()[0]
        node = self.owner(address)
        h.wait_for_endpoints("web", 2, self.ns)
        explanation, status = plugin("explain", "service", "-n", self.ns, "web")
        self.assertEqual(0, status, explanation)
        found = explanation["addresses"][0]
        self.assertEqual((address, pool, False), (found["address"], found["pool"], found["new"]))
        self.assertEqual((node, node), (found["owner"], found["announcer"]))
        self.assertEqual(3, len(found["nodes"]))
        endpoints = sorted(f"{pod['status']['podIP']}:8080" for pod in h.pods("app=web", self.ns))
        self.assertEqual([endpoints] * 2, [sorted(b["endpoints"]) for b in explanation["backends"]])

    def test_explain_names_the_endpoint_that_a_client_gets(self):
        self.make_pool("10.99.0.128/28")
        h.apply(h.backend("web", 1, self.ns))
        h.rollout("deployment", "web", self.ns)
        address = self.make_service()[0]
        node = self.owner(address)
        pod = h.pods("app=web", self.ns)[0]
        explanation, _ = plugin("explain", "service", f"{self.ns}/web", "--from", "10.99.0.1:40000")
        paths = {path["frontend"]: path for path in explanation["paths"]}
        path = paths[f"TCP {address}:80"]
        self.assertEqual((node, f"{pod['status']['podIP']}:8080"), (path["node"], path["endpoint"]), path)
        h.kubectl("scale", "deployment/web", "--replicas=2", "-n", self.ns)
        h.wait_for_endpoints("web", 2, self.ns)
        text, status = said("explain", "service", f"{self.ns}/web", "--from", "10.99.0.1:40000")
        self.assertEqual(0, status, text)
        self.assertRegex(text, rf"TCP {address}:80 by {node} -> one of .*:8080, .*:8080: the node daemons choose")

    def test_explain_compares_the_endpoints_of_a_client_with_the_kernel_of_the_node(self):
        self.make_pool("10.99.0.128/28")
        h.apply(h.backend("web", 2, self.ns))
        h.rollout("deployment", "web", self.ns)
        address = self.make_service()[0]
        node = self.owner(address)
        h.wait_for_endpoints("web", 2, self.ns)
        asked = ("explain", "service", f"{self.ns}/web", "--from", "10.99.0.1:40000", "--kernel")
        h.wait_for("the endpoints", lambda: f"; the kernel of {node} has the same" in said(*asked)[0])
        text, status = said(*asked)
        self.assertEqual(0, status, text)
        self.assertEqual(2, text.count(f"; the kernel of {node} has the same"), f"TCP and UDP are compared: {text}")

    def test_plan_of_a_smaller_pool_names_the_orphan_and_changes_nothing(self):
        pool = self.make_pool("10.99.0.128/31")
        for name in ("first", "second"):
            h.apply(h.service(name, namespace=self.ns))
            h.wait_for_addresses(name, 1, self.ns)
        last = h.addresses("second", self.ns)[0]
        smaller = h.pool(pool, "10.99.0.128/32", namespaces=[self.ns])
        path = os.path.join(os.path.dirname(h.admin_kubeconfig()), "smaller-pool.yaml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(smaller)
        self.addCleanup(os.remove, path)
        before = h.get("pool", pool)["metadata"]["generation"]
        report, status = plugin("plan", "-f", path)
        self.assertEqual((1, 1), (status, report["keeps"]), report)
        self.assertEqual(
            [(last, f"Service {self.ns}/second")], [(o["address"], o["consumer"]) for o in report["orphans"]]
        )
        self.assertEqual(before, h.get("pool", pool)["metadata"]["generation"])
        h.kubectl("apply", "-f", "-", text=smaller)
        h.wait_for("the orphan", lambda: "second" in json.dumps(self.problems()))

    def drained(self, node, *arguments):
        """What a drain of the node says, and its exit status; the test's end takes it back."""
        self.addCleanup(said, "undrain", node)
        return said("drain", node, *arguments)

    def test_drain_hands_the_vips_over_under_traffic_and_undrain_moves_none(self):
        self.make_pool("10.99.0.128/28")
        h.apply(h.backend("web", 3, self.ns))
        h.rollout("deployment", "web", self.ns)
        vips = [self.make_service(f"web{i}", app="web")[0] for i in range(6)]
        owners = {vip: self.owner(vip) for vip in vips}
        node = owners[vips[0]]
        count = list(owners.values()).count(node)
        with h.traffic("tcp", vips[0], 80) as report:
            text, status = self.drained(node)
        self.assertEqual(0, status, text)
        self.assertIn(f"0 of {count} VIP", text)
        self.assertLess(report["longest_gap"], 2, report["failures"])
        after = {vip: h.owner(vip, self.ns) for vip in vips}
        self.assertNotIn(node, after.values())
        self.assertEqual(
            {v: o for v, o in owners.items() if o != node}, {v: after[v] for v in vips if owners[v] != node}
        )
        self.assertEqual(0, said("undrain", node)[1])
        self.assertNotIn(EXCLUDED, h.get("node", node)["metadata"]["labels"])
        self.assertEqual(0, plugin("status", "-n", self.ns)[1])
        self.assertEqual(after, {vip: h.owner(vip, self.ns) for vip in vips})

    def test_drain_changes_nothing_if_no_other_node_may_announce_a_vip(self):
        self.make_pool(
            "10.99.0.128/28", announce={"nodeSelector": {"matchLabels": {"kubernetes.io/hostname": "node2"}}}
        )
        h.apply(h.backend("web", 2, self.ns))
        h.rollout("deployment", "web", self.ns)
        address = self.make_service()[0]
        self.assertEqual("node2", self.owner(address))
        text, status = self.drained("node2")
        self.assertEqual(1, status, text)
        self.assertIn(f"no other node may announce {address} of {self.ns}/web: node1 is not selected by", text)
        self.assertNotIn(EXCLUDED, h.get("node", "node2")["metadata"]["labels"])
        text, status = self.drained("node2", "--force")
        self.assertEqual(1, status, text)
        self.assertIn("no node may announce 1 of 1 VIP now", text)

        def answered():
            """Not whether the client gets an answer: it may know the hardware address."""
            return address in h.on_node("node2", "ip", "neigh", "show", "proxy")

        h.wait_for("the withdrawal", lambda: not answered())
        self.assertEqual(0, said("undrain", "node2")[1])
        h.wait_for("the announcement", answered)

    def bundle(self, *arguments):
        """What a support bundle has, by the names of its files; and what the program said, and its exit status."""
        path = os.path.join(os.path.dirname(h.admin_kubeconfig()), "bundle.tar.gz")
        text, status = said("support-bundle", "-o", path, *arguments)
        self.addCleanup(os.remove, path)
        with tarfile.open(path) as archive:
            found = {member.name: archive.extractfile(member).read().decode() for member in archive}
        return {name.removeprefix("barevip-support/"): content for name, content in found.items()}, text, status

    def test_a_support_bundle_has_what_maintainers_need_and_nothing_secret(self):
        self.make_pool("10.99.0.128/28")
        h.apply(h.backend("web", 1, self.ns))
        h.rollout("deployment", "web", self.ns)
        h.kubectl("create", "secret", "generic", "web", "--from-literal=key=s3cr3t-value", "-n", self.ns)
        h.kubectl("create", "configmap", "web", "--from-literal=key=s3cr3t-value", "-n", self.ns)
        address = self.make_service(annotations='example.com/key: "s3cr3t-value"')[0]
        node = self.owner(address)
        files, text, status = self.bundle()
        self.assertEqual(0, status, text)
        for name, content in files.items():
            self.assertNotIn("s3cr3t-value", content, name)
        for name in ("services", "ips", "events", "status"):
            self.assertIn(address, files[f"{name}.json"], name)
        self.assertEqual(3, len(json.loads(files["nodes.json"])["items"]))
        self.assertEqual(2, len(json.loads(files["definitions.json"])["items"]))
        self.assertTrue(json.loads(files["policies.json"])["items"])
        self.assertIn(f"barevip-node-{node}", files["leases.json"])
        daemon = h.daemon_pod(node)
        self.assertIn(address, files[f"logs/{h.SYSTEM}/{daemon}/node.log"])
        self.assertTrue(any("barevip_leader 1" in files[name] for name in files if name.startswith("metrics/")), text)

    def test_a_support_bundle_of_an_account_without_rights_names_what_is_missing(self):
        config = json.loads(h.kubectl("config", "view", "--raw", "-o", "json"))
        config["users"][0]["user"]["as"] = f"system:serviceaccount:{self.ns}:default"
        path = os.path.join(os.path.dirname(h.admin_kubeconfig()), "nobody.kubeconfig")
        with open(path, "w", encoding="utf-8") as file:
            json.dump(config, file)
        self.addCleanup(os.remove, path)
        files, text, status = self.bundle("--kubeconfig", path)
        self.assertEqual(1, status, text)
        self.assertEqual({"kubernetes-version.json", "manifest.txt"}, set(files))
        for name in ("pods.json", "services.json", "status.json"):
            self.assertRegex(files["manifest.txt"].partition("Not read")[2], rf"  {name}: .* is forbidden")

    def test_undrain_leaves_the_label_of_a_person(self):
        h.kubectl("label", "node", "node3", f"{EXCLUDED}=")
        self.addCleanup(h.kubectl, "label", "node", "node3", f"{EXCLUDED}-")
        text, status = said("undrain", "node3")
        self.assertEqual(1, status, text)
        self.assertIn(f"kubectl label node node3 {EXCLUDED}-", text)
        self.assertIn(EXCLUDED, h.get("node", "node3")["metadata"]["labels"])


class Migration(ClusterTest):
    """From MetalLB, which is a script here that writes statuses as that does, and back."""

    def prepare(self):
        super().prepare()
        self.operator = h.get("deployment", "barevip-operator", h.SYSTEM)["spec"]
        self.addCleanup(self.run_operator, self.operator["replicas"])
        self.before = os.path.join(os.path.dirname(h.admin_kubeconfig()), f"before-{self.ns}.json")
        self.addCleanup(pathlib.Path(self.before).unlink, missing_ok=True)

    def run_operator(self, replicas, *flags):
        """With these flags beside those that it was installed with; returns when that is so."""
        container = self.operator["template"]["spec"]["containers"][0]
        pod = {"containers": [{"name": container["name"], "args": [*container["args"], *flags]}]}
        change = {"spec": {"replicas": replicas, "template": {"spec": pod}}}
        h.kubectl("patch", "deployment", "barevip-operator", "-n", h.SYSTEM, "-p", json.dumps(change))
        h.rollout("deployment", "barevip-operator", h.SYSTEM)
        name = "app.kubernetes.io/name=barevip-operator"
        h.wait_for("the pods of the operator", lambda: len(h.pods(name, h.SYSTEM)) == replicas, 60)

    def write_addresses(self, name, *addresses):
        """As the controller of MetalLB does."""
        ingress = [{"ip": address, "ipMode": "VIP"} for address in addresses] or None
        change = {"status": {"loadBalancer": {"ingress": ingress}}}
        h.kubectl(
            "patch", "service", name, "-n", self.ns, "--subresource=status", "--type=merge", "-p", json.dumps(change)
        )

    def verdicts(self):
        found, _ = plugin("verify", self.before)
        return {each["service"].removeprefix(f"{self.ns}/"): each["verdict"] for each in found["services"]}

    def wait_for_verdicts(self, **expected):
        h.wait_for(f"{expected}", lambda: self.verdicts() == expected)

    def announced_by(self, address):
        return [n for n in ("node1", "node2", "node3") if address in h.on_node(n, "ip", "neigh", "show", "proxy")]

    def test_a_migration_keeps_addresses_and_the_way_back_returns_them(self):
        self.run_operator(0)
        h.apply(h.backend("web", 1, self.ns))
        h.rollout("deployment", "web", self.ns)
        balanced = "spec.type=LoadBalancer"
        h.wait_for(
            "other tests' Services to go", lambda: not h.objects("services", "-A", f"--field-selector={balanced}")
        )
        pool = f"{self.ns}-edge"
        addresses = {"kept": "10.99.0.130", "moved": "10.99.0.150"}
        for name, address in addresses.items():
            h.apply(h.service(name, app="web", namespace=self.ns, annotations=f'metallb.io/address-pool: "{pool}"'))
            self.write_addresses(name, address)
        text, status = said("verify", "--save", self.before)
        self.assertEqual(0, status, text)
        self.assertIn("2 addresses of 2 Services", text)

        self.make_pool("10.99.0.128/29", name=pool)
        self.run_operator(1, "--adopt", "--compat=metallb")
        self.wait_for_verdicts(kept="kept", moved="other")
        h.wait_for("an answer", lambda: h.answers(addresses["kept"]))
        self.assertIn("no Pool that is ready has 10.99.0.150", said("verify", self.before)[0])
        h.apply(h.backend("controller", 1, self.ns))
        h.kubectl("label", "deployment", "controller", "app=metallb", "-n", self.ns)
        self.wait_for_verdicts(kept="two writers", moved="other")
        self.assertIn(f"MetalLB runs: Deployment {self.ns}/controller", said("verify", self.before)[0])
        h.kubectl("delete", "deployment", "controller", "-n", self.ns)
        self.write_addresses("moved")
        self.wait_for_verdicts(kept="kept", moved="moved")
        h.kubectl("annotate", "service", "kept", "metallb.io/loadBalancerIPs=10.99.0.130", "-n", self.ns)
        h.wait_for("the announcement", lambda: self.announced_by(addresses["kept"]))

        text, status = said("rollback", self.before, "--yes")
        self.assertEqual(1, status, text)
        self.assertIn(f"error: Deployment {h.SYSTEM}/barevip-operator runs", text)
        self.run_operator(0)
        text, status = said("rollback", self.before)
        self.assertEqual(0, status, text)
        self.assertRegex(text, r"addresses: 10\.99\.0\.1\d\d -> 10\.99\.0\.150, no longer of barevip")
        self.assertIn("annotation metallb.io/loadBalancerIPs is removed", text)
        self.assertEqual(2, len(h.objects("ips", "-n", self.ns)), "nothing is changed yet")

        text, status = said("rollback", self.before, "--yes")
        self.assertEqual(0, status, text)
        for name, address in addresses.items():
            service = h.get("service", name, self.ns)
            self.assertEqual([{"ip": address, "ipMode": "VIP"}], service["status"]["loadBalancer"]["ingress"])
            self.assertEqual({}, self.conditions(name))
            self.assertNotIn("metallb.io/loadBalancerIPs", service["metadata"]["annotations"])
        self.assertEqual([], h.objects("ips", "-n", self.ns))
        h.wait_for("the withdrawal", lambda: not self.announced_by(addresses["kept"]))
        self.assertTrue(h.objects("pools", f"--field-selector=metadata.name={pool}"), "the Pool of a person stays")
        text, status = said("rollback", self.before, "--yes")
        self.assertEqual(0, status, text)
        self.assertIn("0 Services changed", text)
