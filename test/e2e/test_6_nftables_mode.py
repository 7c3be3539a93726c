# SPDX-License-Identifier: Apache-2.0
"""Beside a kube-proxy in nftables mode, which flushes the IPVS of its namespace at each start."""

from e2e import beside_kube_proxy
from e2e import harness as h


class BesideKubeProxyInNftablesMode(beside_kube_proxy.BesideKubeProxy):
    proxy = "nftables"

    def test_kube_proxy_leaves_the_vip_to_barevip(self):
        address = self.make_service()[0]
        cluster_ip = h.get("service", "web", self.ns)["spec"]["clusterIP"]
        rules = h.on_node(self.owner(address), "nft", "list", "table", "ip", "kube-proxy")
        self.assertIn(f"{cluster_ip} . tcp . 80", rules)
        self.assertNotIn(f"{address} . tcp . 80", rules)

    def test_external_ips_of_another_service_take_no_vip(self):
        self.assert_that_external_ips_take_no_vip()

    def test_check_tells_the_mode_and_finds_no_problem(self):
        said, status = h.program("node1", "barevip-node", "check", f"--bind-iface={h.NIC}", "--without-api")
        self.assertEqual(0, status, said)
        self.assertRegex(said, r"ok +kube-proxy +runs in nftables mode")
