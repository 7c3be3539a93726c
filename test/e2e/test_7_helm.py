# SPDX-License-Identifier: Apache-2.0
"""The life of an installation by Helm: in, through and out, under traffic."""

import json
import os
import tempfile
import time

from e2e import harness as h
from e2e.case import ClusterTest, make_namespace, remove_namespace
from e2e.rights import asked, grants

CHART = os.path.join(h.REPO, "deploy", "helm", "barevip")
CLEANUP = os.path.join(h.REPO, "deploy", "cleanup")
POOLS, IPS = "pools.barevip.dev", "ips.barevip.dev"


def install(chart, *arguments, **kwargs):
    return h.helm("install", "barevip", chart, "-n", h.SYSTEM, "--create-namespace", "--wait", *arguments, **kwargs)


def uninstall():
    return h.helm("uninstall", "barevip", "-n", h.SYSTEM, everything=True)


def leave():
    """Nothing of barevip is left in the cluster, whatever failed before."""
    h.helm("uninstall", "barevip", "-n", h.SYSTEM, "--ignore-not-found", check=False)
    h.kubectl("delete", "job", "barevip-check", "-n", h.SYSTEM, "--ignore-not-found", check=False)
    h.kubectl("delete", "-k", CLEANUP, "--ignore-not-found", "--wait=false", check=False)
    h.kubectl("delete", "crd", POOLS, IPS, "--ignore-not-found", "--timeout=60s", check=False)


def daemon_pods():
    return sorted(pod["metadata"]["name"] for pod in h.pods("app.kubernetes.io/name=barevip-node", h.SYSTEM))


def hook_roles():
    """The roles of the chart's hooks, by the account that has them."""
    hooks = h.helm("get", "hooks", "barevip", "-n", h.SYSTEM)
    # One JSON document after the other.
    rest = h.kubectl("create", "--dry-run=client", "--validate=false", "-o", "json", "-f", "-", text=hooks).strip()
    found: dict = {}
    while rest:
        role, end = json.JSONDecoder().raw_decode(rest)
        rest = rest[end:].strip()
        if role["kind"] in ("Role", "ClusterRole"):
            found.setdefault(role["metadata"]["name"], []).append(role)
    return found


class Helm(ClusterTest):
    """Each test goes on where the one before it left the installation; one Service goes through all of them."""

    nodes = 2
    installed = False
    previous: str  # the folder of the version before

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.ns = make_namespace()
        cls.addClassCleanup(remove_namespace, cls.ns)
        cls.addClassCleanup(leave)
        h.cluster("load", show=True)
        cls.previous, *archives = h.cluster("previous").split()
        h.cluster("load", *archives, show=True)
        h.apply(h.backend("web", 2, cls.ns))
        h.rollout("deployment", "web", cls.ns)
        h.apply(h.service("web", namespace=cls.ns))

    def setUp(self):
        """The namespace is the class's."""

    def assert_unharmed(self, change):
        """No request and no connection fails while an installation changes."""
        address = h.wait_for_addresses("web", 1, self.ns)[0]
        h.wait_for("an answer", lambda: h.answers(address))
        with h.traffic("tcp", address, 80) as requests, h.traffic("stream", address, 80, timeout=10) as stream:
            begun = time.monotonic()
            change()
            h.rollout("daemonset", "barevip-node", h.SYSTEM)
            h.rollout("deployment", "barevip-operator", h.SYSTEM)
            seconds = time.monotonic() - begun
            for node in ("node1", "node2"):
                h.wait_for("a full pass", lambda n=node: h.metric(n, "barevip_node_full_syncs_total") >= 1, 90)
        print(f"  {requests['requests']} requests, {requests['failed']} failed; the change took {seconds:.1f} s")
        self.assertEqual(0, requests["failed"], requests["failures"])
        self.assertEqual(0, stream["failed"], stream["failures"])
        self.assertEqual([address], h.addresses("web", self.ns))

    def assert_no_iptables(self, node):
        """What releases before nftables had on a node is gone, in both namespaces."""
        for run in (h.on_node, h.in_director):
            rules = [run(node, f"{tool}-save") for tool in ("iptables-legacy", "ip6tables-legacy", "iptables-nft")]
            self.assertNotIn("BAREVIP-", "".join(rules), node)
            self.assertNotIn("barevip-", run(node, "ipset", "list", "-n"), node)

    def assert_clean(self, node):
        kernel = h.kernel_of(node)
        for trace in (*h.FORMER_TRACES, *h.addresses("web", self.ns)):
            self.assertNotIn(trace, kernel, node)

    def test_0_an_install_that_a_node_cannot_carry_is_refused_with_the_node_and_the_remedy(self):
        with self.assertRaises(h.CommandFailed) as refused:
            install(CHART, "--set=node.bindInterface=nope0")
        for word in ("node node1", "node node2", "problem", "nope0", "vec0"):
            self.assertIn(word, str(refused.exception))
        self.assertFalse(h.objects("daemonsets,deployments", "-n", h.SYSTEM))
        uninstall()
        # It stays to be looked at.
        h.kubectl("delete", "job", "barevip-check", "-n", h.SYSTEM)

    def test_1_a_service_gets_its_first_byte_after_helm_install_and_a_pool(self):
        begun = time.monotonic()
        said = install(
            os.path.join(self.previous, "deploy/helm/barevip"),
            "--set=operator.image.tag=previous",
            "--set=node.image.tag=previous",
        )
        self.assertIn("kubectl apply", said, "the notes say what comes next")
        h.kubectl("apply", "-f", "-", text=h.pool("default", "10.99.0.128/29"))
        address = h.wait_for_addresses("web", 1, self.ns)[0]
        h.wait_for("the first byte", lambda: h.answers(address), interval=0.05)
        print(f"  first byte {time.monotonic() - begun:.1f} s after helm install began")

    def test_2_an_upgrade_a_rollback_and_the_upgrade_again_fail_no_request(self):
        self.assert_unharmed(lambda: h.helm("upgrade", "barevip", CHART, "-n", h.SYSTEM, "--reset-values", "--wait"))
        self.assert_unharmed(lambda: h.helm("rollback", "barevip", "1", "-n", h.SYSTEM, "--wait"))
        self.assert_unharmed(lambda: h.helm("upgrade", "barevip", CHART, "-n", h.SYSTEM, "--reset-values", "--wait"))
        for node in ("node1", "node2"):
            self.assert_no_iptables(node)

    def test_3_a_value_that_changes_reaches_the_programs_and_fails_no_request(self):
        self.assert_unharmed(
            lambda: h.helm(
                "upgrade",
                "barevip",
                CHART,
                "-n",
                h.SYSTEM,
                "--wait",
                "--set=node.syncPeriod=10s",
                "--set=operator.logLevel=debug",
            )
        )
        for node in ("node1", "node2"):
            command = h.on_node(node, "cat", f"/proc/{h.pids(node, 'barevip-node')[0]}/cmdline")
            self.assertIn("--sync-period=10s", command)

    def assert_that_the_hook_uses_its_rights(self, account, roles, start, rare=()):
        made = h.audit(start)[0]
        for role in roles:
            for _, group, resource, verb, only in grants(role):
                self.assertTrue(
                    (verb, resource) in rare or asked(made, account, group, resource, verb, only),
                    f"{account} never asks to {verb} {resource}",
                )

    def test_4_helm_test_tries_a_service_and_leaves_nothing(self):
        roles, start = hook_roles()["barevip-selftest"], h.audit()[1]
        said = h.helm("test", "barevip", "-n", h.SYSTEM, "--logs")
        # Pools explain a failure.
        self.assert_that_the_hook_uses_its_rights("barevip-selftest", roles, start, rare=[("list", "pools")])
        self.assertIn("Succeeded", said)
        self.assertFalse(h.objects("services", "-n", h.SYSTEM))
        self.assertFalse(h.objects("ips", "-n", h.SYSTEM))

    def test_5_uninstall_leaves_nothing_on_nodes_and_says_what_it_kept(self):
        self.assertIn("default", [pool["metadata"]["name"] for pool in h.objects("pools")])
        roles, start = hook_roles()["barevip-uninstall"], h.audit()[1]
        said = uninstall()
        self.assert_that_the_hook_uses_its_rights("barevip-uninstall", roles, start)
        self.assertIn(f"kubectl delete crd {POOLS} {IPS}", said)
        h.wait_for("no pod", lambda: not h.objects("pods", "-n", h.SYSTEM))
        for node in ("node1", "node2"):
            self.assert_clean(node)
        for kind in ("clusterroles", "clusterrolebindings", "validatingadmissionpolicies", "flowschemas"):
            self.assertFalse([o["metadata"]["name"] for o in h.objects(kind) if "barevip" in o["metadata"]["name"]])
        self.assertFalse(h.objects("jobs,leases", "-n", h.SYSTEM))
        self.assertEqual([None], [pool["metadata"].get("finalizers") for pool in h.objects("pools")])
        self.assertEqual(
            ["web"], [ip["status"]["service"] for ip in h.objects("ips", "-n", self.ns)], "the record is kept"
        )

    def test_6_a_new_install_from_a_registry_restores_the_address(self):
        before = h.addresses("web", self.ns)
        charts = f"oci://{h.cluster('registry').strip()}/charts"
        with tempfile.TemporaryDirectory() as folder:
            h.helm("package", CHART, "-d", folder)
            package = os.listdir(folder)[0]
            h.helm("push", os.path.join(folder, package), charts, "--plain-http")
        version = package.removeprefix("barevip-").removesuffix(".tgz")
        install(f"{charts}/barevip", "--version", version, "--plain-http")
        h.wait_for("an answer", lambda: h.answers(before[0]))
        self.assertEqual(before, h.addresses("web", self.ns))

    def test_7_a_kustomize_install_is_taken_over_without_touching_a_vip(self):
        uninstall()
        h.kubectl("apply", "-k", os.path.join(h.REPO, "deploy"))
        h.rollout("daemonset", "barevip-node", h.SYSTEM)
        address = h.wait_for_addresses("web", 1, self.ns)[0]
        h.wait_for("an answer", lambda: h.answers(address))
        owner, pods = h.wait_for_owner(address, self.ns), daemon_pods()
        self.assert_unharmed(lambda: install(CHART, "--take-ownership", "--server-side=false"))
        self.assertEqual(pods, daemon_pods(), "no daemon was restarted")
        self.assertEqual(owner, h.owner(address, self.ns))

    def test_8_uninstall_ends_with_a_node_cut_off_and_the_pools_definition_gone(self):
        h.cluster("link", "node2", "down")
        self.addCleanup(h.cluster, "link", "node2", "up", check=False)
        h.wait_for(
            "node2 is not ready",
            lambda: any(
                c["type"] == "Ready" and c["status"] != "True" for c in h.get("node", "node2")["status"]["conditions"]
            ),
            120,
        )
        h.kubectl("delete", "crd", POOLS, "--wait=false")
        begun = time.monotonic()
        said = uninstall()
        self.assertLess(time.monotonic() - begun, 240)
        self.assertIn("node2", said)
        self.assert_clean("node1")
        h.cluster("link", "node2", "up")
        h.wait_for("no pod", lambda: not h.objects("pods", "-n", h.SYSTEM), 120)
        self.assertIn("bvip", h.kernel_of("node2"), "what nobody cleaned is there")
        h.kubectl("apply", "-k", CLEANUP)
        h.rollout("daemonset", "barevip-cleanup", "barevip-cleanup")
        self.assert_clean("node2")
        h.kubectl("delete", "-k", CLEANUP)
        h.wait_for("the Pools' definition to go", lambda: POOLS not in json.dumps(h.objects("crds")))


class QuickStart(ClusterTest):
    """The lines of docs/quick-start.md, as they stand, on a host of the LAN that is not a node."""

    nodes = 2
    installed = False

    def prepare(self):
        h.apply(h.backend("web", 2))
        self.addCleanup(h.kubectl, "delete", "deployment", "web")

    @staticmethod
    def lines():
        with open(os.path.join(h.REPO, "docs", "quick-start.md"), encoding="utf-8") as file:
            block = file.read().split("<!-- quick start")[1].split("```console\n")[1].split("```")[0]
        return [line.removeprefix("$ ") for line in block.splitlines()]

    def test_each_line_of_the_page_runs_and_the_service_answers(self):
        registry = h.cluster("registry").strip()
        script = [
            "set -eux",
            f"cd {h.REPO}",
            *(f'{name}() {{ {h.CLUSTER} {name} "$@"; }}' for name in ("kubectl", "helm")),
        ]
        for line in self.lines():
            if line.startswith("export REGISTRY="):
                line = f"export REGISTRY={registry}/team"
            # The LAN's registry has no certificate.
            script.append(line.replace("--push", "--plain-http --push"))
        self.addCleanup(leave)
        self.addCleanup(h.kubectl, "delete", "service", "web", "--ignore-not-found")
        said = h.cluster("client", "\n".join(script), everything=True)
        self.assertIn("answered 3 times", said)
        address = h.wait_for_addresses("web", 1)[0]
        h.wait_for("an answer", lambda: h.answers(address))
        images = {c["image"] for pod in h.objects("pods", "-n", h.SYSTEM) for c in pod["spec"]["containers"]}
        self.assertTrue(all(image.startswith(f"{registry}/team/") for image in images), images)
