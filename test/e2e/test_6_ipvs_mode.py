# SPDX-License-Identifier: Apache-2.0
"""Beside a kube-proxy in ipvs mode, which owns the node's IPVS table."""

import os

from e2e import beside_kube_proxy
from e2e import harness as h

CLEANUP = os.path.join(h.REPO, "deploy", "cleanup")


class BesideKubeProxyInIpvsMode(beside_kube_proxy.BesideKubeProxy):
    proxy = "ipvs"

    def test_kube_proxys_own_table_is_untouched(self):
        address = self.make_service()[0]
        node = h.wait_for_owner(address, self.ns)
        self.assertIn("10.96.0.1:443", h.on_node(node, "ipvsadm", "-Ln"), "kube-proxy's own virtual servers")
        self.assertNotIn(f"{address}:80", h.on_node(node, "ipvsadm", "-Ln"), "ours are in the director")
        self.assertIn(f"{address}:80", h.in_director(node, "ipvsadm", "-Ln"))

    def test_z_after_uninstall_and_cleanup_nothing_of_barevip_is_on_a_node(self):
        address, address6 = self.make_service(families="RequireDualStack", addresses=2)
        traces = (*h.TRACES, address, address6)
        # The owners answer; the other node may be a moment behind them.
        h.wait_for("all of it on node1", lambda: (kernel := h.kernel_of("node1")) and all(t in kernel for t in traces))
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
