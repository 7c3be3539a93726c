# SPDX-License-Identifier: Apache-2.0
"""What holds beside a kube-proxy in each mode in which it takes the IPVS of the node's namespace for its own."""

from e2e import harness as h
from e2e.case import TrafficTest


class BesideKubeProxy(TrafficTest):
    """Subclasses say the mode. Import the module, not this class: the loader runs each class that a module names."""

    nodes = 2
    replicas = 2

    def prepare(self):
        super().prepare()
        self.make_pool("10.99.0.128/29", "fd99::200/120")

    def test_services_of_both_policies_are_served_from_everywhere(self):
        self.assert_both_policies_serve_from_everywhere()

    def test_a_restart_of_kube_proxy_fails_no_request(self):
        """Neither its clean-up at the start nor its first whole sync takes anything from barevip."""
        address = self.make_service()[0]
        node = self.owner(address)
        with h.traffic("tcp", address, 80) as report, h.traffic("stream", address, 80, timeout=10) as stream:
            for name in ("node1", "node2"):
                before = h.pids(name, "kube-proxy")
                h.on_node(name, "kill", *before)
                h.wait_for(
                    f"a new kube-proxy on {name}",
                    lambda n=name, b=before: (p := h.pids(n, "kube-proxy")) and p != b,
                    60,
                )
            passes = h.metric(node, "barevip_node_full_syncs_total")
            h.wait_for("a full pass after it", lambda: h.metric(node, "barevip_node_full_syncs_total") > passes, 60)
        self.assertEqual(0, report["failed"], report["failures"])
        self.assertEqual(0, stream["failed"], stream["failures"])

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
        self.assertIn(self.proxy, said)
