# SPDX-License-Identifier: Apache-2.0
"""A real Prometheus scrapes an installation as its monitors say: dashboards have data, and no alert fires."""

import glob
import json
import math
import os
import subprocess
import tempfile

from e2e import harness as h
from e2e.case import ClusterTest, make_namespace, remove_namespace
from e2e.scraping import Prometheus
from e2e.test_7_helm import CHART, install, leave
from lab import binaries
from manifests import dashboards

# Panels that may be empty, and why.
_EMPTY = {
    "Failed requests to the API server": "there need be no failure",
    "Not eligible to announce": "a series begins with the first cause",
    "Drift repaired": "a series begins with the first external change",
    "Netlink errors": "a series begins with the first error",
}
INTERVAL = "5s"


def operator_definitions():
    """The folder of the CustomResourceDefinitions of the Prometheus operator."""
    return os.path.join(binaries.prometheus_operator_source(), "example", "prometheus-operator-crd")


class Monitoring(ClusterTest):
    """With the placement host, where kernels of every age count traffic."""

    nodes = 2
    installed = False
    prometheus: Prometheus

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.ns = make_namespace()
        cls.addClassCleanup(remove_namespace, cls.ns)
        cls.addClassCleanup(leave)
        h.cluster("load", show=True)
        for kind in ("podmonitors", "prometheusrules"):
            file = os.path.join(operator_definitions(), f"monitoring.coreos.com_{kind}.yaml")
            h.kubectl("apply", "--server-side", "-f", file)
            cls.addClassCleanup(h.kubectl, "delete", "--wait=false", "-f", file, check=False)
        settings = ["monitoring.enabled=true", f"monitoring.interval={INTERVAL}"]
        settings += ["node.metricsAddress=node:7480", "node.placement=host"]
        install(CHART, *(f"--set={setting}" for setting in settings))
        folder = tempfile.TemporaryDirectory()  # pylint: disable=consider-using-with
        cls.addClassCleanup(folder.cleanup)
        cls.prometheus = Prometheus(folder.name)
        h.apply(h.backend("web", 2, cls.ns))
        h.rollout("deployment", "web", cls.ns)

    def setUp(self):
        """The namespace is the class's."""
        self.prepare()
        h.wait_for("all programs to be scraped", self.all_are_up)

    def all_are_up(self):
        jobs = sorted((labels["job"], value) for labels, value in self.prometheus.query("up"))
        return jobs == [("barevip-node", 1)] * self.nodes + [("barevip-operator", 1)] * 2

    def data(self, expression):
        return [value for _, value in self.prometheus.query(expression) if not math.isnan(value)]

    def test_each_panel_has_data_of_a_cluster_that_serves_and_no_alert_fires(self):
        self.make_pool("10.99.0.128/28")
        address = self.make_service("web")[0]
        with h.traffic("tcp", address, 80), h.traffic("udp", address, 80):
            for file in sorted(glob.glob(os.path.join(CHART, "files", "dashboards", "*.json"))):
                with open(file, encoding="utf-8") as text:
                    queries = list(dashboards.queries(json.load(text)))
                for query in queries:
                    with self.subTest(os.path.basename(file), panel=query.panel, query=query.expression):
                        if query.panel in _EMPTY:
                            self.data(query.expression)  # raises if Prometheus refuses it
                        else:
                            h.wait_for("data", lambda q=query: self.data(q.expression), 90, interval=2)
            self.assert_no_alert()

    def assert_no_alert(self):
        h.wait_for("each alert to be evaluated", lambda: all(a["health"] == "ok" for a in self.alerts()))
        self.assertEqual([], [a["name"] for a in self.alerts() if a["state"] == "firing"])
        for alert in self.alerts():
            with self.subTest(alert["name"]):
                # What counts full reads needs two of them, and they are 30 s apart.
                h.wait_for("nothing to alert", lambda a=alert: not self.prometheus.query(a["query"]), 90, interval=2)

    def alerts(self):
        found = list(self.prometheus.alerts().values())
        self.assertTrue(found)
        return found

    def test_traffic_has_the_namespace_of_its_service_and_the_node_that_carried_it(self):
        self.make_pool("10.99.0.128/28")
        address = self.make_service("web")[0]
        h.requests("tcp", address, 80, 5)
        selector = f'{{namespace="{self.ns}", service="web", address="{address}", protocol="TCP"}}'
        # A VIP takes requests at its announcer.
        h.wait_for(
            "the connections",
            lambda: self.data(f"sum by (node) (barevip_node_vip_connections_total{selector}) >= 5"),
            90,
            interval=2,
        )
        carriers = self.prometheus.query(f"sum by (node) (barevip_node_vip_connections_total{selector}) > 0")
        self.assertEqual([self.owner(address)], [labels["node"] for labels, _ in carriers])

    def test_a_pool_that_is_exhausted_is_seen_by_the_alerts_on_it(self):
        pool = self.make_pool("10.99.0.128/32")
        self.make_service("web")
        h.apply(h.service("late", app="web", namespace=self.ns))
        for name, labels in (
            ("BarevipPoolNearlyFull", {"pool": pool, "family": "IPv4"}),
            ("BarevipServicesWaiting", {"reason": "PoolExhausted"}),
        ):
            alert = self.prometheus.alerts()[name]
            h.wait_for(
                f"{name} to count",
                lambda a=alert, wanted=labels: wanted in [found for found, _ in self.prometheus.query(a["query"])],
            )

    def test_names_and_units_of_metrics_are_those_that_prometheus_asks_for(self):
        targets = {labels["instance"] for labels, _ in self.prometheus.query("up")}
        for target in sorted(targets):
            # Nodes reach pods, and the client of the LAN does not.
            page = h.on_node("node1", "curl", "-s", "--max-time", "5", f"http://{target}/metrics")
            done = subprocess.run(
                [binaries.ensure_promtool(), "check", "metrics"],
                input=page,
                capture_output=True,
                text=True,
                check=False,
            )
            with self.subTest(target):
                self.assertIn("barevip_", page)
                self.assertEqual((0, ""), (done.returncode, done.stdout + done.stderr))
