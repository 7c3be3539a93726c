# SPDX-License-Identifier: Apache-2.0
"""The base of the cluster tests: which cluster they run on, and a namespace and Pool of their own."""

import itertools
import unittest

from e2e import harness as h

_numbers = itertools.count(1)
_current = None


def ensure_cluster(proxy, nodes):
    """Makes sure that a fresh cluster of this kind, with barevip, is up; consecutive tests of one kind share it."""
    global _current
    if _current == (proxy, nodes):
        return
    h.cluster("down", check=False)
    _current = None
    h.cluster("up", "--nodes", str(nodes), "--proxy", proxy, show=True)
    _current = (proxy, nodes)


class ClusterTest(unittest.TestCase):
    """One cluster by class; one namespace by test, removed at its end."""

    proxy = "iptables"
    nodes = 3
    longMessage = True

    @classmethod
    def setUpClass(cls):
        ensure_cluster(cls.proxy, cls.nodes)

    def setUp(self):
        self.ns = f"t{next(_numbers)}"
        h.kubectl("create", "namespace", self.ns)
        self.pools = []
        # Last in, first out: the Pools are deleted, then their holders, then the Pools are gone.
        self.addCleanup(self._wait_for_pools_to_go)
        self.addCleanup(self._remove_namespace)

    def _wait_for_pools_to_go(self):
        for name in self.pools:
            h.kubectl("wait", "--for=delete", f"pool/{name}", "--timeout=60s", check=False)

    def _remove_namespace(self):
        h.kubectl("delete", "namespace", self.ns, "--wait=true", "--timeout=120s", check=False)

    def make_pool(self, *entries, name=None, **spec):
        """A Pool for this test's namespace alone."""
        name = name or self.ns
        h.kubectl("apply", "-f", "-", text=h.pool(name, *entries, namespaces=[self.ns], **spec))
        self.pools.append(name)
        self.addCleanup(h.kubectl, "delete", "pool", name, "--ignore-not-found", "--wait=false", check=False)
        return name

    def make_backend(self, name="web", replicas=3, node=None):
        h.apply(h.backend(name, replicas, self.ns, node))
        h.rollout("deployment", name, self.ns)

    def make_service(self, name="web", addresses=1, **kwargs):
        """A Service that has its addresses and answers on each."""
        h.apply(h.service(name, namespace=self.ns, **kwargs))
        found = h.wait_for_addresses(name, addresses, self.ns)
        for address in found:
            h.wait_for(f"an answer from {address}", lambda a=address: h.answers(a))
        return found

    def owner(self, address):
        return h.wait_for_owner(address, self.ns)

    def ask_from_pod(self, pod, address, kind="tcp", port=80):
        """The answer that a backend pod gets from an address, or an empty text."""
        return h.kubectl("exec", "-n", self.ns, pod, "--", "/backend", "ask", kind, address, str(port), check=False)

    def conditions(self, service):
        status = h.get("service", service, self.ns)["status"]
        return {c["type"]: c for c in status.get("conditions", [])}

    def assert_both_policies_serve_from_everywhere(self):
        """A dual-stack Service of each policy on the backend web answers the LAN, two nodes and its own pods."""
        for policy in ("Cluster", "Local"):
            found = self.make_service(name=policy.lower(), app="web", policy=policy, families="RequireDualStack",
                                      addresses=2)
            for address in found:
                for kind in ("tcp", "udp"):
                    with self.subTest(policy=policy, address=address, kind=kind):
                        report = h.requests(kind, address, 80, 10)
                        self.assertEqual(0, report["failed"], report["failures"])
                        if policy == "Local":
                            self.assertEqual([h.CLIENT_ADDRESS[6 if ":" in address else 4]], list(report["clients"]))
                for node in ("node1", "node2"):
                    with self.subTest(policy=policy, address=address, source=node):
                        report = h.requests("tcp", address, 80, 4, via=lambda *c, n=node: h.on_node(n, *c))
                        self.assertEqual(0, report["failed"], report["failures"])
                for pod in h.pods("app=web", self.ns):
                    with self.subTest(policy=policy, address=address, source=pod["metadata"]["name"]):
                        for _ in range(3):
                            self.assertIn("pod=web-", self.ask_from_pod(pod["metadata"]["name"], address))
