# SPDX-License-Identifier: Apache-2.0
"""What the Prometheus operator makes of PodMonitors and PrometheusRules: the configuration of a Prometheus."""

import base64
import json
import os
import re

from e2e import harness as h


def _meta(label):
    return "__meta_kubernetes_pod_label_" + re.sub(r"\W", "_", label)


def _snake(relabeling):
    """A relabeling in the words of Prometheus' configuration."""
    return {re.sub(r"[A-Z]", lambda m: "_" + m[0].lower(), name): value for name, value in relabeling.items()}


def _relabelings(monitor, endpoint):
    for label, value in monitor["spec"]["selector"]["matchLabels"].items():
        yield {"action": "keep", "source_labels": [_meta(label)], "regex": re.escape(value)}
    yield {
        "action": "keep",
        "source_labels": ["__meta_kubernetes_pod_container_port_name"],
        "regex": re.escape(endpoint["port"]),
    }
    for source, target in (
        ("__meta_kubernetes_namespace", "namespace"),
        ("__meta_kubernetes_pod_container_name", "container"),
        ("__meta_kubernetes_pod_name", "pod"),
        (_meta(monitor["spec"]["jobLabel"]), "job"),
    ):
        yield {"source_labels": [source], "target_label": target}
    yield from map(_snake, endpoint["relabelings"])


def _authorization(monitor, endpoint, classes):
    """Credentials of the monitor, else those of its scrape class, as mergeAuthorizationWithScrapeClass() of the
    Prometheus operator chooses them."""
    if "authorization" not in endpoint:
        return {"credentials_file": classes[monitor["spec"]["scrapeClass"]]["authorization"]["credentialsFile"]}
    credentials = endpoint["authorization"]["credentials"]
    secret = h.get("secret", credentials["name"], monitor["metadata"]["namespace"])
    return {"credentials": base64.b64decode(secret["data"][credentials["key"]]).decode()}


def _access(monitor, endpoint, classes):
    """How a target is asked, where that is not by plain HTTP."""
    if endpoint.get("scheme") != "https":
        return {}
    return {
        "scheme": "https",
        "authorization": _authorization(monitor, endpoint, classes),
        "tls_config": _snake(endpoint["tlsConfig"]),
    }


def configuration(monitors, rules, classes):
    """What Prometheus reads to scrape by these monitors and to evaluate the rules of a file; JSON is YAML.

    classes: `scrapeClasses` of the Prometheus, by name.
    """
    jobs = []
    for monitor in monitors:
        for number, endpoint in enumerate(monitor["spec"]["podMetricsEndpoints"]):
            discovery = {
                "role": "pod",
                "kubeconfig_file": h.admin_kubeconfig(),
                "namespaces": {"names": monitor["spec"]["namespaceSelector"]["matchNames"]},
            }
            jobs.append(
                {
                    "job_name": f"podMonitor/{monitor['metadata']['name']}/{number}",
                    "honor_labels": endpoint["honorLabels"],
                    "scrape_interval": endpoint["interval"],
                    "scrape_timeout": endpoint["interval"],
                    "kubernetes_sd_configs": [discovery],
                    "relabel_configs": list(_relabelings(monitor, endpoint)),
                    **_access(monitor, endpoint, classes),
                }
            )
    return {"global": {"evaluation_interval": "5s"}, "rule_files": [rules], "scrape_configs": jobs}


class Prometheus:
    """A Prometheus on the LAN that does what the monitors and rules of the cluster say."""

    def __init__(self, folder, classes=None):
        rules = os.path.join(folder, "rules.yaml")
        with open(rules, "w", encoding="utf-8") as out:
            json.dump(h.get("prometheusrule", "barevip", h.SYSTEM)["spec"], out)
        config = os.path.join(folder, "prometheus.yaml")
        with open(config, "w", encoding="utf-8") as out:
            json.dump(configuration(h.objects("podmonitors", "-n", h.SYSTEM), rules, classes or {}), out)
        self._address = h.cluster("prometheus", config).strip()

    def _ask(self, path, *arguments):
        answer = json.loads(
            h.client("curl", "-sG", "--max-time", "10", f"http://{self._address}/api/v1/{path}", *arguments)
        )
        if answer["status"] != "success":
            raise AssertionError(f"{path} {' '.join(arguments)}: {answer['error']}")
        return answer["data"]

    def query(self, expression):
        """The samples of an expression now, as (labels, value)."""
        found = self._ask("query", "--data-urlencode", f"query={expression}")["result"]
        return [(sample["metric"], float(sample["value"][1])) for sample in found]

    def alerts(self):
        """The state of each alert, by its name."""
        return {rule["name"]: rule for group in self._ask("rules")["groups"] for rule in group["rules"]}
