# SPDX-License-Identifier: Apache-2.0
"""The original topology: VIPs on the bind interface, IPVS in the node's own namespace."""

import json

from e2e import harness as h
from e2e.case import TrafficTest


class HostPlacement(TrafficTest):
    """Comes last on its cluster, whose daemons it moves there from the other placement."""

    replicas = 2

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        h.kubectl(
            "patch",
            "daemonset",
            "barevip-node",
            "-n",
            h.SYSTEM,
            "--type=strategic",
            "-p",
            json.dumps(
                {
                    "spec": {
                        "template": {
                            "spec": {
                                "initContainers": [
                                    {"name": "init", "args": ["init", "--bind-iface=auto", "--placement=host"]}
                                ],
                                "containers": [
                                    {
                                        "name": "node",
                                        "args": [
                                            "--bind-iface=auto",
                                            "--placement=host",
                                            "--metrics-address=127.0.0.1:7480",
                                        ],
                                    }
                                ],
                            }
                        }
                    }
                }
            ),
        )
        h.rollout("daemonset", "barevip-node", h.SYSTEM, 300)

    def prepare(self):
        super().prepare()
        self.make_pool("10.99.0.128/29", "fd99::200/120")

    def test_services_of_both_policies_are_served_from_everywhere(self):
        self.assert_both_policies_serve_from_everywhere()

    def test_the_owner_alone_has_the_vip_on_its_interface_and_foreign_things_stay(self):
        address = self.make_service()[0]
        node = h.wait_for_owner(address, self.ns)
        other = "node1" if node == "node2" else "node2"
        self.assertIn(address, h.on_node(node, "ip", "address", "show", "dev", h.NIC))
        self.assertNotIn(address, h.on_node(other, "ip", "address", "show", "dev", h.NIC))
        h.on_node(node, "ipvsadm", "-A", "-t", "198.51.100.7:80", "-s", "wlc")
        h.on_node(node, "ip", "address", "add", "198.51.100.7/32", "dev", h.NIC)
        passes = h.metric(node, "barevip_node_full_syncs_total")
        h.wait_for("two full passes", lambda: h.metric(node, "barevip_node_full_syncs_total") >= passes + 2, 90)
        self.assertIn("198.51.100.7:80 wlc", h.on_node(node, "ipvsadm", "-Ln"))
        self.assertIn("198.51.100.7/32", h.on_node(node, "ip", "address", "show", "dev", h.NIC))
        h.on_node(node, "ipvsadm", "-D", "-t", "198.51.100.7:80")
        h.on_node(node, "ip", "address", "del", "198.51.100.7/32", "dev", h.NIC)
        h.kubectl("delete", "service", "web", "-n", self.ns)
        for name in ("node1", "node2", "node3"):
            h.wait_for(
                f"{name} without {address}",
                lambda n=name: (
                    address not in h.on_node(n, "ipvsadm", "-Ln") and address not in h.on_node(n, "ip", "address")
                ),
            )

    def test_ports_of_the_node_do_not_answer_on_a_vip(self):
        address = self.make_service()[0]
        for port in (22, 10250):
            self.assertEqual("closed", self.port_state(address, port), port)
