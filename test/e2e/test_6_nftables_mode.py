# SPDX-License-Identifier: Apache-2.0
"""Beside a kube-proxy in nftables mode, which flushes the IPVS of its namespace at each start."""

from e2e import harness as h
from e2e.case import TrafficTest


class BesideKubeProxyInNftablesMode(TrafficTest):
    proxy = "nftables"
    nodes = 2
    replicas = 2

    def prepare(self):
        super().prepare()
        self.make_pool("10.99.0.128/29", "fd99::200/120")

    def test_services_of_both_policies_are_served_from_everywhere(self):
        self.assert_both_policies_serve_from_everywhere()

    def test_a_restart_of_kube_proxy_fails_no_request(self):
        self.assert_a_restart_of_kube_proxy_fails_no_request()

    def test_kube_proxy_leaves_the_vip_to_barevip(self):
        address = self.make_service()[0]
        cluster_ip = h.get("service", "web", self.ns)["spec"]["clusterIP"]
        rules = h.on_node(self.owner(address), "nft", "list", "table", "ip", "kube-proxy")
        self.assertIn(f"{cluster_ip} . tcp . 80", rules)
        self.assertNotIn(f"{address} . tcp . 80", rules)

    def test_check_tells_the_mode_and_finds_no_problem(self):
        said, status = h.program("node1", "barevip-node", "check", f"--bind-iface={h.NIC}", "--without-api")
        self.assertEqual(0, status, said)
        self.assertRegex(said, r"ok +kube-proxy +runs in nftables mode")

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
        self.assertIn("nftables", said)
