# SPDX-License-Identifier: Apache-2.0
"""What the chart has for Prometheus and Grafana: monitors that find the pods, alerts that fire in time, dashboards."""

import contextlib
import json
import os
import re
import socket
import subprocess
import tempfile
import time
import unittest
import urllib.request

from manifests import dashboards, rendering
from tools.lab import barevip, binaries, settings

ENABLED = ("--set=monitoring.enabled=true", "--set=node.metricsAddress=node:7480")
WORKLOADS = {"barevip-operator": "Deployment", "barevip-node": "DaemonSet"}
# Series that Prometheus makes itself.
_OF_PROMETHEUS = {"up"}


def rendered_rules(*arguments):
    """The alerts of the chart, by name."""
    rule = rendering.find(rendering.template(*ENABLED, *arguments), "PrometheusRule", "barevip")
    return {alert["alert"]: alert for group in rule["spec"]["groups"] for alert in group["rules"]}


def promtool(*arguments, text=None, **files):
    """Runs promtool with a text as its input, beside files that are given by what they hold; JSON is YAML."""
    with tempfile.TemporaryDirectory() as scratch:
        for name, content in files.items():
            with open(os.path.join(scratch, f"{name}.yaml"), "w", encoding="utf-8") as out:
                json.dump(content, out)
        return subprocess.run(
            [binaries.ensure_promtool(), *arguments],
            cwd=scratch,
            input=text,
            capture_output=True,
            text=True,
            check=False,
        )


class Monitors(unittest.TestCase):
    def monitors(self, *arguments):
        rendered = rendering.template(*ENABLED, *arguments)
        return {name: rendering.find(rendered, "PodMonitor", name) for name in WORKLOADS}

    def test_nothing_is_rendered_for_prometheus_unless_it_is_asked_for(self):
        kinds = {item["kind"] for item in rendering.template()}
        self.assertEqual(kinds & {"PodMonitor", "PrometheusRule", "ConfigMap"}, set())
        self.assertNotIn("ports", rendering.container_of(rendering.template(), "DaemonSet", "barevip-node"))

    def test_each_monitor_selects_the_pods_of_its_program_and_a_port_that_they_have(self):
        rendered = rendering.template(*ENABLED)
        for name, monitor in self.monitors().items():
            with self.subTest(name):
                template = rendering.find(rendered, WORKLOADS[name], name)["spec"]["template"]
                labels = template["metadata"]["labels"]
                selected = monitor["spec"]["selector"]["matchLabels"]
                self.assertEqual(selected, {key: labels[key] for key in selected})
                (container,) = template["spec"]["containers"]
                self.assertEqual(
                    [endpoint["port"] for endpoint in monitor["spec"]["podMetricsEndpoints"]],
                    [port["name"] for port in container["ports"]],
                )
                self.assertEqual(monitor["spec"]["namespaceSelector"], {"matchNames": [rendering.NAMESPACE]})

    def test_the_job_of_each_series_is_the_program_and_its_label_node_the_node(self):
        for name, monitor in self.monitors().items():
            with self.subTest(name):
                self.assertEqual(monitor["spec"]["jobLabel"], "app.kubernetes.io/name")
                (endpoint,) = monitor["spec"]["podMetricsEndpoints"]
                self.assertIn(
                    {"sourceLabels": ["__meta_kubernetes_pod_node_name"], "targetLabel": "node"},
                    endpoint["relabelings"],
                )

    def test_interval_labels_namespace_and_relabelings_are_those_of_the_values(self):
        for name, monitor in self.monitors(f"--values={rendering.values_files()['every-monitor']}").items():
            with self.subTest(name):
                self.assertEqual(monitor["metadata"]["namespace"], "monitoring")
                self.assertEqual(monitor["metadata"]["labels"]["team"], "network")
                (endpoint,) = monitor["spec"]["podMetricsEndpoints"]
                self.assertEqual(endpoint["interval"], "1m")
                self.assertEqual(endpoint["relabelings"][-1]["targetLabel"], "who")

    def test_metrics_by_tls_are_scraped_by_an_account_that_may_get_them_and_nothing_else(self):
        rendered = rendering.template(f"--values={rendering.values_files()['secure-metrics']}")
        for name in WORKLOADS:
            with self.subTest(name):
                (endpoint,) = rendering.find(rendered, "PodMonitor", name)["spec"]["podMetricsEndpoints"]
                self.assertEqual(endpoint["scheme"], "https")
                self.assertEqual(endpoint["tlsConfig"], {"insecureSkipVerify": True})
                credentials = {"name": "barevip-metrics-reader", "key": "token"}
                self.assertEqual(endpoint["authorization"], {"credentials": credentials})
        secret = rendering.find(rendered, "Secret", "barevip-metrics-reader")
        self.assertEqual(secret["type"], "kubernetes.io/service-account-token")
        account = secret["metadata"]["annotations"]["kubernetes.io/service-account.name"]
        self.assertEqual(rendering.find(rendered, "ServiceAccount", account)["automountServiceAccountToken"], False)
        binding = rendering.find(rendered, "ClusterRoleBinding", "barevip-metrics-reader")
        self.assertEqual([subject["name"] for subject in binding["subjects"]], [account])
        role = rendering.find(rendered, "ClusterRole", binding["roleRef"]["name"])
        self.assertEqual(role["rules"], [{"nonResourceURLs": ["/metrics"], "verbs": ["get"]}])

    def test_a_token_and_a_check_of_the_certificate_of_your_own_take_the_place_of_those_of_the_chart(self):
        rendered = rendering.template(f"--values={rendering.values_files()['every-monitor']}")
        for name in WORKLOADS:
            with self.subTest(name):
                (endpoint,) = rendering.find(rendered, "PodMonitor", name)["spec"]["podMetricsEndpoints"]
                self.assertEqual(endpoint["authorization"]["credentials"], {"name": "prometheus-token", "key": "token"})
                self.assertNotIn("insecureSkipVerify", endpoint["tlsConfig"])
                self.assertEqual(endpoint["tlsConfig"]["ca"]["secret"]["key"], "ca.crt")
        self.assertNotIn("Secret", {item["kind"] for item in rendered})

    def test_a_scrape_class_takes_the_place_of_a_token_in_a_secret(self):
        rendered = rendering.template(f"--values={rendering.values_files()['scrape-class']}")
        for name in WORKLOADS:
            with self.subTest(name):
                spec = rendering.find(rendered, "PodMonitor", name)["spec"]
                self.assertEqual(spec["scrapeClass"], "own-token")
                (endpoint,) = spec["podMetricsEndpoints"]
                self.assertEqual(endpoint["scheme"], "https")
                # The Prometheus operator takes the credentials of a monitor before those of its class.
                self.assertNotIn("authorization", endpoint)
        made = [item["kind"] for item in rendered if item["metadata"]["name"] == "barevip-metrics-reader"]
        self.assertEqual(made, ["ClusterRole"])

    def test_the_node_daemon_listens_on_the_address_of_its_node_which_is_also_probed(self):
        daemon = rendering.container_of(rendering.template(*ENABLED), "DaemonSet", "barevip-node")
        self.assertIn("--metrics-address=[$(METRICS_HOST)]:7480", daemon["args"])
        address = {
            "name": "METRICS_HOST",
            "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": "status.hostIP"}},
        }
        self.assertIn(address, daemon["env"])
        # A probe without a host goes to the pod's address, which is the node's.
        for probe in ("livenessProbe", "readinessProbe"):
            self.assertNotIn("host", daemon[probe]["httpGet"])
            self.assertEqual(daemon[probe]["httpGet"]["port"], 7480)

    def test_the_port_is_the_one_of_the_value(self):
        daemon = rendering.container_of(
            rendering.template(ENABLED[0], "--set=node.metricsAddress=node:9100"), "DaemonSet", "barevip-node"
        )
        self.assertIn("--metrics-address=[$(METRICS_HOST)]:9100", daemon["args"])
        self.assertEqual([port["containerPort"] for port in daemon["ports"]], [9100])


class Alerts(unittest.TestCase):
    maxDiff = None
    rules: dict
    cases: dict

    @classmethod
    def setUpClass(cls):
        cls.rules = rendered_rules()
        (cls.cases,) = rendering.read_yaml("test", "manifests", "alert_cases.yaml")

    def assert_ok(self, done):
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_promtool_finds_no_fault_in_the_rules(self):
        rule = rendering.find(rendering.template(*ENABLED), "PrometheusRule", "barevip")
        self.assert_ok(promtool("check", "rules", "--lint=all", "--lint-fatal", "rules.yaml", rules=rule["spec"]))

    def test_each_alert_fires_in_its_cases_and_stays_quiet_in_the_others(self):
        tests = [
            self.as_promtool_test(name, case)
            for name, kinds in self.cases.items()
            for cases in kinds.values()
            for case in cases
        ]
        rule = rendering.find(rendering.template(*ENABLED), "PrometheusRule", "barevip")
        suite = {"rule_files": ["rules.yaml"], "evaluation_interval": "1m", "tests": tests}
        self.assert_ok(promtool("test", "rules", "suite.yaml", rules=rule["spec"], suite=suite))

    def as_promtool_test(self, name, case):
        rule = self.rules[name]
        runbook = {"runbook_url": rule["annotations"]["runbook_url"]}
        expected = [
            {
                "exp_labels": {**rule["labels"], **alert.get("labels", {})},
                "exp_annotations": {"summary": alert["summary"], **runbook},
            }
            for alert in case.get("alerts", [])
        ]
        return {
            "name": f"{name}: {case['case']}",
            "interval": "1m",
            "input_series": [{"series": series, "values": values} for series, values in case["series"].items()],
            "alert_rule_test": [{"eval_time": case["at"], "alertname": name, "exp_alerts": expected}],
        }

    def test_each_alert_has_a_case_in_which_it_fires_and_one_in_which_it_does_not(self):
        self.assertEqual(sorted(self.cases), sorted(self.rules))
        for name, kinds in self.cases.items():
            with self.subTest(name):
                self.assertEqual(sorted(kinds), ["fires", "quiet"])
                self.assertTrue(all(case["alerts"] for case in kinds["fires"]) and kinds["fires"])
                self.assertTrue(all("alerts" not in case for case in kinds["quiet"]) and kinds["quiet"])

    def test_each_alert_leads_to_a_heading_of_its_name_and_each_heading_has_its_alert(self):
        page = rendering.read("docs", "troubleshooting.md")
        section = page[page.index("\n## Alerts\n") :]
        self.assertEqual(sorted(re.findall(r"^### (\w+)$", section, re.MULTILINE)), sorted(self.rules))
        for name, rule in self.rules.items():
            self.assertEqual(rule["annotations"]["runbook_url"], f"docs/troubleshooting.md#{name.lower()}")

    def test_the_reference_lists_each_alert_with_its_severity(self):
        listed = re.findall(r"^\| `(Barevip\w+)` \| (\w+) \|", rendering.read("docs", "reference.md"), re.MULTILINE)
        self.assertEqual(dict(listed), {name: rule["labels"]["severity"] for name, rule in self.rules.items()})

    def test_the_summary_of_each_alert_is_one_sentence_and_its_severity_one_of_two(self):
        for name, rule in self.rules.items():
            with self.subTest(name):
                self.assertRegex(rule["annotations"]["summary"], r"^[^.]+(\.\w[^.]*)*\.$")
                self.assertIn(rule["labels"]["severity"], ("critical", "warning"))

    def test_runbooks_labels_and_alerts_to_leave_out_are_those_of_the_values(self):
        rules = rendered_rules(f"--values={rendering.values_files()['every-monitor']}")
        self.assertEqual(sorted(self.rules.keys() - rules.keys()), ["BarevipVipNotAnnounced"])
        for name, rule in rules.items():
            self.assertEqual(rule["labels"], {**self.rules[name]["labels"], "team": "network"})
            self.assertEqual(
                rule["annotations"]["runbook_url"], f"https://docs.example/troubleshooting.md#{name.lower()}"
            )


class Dashboards(unittest.TestCase):
    dashboards: dict

    @classmethod
    def setUpClass(cls):
        data = rendering.find(rendering.template(*ENABLED), "ConfigMap", "barevip-dashboards")["data"]
        cls.dashboards = {name: json.loads(text) for name, text in data.items()}

    def test_the_sidecar_of_grafana_finds_them_by_its_label(self):
        config = rendering.find(rendering.template(*ENABLED), "ConfigMap", "barevip-dashboards")
        self.assertEqual(config["metadata"]["labels"]["grafana_dashboard"], "1")
        self.assertEqual(
            sorted(config["data"]), [f"barevip-{name}.json" for name in ("cluster", "node", "pool", "vip")]
        )

    def test_each_has_an_id_of_its_own_and_asks_the_data_source_that_is_chosen(self):
        uids = [dashboard["uid"] for dashboard in self.dashboards.values()]
        self.assertEqual(len(set(uids)), len(uids))
        for name, dashboard in self.dashboards.items():
            for panel in dashboard["panels"]:
                with self.subTest(name, panel=panel["title"]):
                    self.assertEqual(panel["datasource"]["uid"], "${datasource}")
                    self.assertTrue(panel["targets"])

    def read_by_grafana(self, **dashboards):
        """What Grafana's own types say of dashboards."""
        with tempfile.TemporaryDirectory() as scratch:
            files = [os.path.join(scratch, name) for name in dashboards]
            for file, dashboard in zip(files, dashboards.values()):
                with open(file, "w", encoding="utf-8") as out:
                    json.dump(dashboard, out)
            return subprocess.run(
                [binaries.ensure_dashboard_reader(), *files], capture_output=True, text=True, check=False
            )

    def test_grafanas_own_types_know_each_field_and_miss_none(self):
        done = self.read_by_grafana(**self.dashboards)
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_grafanas_own_types_name_a_field_that_they_do_not_know(self):
        name, dashboard = next(iter(self.dashboards.items()))
        panel, *others = dashboard["panels"]
        done = self.read_by_grafana(**{name: {**dashboard, "panels": [{**panel, "titel": "x"}, *others]}})
        self.assertEqual(done.returncode, 1)
        self.assertIn("unexpected field 'titel'", done.stderr)

    def test_promtool_reads_each_query(self):
        queries = sorted({q.expression for d in self.dashboards.values() for q in dashboards.queries(d)})
        rules = [{"record": f"query_{number}", "expr": query} for number, query in enumerate(queries)]
        done = promtool("check", "rules", "rules.yaml", rules={"groups": [{"name": "dashboards", "rules": rules}]})
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_dashboards_and_alerts_ask_only_for_metrics_that_the_programs_have(self):
        queries = {
            f"{name}: {q.panel}": q.expression
            for name, dashboard in self.dashboards.items()
            for q in dashboards.queries(dashboard)
        }
        queries.update({name: rule["expr"] for name, rule in rendered_rules().items()})
        known = self.metrics_of_the_sources()
        for name, query in queries.items():
            with self.subTest(name):
                metrics = set(re.findall(r"\b((?:barevip|process)_\w+|up)\b", re.sub(r'"[^"]*"', "", query)))
                self.assertTrue(metrics)
                self.assertEqual({re.sub("_bucket$", "", m) for m in metrics} - known - _OF_PROMETHEUS, set())

    @staticmethod
    def metrics_of_the_sources():
        names = set()
        for folder, _, files in os.walk(os.path.join(settings.REPO, "src")):
            for file in files:
                if file.endswith(".cc"):
                    names.update(re.findall(r'"((?:barevip|process)_[a-z_]+)"', rendering.read(folder, file)))
        return names


class Metrics(unittest.TestCase):
    """The node daemon needs a kernel with IPVS: its metrics are checked in the cluster test of monitoring."""

    def test_promtool_finds_no_fault_in_the_metrics_of_the_operator(self):
        with tempfile.TemporaryDirectory() as scratch:
            done = promtool("check", "metrics", text=self.metrics_without_api_server(scratch))
        self.assertEqual((done.returncode, done.stdout + done.stderr), (0, ""))

    @staticmethod
    def metrics_without_api_server(scratch):
        """What the operator reports while no API server answers."""
        kubeconfig, authority = os.path.join(scratch, "kubeconfig"), os.path.join(scratch, "ca.pem")
        making = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=none", "-out", authority]
        subprocess.run([*making, "-keyout", os.path.join(scratch, "key.pem")], check=True, capture_output=True)
        cluster = {"server": "https://127.0.0.1:1", "certificate-authority": authority}
        with open(kubeconfig, "w", encoding="utf-8") as out:
            json.dump(
                {
                    "apiVersion": "v1",
                    "kind": "Config",
                    "current-context": "none",
                    "clusters": [{"name": "none", "cluster": cluster}],
                    "users": [{"name": "none", "user": {"token": "none"}}],
                    "contexts": [{"name": "none", "context": {"cluster": "none", "user": "none"}}],
                },
                out,
            )
        with socket.create_server(("127.0.0.1", 0)) as free:
            address = f"127.0.0.1:{free.getsockname()[1]}"
        program = os.path.join(barevip.binaries_folder(), "barevip-operator")
        with subprocess.Popen(
            [program, f"--kubeconfig={kubeconfig}", f"--metrics-address={address}"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as operator:
            try:
                deadline = time.monotonic() + 30
                while True:
                    with contextlib.suppress(OSError), urllib.request.urlopen(f"http://{address}/metrics") as page:
                        return page.read().decode()
                    if operator.poll() is not None or time.monotonic() > deadline:
                        raise AssertionError(f"the operator does not answer at {address}")
                    time.sleep(0.05)
            finally:
                operator.terminate()
