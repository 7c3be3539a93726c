# SPDX-License-Identifier: Apache-2.0
"""The notes that helm prints: the next two commands, and what is not right yet in this cluster."""

import os
import re
import shutil
import subprocess
import tempfile
import unittest

from manifests import api_schema, api_server, rendering

_POOLS = "barevip.dev/v1alpha1"


def namespace(**labels):
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": rendering.NAMESPACE, "labels": labels}}


def enforcing(level):
    return namespace(**{"pod-security.kubernetes.io/enforce": level})


def workload(kind, name, **labels):
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": name, "namespace": "elsewhere", "labels": labels},
    }


POOL = {"apiVersion": _POOLS, "kind": "Pool", "metadata": {"name": "default"}}


def notes(*objects, settings=(), with_crds=True):
    """What helm prints after an installation into a cluster that has these objects."""
    with api_server.serving(objects, rendering.template(), () if with_crds else (_POOLS,)) as kubeconfig:
        shown = rendering.install(kubeconfig, *(f"--set={s}" for s in settings))
    return shown.partition("\nNOTES:\n")[2]


class AfterInstallation(unittest.TestCase):
    def test_a_fresh_cluster_is_told_to_apply_a_pool_and_to_watch_its_services(self):
        for with_crds in (False, True):
            shown = notes(enforcing("privileged"), with_crds=with_crds)
            self.assertIn("kubectl apply -f - <<EOF", shown)
            self.assertIn("kubectl get services --all-namespaces --watch", shown)
            self.assertIn("* No Pool exists, so no Service gets an address: see step 1 above.", shown)

    def test_the_command_that_makes_the_pool_can_be_pasted_into_a_shell_and_its_pool_is_valid(self):
        command = re.search(
            r"^kubectl apply -f - <<EOF\n.*?^EOF$", notes(enforcing("privileged")), re.MULTILINE | re.DOTALL
        )
        done = subprocess.run(
            ["sh", "-euc", f"kubectl() {{ cat; }}\n{command.group()}"], capture_output=True, text=True, check=True
        )
        self.assertEqual((api_schema.errors_of(rendering.objects(done.stdout)), done.stderr), ([], ""))

    def test_a_cluster_where_all_is_right_is_told_nothing_more(self):
        shown = notes(enforcing("privileged"), POOL)
        self.assertNotIn("Not right yet", shown)
        self.assertNotIn("kubectl apply", shown)
        self.assertIn("kubectl get pools", shown)
        self.assertIn("kubectl get ips --all-namespaces", shown)

    def test_a_namespace_without_a_level_gets_the_command_too_since_the_default_of_the_cluster_decides(self):
        shown = notes(namespace(), POOL)
        self.assertIn("has no Pod Security label", shown)
        self.assertIn("kubectl label namespace barevip-system pod-security.kubernetes.io/enforce=privileged", shown)

    def test_a_certificate_that_is_not_there_is_named_since_no_pod_starts_without(self):
        settings = ["metrics.secure=true", "metrics.certificateSecret=metrics-tls"]
        shown = notes(enforcing("privileged"), POOL, settings=settings)
        self.assertIn("* The Secret metrics-tls of metrics.certificateSecret does not exist", shown)
        self.assertIn("kubectl --namespace barevip-system create secret tls metrics-tls --cert=", shown)
        secret = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "metrics-tls", "namespace": rendering.NAMESPACE},
        }
        self.assertNotIn("Not right yet", notes(enforcing("privileged"), POOL, secret, settings=settings))

    def test_another_load_balancer_is_named_once_with_the_value_that_keeps_the_two_apart(self):
        others = [
            ("MetalLB", workload("Deployment", "controller", app="metallb")),
            ("MetalLB", workload("DaemonSet", "mlb-speaker", **{"app.kubernetes.io/name": "metallb"})),
            ("kube-vip", workload("DaemonSet", "kube-vip-ds", **{"app.kubernetes.io/name": "kube-vip-ds"})),
            ("kube-vip", workload("Deployment", "kube-vip-cloud-provider")),
            ("PureLB", workload("Deployment", "allocator", app="purelb")),
            ("ServiceLB of k3s", workload("DaemonSet", "svclb-web", **{"svccontroller.k3s.cattle.io/svcname": "web"})),
        ]
        shown = notes(enforcing("privileged"), POOL, *(o for _, o in others))
        for name, _ in others:
            self.assertEqual(shown.count(f"* {name} runs in this cluster."), 1, shown)
        self.assertIn("--set requireClass=true", shown)

    def test_another_load_balancer_is_no_fault_if_barevip_serves_its_own_class_only(self):
        shown = notes(
            enforcing("privileged"),
            POOL,
            workload("Deployment", "controller", app="metallb"),
            settings=["requireClass=true"],
        )
        self.assertNotIn("Not right yet", shown)

    def test_other_workloads_and_barevips_own_are_no_load_balancers(self):
        shown = notes(
            enforcing("privileged"),
            POOL,
            workload("Deployment", "controller", app="web"),
            workload("DaemonSet", "barevip-node", **{"app.kubernetes.io/name": "barevip-node"}),
        )
        self.assertNotIn("Not right yet", shown)


class AfterUpgrade(unittest.TestCase):
    """Without a release in a cluster: the notes are rendered as the data of an object."""

    def notes(self, *arguments):
        with tempfile.TemporaryDirectory() as scratch:
            chart = os.path.join(scratch, "barevip")
            shutil.copytree(rendering.CHART, chart)
            templates = os.path.join(chart, "templates")
            os.rename(os.path.join(templates, "NOTES.txt"), os.path.join(chart, "notes.txt"))
            with open(os.path.join(templates, "notes.yaml"), "w", encoding="utf-8") as out:
                out.write("apiVersion: v1\nkind: Secret\nmetadata: {name: notes}\n")
                out.write('stringData: {notes: {{ tpl (.Files.Get "notes.txt") . | toJson }}}\n')
            return rendering.objects(
                rendering.helm("template", "barevip", chart, "--show-only=templates/notes.yaml", *arguments)
            )[0]["stringData"]["notes"]

    def test_an_upgrade_says_what_happens_to_traffic_and_how_to_watch_it(self):
        self.assertIn("rollout status daemonset/barevip-node", self.notes("--is-upgrade"))
        self.assertNotIn("rollout status", self.notes())

    def test_an_upgrade_asks_for_no_label_of_a_namespace_that_has_admitted_the_pods(self):
        with api_server.serving((namespace(), POOL), rendering.template()) as kubeconfig:
            cluster = ("--dry-run=server", "--disable-openapi-validation", f"--kubeconfig={kubeconfig}")
            where = f"--namespace={rendering.NAMESPACE}"
            self.assertIn("has no Pod Security label", self.notes(where, *cluster))
            self.assertNotIn("Not right yet", self.notes("--is-upgrade", where, *cluster))

    def test_an_upgrade_without_the_crds_says_how_to_upgrade_them(self):
        command = "helm template CHART --show-only templates/crds.yaml | kubectl apply --server-side -f -"
        self.assertIn(command, self.notes("--is-upgrade", "--set=crds.install=false"))
        self.assertNotIn(command, self.notes("--is-upgrade"))
