# SPDX-License-Identifier: Apache-2.0
"""A real Prometheus scrapes an installation as its monitors say: dashboards have data, and no alert fires."""

import glob
import json
import math
import os
import re
import subprocess
import tempfile

from e2e import harness as h
from e2e.case import ClusterTest, make_namespace, remove_namespace
from e2e.scraping import Prometheus
from e2e.test_7_helm import CHART, install, leave
from manifests import dashboards
from tools.lab import binaries

# Panels that may be empty, and why.
_EMPTY = {
    "Not eligible to announce": "a series begins with the first cause",
}
INTERVAL = "5s"


def operator_definitions():
    """The folder of the CustomResourceDefinitions of the Prometheus operator."""
    return os.path.join(binaries.prometheus_operator_source(), "example", "prometheus-operator-crd")


class Monitored(ClusterTest):
    """An installation whose monitors a Prometheus follows; the namespace is the class's."""

    nodes = 2
    installed = False
    settings: tuple[str, ...] = ()
    folder: tempfile.TemporaryDirectory
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
        settings = ["monitoring.enabled=true", f"monitoring.interval={INTERVAL}", "node.metricsAddress=node:7480"]
        install(CHART, *(f"--set={setting}" for setting in [*settings, *cls.settings]))
        cls.folder = tempfile.TemporaryDirectory()  # pylint: disable=consider-using-with
        cls.addClassCleanup(cls.folder.cleanup)
        cls.follow()

    @classmethod
    def follow(cls, classes=None):
        """A new Prometheus, with these scrape classes."""
        cls.prometheus = Prometheus(cls.folder.name, classes)

    def setUp(self):
        self.prepare()
        h.wait_for("all programs to be scraped", self.all_are_up)

    def all_are_up(self):
        jobs = sorted((labels["job"], value) for labels, value in self.prometheus.query("up"))
        return jobs == [("barevip-node", 1)] * self.nodes + [("barevip-operator", 1)] * 2

    def targets(self):
        """HOST:PORT of each program."""
        return sorted({labels["instance"] for labels, _ in self.prometheus.query("up")})


class Monitoring(Monitored):
    """With the placement host, where kernels of every age count traffic."""

    settings = ("node.placement=host",)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        h.apply(h.backend("web", 2, cls.ns))
        h.rollout("deployment", "web", cls.ns)

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

    def test_each_address_is_announced_by_the_node_that_owns_it_and_by_no_other(self):
        self.make_pool("10.99.0.128/28")
        address = self.make_service("web")[0]
        selector = f'{{namespace="{self.ns}", address="{address}"}}'
        owner = self.owner(address)
        h.wait_for(
            "the announcer",
            lambda: (
                [labels["node"] for labels, _ in self.prometheus.query(f"barevip_ip_announced{selector} == 1")]
                == [owner]
            ),
        )

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
        for target in self.targets():
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


class SecureMonitoring(Monitored):
    """Metrics by TLS, for those whom the API server lets get them."""

    settings = ("metrics.secure=true",)

    def ask(self, target, path, *options):
        """What curl prints on a node, whose pods and own address it reaches: the body, and the status."""
        url = f"https://{target}{path}"
        said = h.on_node("node1", "curl", "-s", "--max-time", "8", "-w", "\n%{http_code}", *options, url, check=False)
        body, _, status = said.rpartition("\n")
        return int(status), body

    def ask_as(self, target, account):
        token = h.kubectl("create", "token", account, "-n", self.ns).strip()
        return self.ask(target, "/metrics", "--insecure", "-H", f"Authorization: Bearer {token}")

    def make_account(self, name, reads=False):
        h.kubectl("create", "serviceaccount", name, "-n", self.ns)
        self.addCleanup(h.kubectl, "delete", "serviceaccount", name, "-n", self.ns)
        if reads:
            binding = f"{self.ns}-{name}"
            role = ("--clusterrole=barevip-metrics-reader", f"--serviceaccount={self.ns}:{name}")
            h.kubectl("create", "clusterrolebinding", binding, *role)
            self.addCleanup(h.kubectl, "delete", "clusterrolebinding", binding)

    def test_prometheus_is_admitted_by_the_account_that_the_chart_makes(self):
        scraped = self.prometheus.query("count by (job) (barevip_build_info)")
        self.assertEqual(
            sorted((labels["job"], value) for labels, value in scraped),
            [("barevip-node", self.nodes), ("barevip-operator", 2)],
        )

    def upgrade(self, *settings):
        arguments = ("upgrade", "barevip", CHART, "-n", h.SYSTEM, "--reuse-values", "--wait")
        h.helm(*arguments, *(f"--set={setting}" for setting in settings))

    def test_prometheus_is_admitted_by_its_own_token_which_its_scrape_class_names(self):
        self.make_account("prometheus", reads=True)
        token = os.path.join(self.folder.name, "token")
        with open(token, "w", encoding="utf-8") as out:
            out.write(h.kubectl("create", "token", "prometheus", "-n", self.ns).strip())
        self.addCleanup(self.follow)
        self.addCleanup(self.upgrade, "monitoring.scrapeClass=")
        self.upgrade("monitoring.scrapeClass=own-token")
        self.assertNotIn(
            "barevip-metrics-reader", [o["metadata"]["name"] for o in h.objects("secrets", "-n", h.SYSTEM)]
        )
        self.follow({"own-token": {"authorization": {"credentialsFile": token}}})
        h.wait_for("all programs to be scraped", self.all_are_up)

    def test_reviews_wait_behind_what_traffic_needs(self):
        series = 'flow_schema="barevip-reviews",priority_level="workload-low"'
        counted = re.compile(rf"^apiserver_flowcontrol_dispatched_requests_total{{{series}}} [1-9]", re.MULTILINE)
        # Each program that was scraped asked who may.
        self.assertRegex(h.kubectl("get", "--raw", "/metrics"), counted)

    def test_an_account_gets_the_metrics_by_its_role_and_not_without_it(self):
        self.make_account("reader", reads=True)
        self.make_account("curious")
        for target in self.targets():
            with self.subTest(target):
                status, body = self.ask_as(target, "reader")
                self.assertEqual(200, status, body)
                self.assertIn("\nbarevip_build_info{", body)
                status, body = self.ask_as(target, "curious")
                self.assertEqual(403, status, body)
                self.assertEqual(
                    f"system:serviceaccount:{self.ns}:curious may not get /metrics: "
                    "bind the ClusterRole barevip-metrics-reader to it\n",
                    body,
                )

    def test_nobody_gets_the_metrics_without_a_token_that_the_api_server_accepts(self):
        for target in self.targets():
            with self.subTest(target):
                for options in ((), ("-H", "Authorization: Bearer forged")):
                    status, body = self.ask(target, "/metrics", "--insecure", *options)
                    self.assertEqual(401, status, body)
                    self.assertNotIn("barevip_", body)
                self.assertEqual((200, "ok\n"), self.ask(target, "/healthz", "--insecure"))

    def make_certificate(self, host):
        """The file of a new certificate for the host, which is in the Secret of the metrics from now on."""
        certificate, key = (os.path.join(self.folder.name, f"{host}.{kind}") for kind in ("crt", "key"))
        command = ["openssl", "req", "-x509", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
        command += ["-subj", f"/CN={host}", "-addext", f"subjectAltName=DNS:{host}"]
        subprocess.run([*command, "-keyout", key, "-out", certificate], check=True, capture_output=True)
        secret = h.kubectl(
            *("create", "secret", "tls", "metrics-tls", "-n", h.SYSTEM, "--dry-run=client", "-o", "yaml"),
            *(f"--cert={certificate}", f"--key={key}"),
        )
        h.kubectl("apply", "-f", "-", text=secret)
        with open(certificate, encoding="utf-8") as file:
            return file.read()

    def is_certified(self, target, host, certificate):
        """Whether a program shows the certificate of the host to a client that trusts nothing else."""
        h.on_node("node1", "sh", "-c", f"cat > /tmp/{host}.crt <<'END'\n{certificate}END\n")
        resolve = f"{host}:{target.rpartition(':')[2]}:{target.rpartition(':')[0]}"
        options = ("--resolve", resolve, "--cacert", f"/tmp/{host}.crt")
        return self.ask(f"{host}:{target.rpartition(':')[2]}", "/healthz", *options) == (200, "ok\n")

    def test_the_certificate_of_a_secret_is_shown_and_followed_when_it_changes(self):
        first = self.make_certificate("first.example")
        self.upgrade("metrics.certificateSecret=metrics-tls")
        h.wait_for("the new pods to be scraped", self.all_are_up)
        targets = self.targets()
        for target in targets:
            self.assertTrue(self.is_certified(target, "first.example", first), target)
        second = self.make_certificate("second.example")
        for target in targets:
            h.wait_for(
                "the new certificate, which the kubelet brings within two minutes",
                lambda t=target: self.is_certified(t, "second.example", second),
                180,
                interval=2,
            )
