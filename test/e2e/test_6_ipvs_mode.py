# SPDX-License-Identifier: Apache-2.0
"""Beside a kube-proxy in ipvs mode, which owns the node's IPVS table."""

import os

from e2e import harness as h
from e2e.case import TrafficTest

CLEANUP = os.path.join(h.REPO, "deploy", "cleanup")


class BesideKubeProxyInIpvsMode(TrafficTest):
    proxy = "ipvs"
    nodes = 2
    replicas = 2

    def prepare(self):
        super().prepare()
        self.make_pool("10.99.0.128/29", "fd99::200/120")

    def test_services_of_both_policies_are_served_from_everywhere(self):
        self.assert_both_policies_serve_from_everywhere()

    def test_a_restart_of_kube_proxy_fails_no_request(self):
        self.assert_a_restart_of_kube_proxy_fails_no_request()

    def test_kube_proxys_own_table_is_untouched(self):
        address = self.make_service()[0]
        node = h.wait_for_owner(address, self.ns)
        self.assertIn("10.96.0.1:443", h.on_node(node, "ipvsadm", "-Ln"), "kube-proxy's own virtual servers")
        self.assertNotIn(f"{address}:80", h.on_node(node, "ipvsadm", "-Ln"), "ours are in the director")
        self.assertIn(f"{address}:80", h.in_director(node, "ipvsadm", "-Ln"))

    def test_host_placement_is_refused_with_the_reason(self):
        said, status = h.program(
            "node1",
            "barevip-node",
            "--placement=host",
            f"--bind-iface={h.NIC}",
            "--node-name=node1",
            f"--kubeconfig={h.admin_kubeconfig()}",
        )
        self.assertEqual(1, status, said)
        self.assertIn("ipvs", said)

    def test_z_after_uninstall_and_cleanup_nothing_of_barevip_is_on_a_node(self):
        address, address6 = self.make_service(families="RequireDualStack", addresses=2)
        traces = (*h.TRACES, address, address6)
        h.kubectl("delete", "daemonset,deployment", "--all", "-n", h.SYSTEM)
        h.wait_for("no pod of barevip", lambda: not h.objects("pods", "-n", h.SYSTEM))
        self.assertTrue(h.answers(address), "the kernels serve on")
        kernel = h.kernel_of("node1")
        for trace in traces:
            self.assertIn(trace, kernel)
        # Nobody is there to let the Pool go.
        h.kubectl("patch", f"pool/{self.pools.pop()}", "--type=merge", "-p", '{"metadata":{"finalizers":null}}')
        h.kubectl("delete", "-k", os.path.join(h.REPO, "deploy"), "--ignore-not-found")
        h.kubectl("apply", "-k", CLEANUP)
        h.kubectl("rollout", "status", "daemonset/barevip-cleanup", "-n", "barevip-cleanup", "--timeout=120s")
        for node in ("node1", "node2"):
            with self.subTest(node=node):
                kernel = h.kernel_of(node)
                for trace in traces:
                    self.assertNotIn(trace, kernel)
                self.assertIn("10.96.0.1:443", h.on_node(node, "ipvsadm", "-Ln"), "kube-proxy's own are left")
        h.kubectl("delete", "-k", CLEANUP)
