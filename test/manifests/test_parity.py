# SPDX-License-Identifier: Apache-2.0
"""kustomize and Helm install the same objects, from one source."""

import copy
import os
import tempfile
import unittest

from manifests import comparison, rendering
from tools.lab import settings

# What differs by design: `kubectl apply -k` must create the namespace, which `helm install` has already.
_EQUAL_SETTINGS = ("--set=namespace.create=true",)


class Parity(unittest.TestCase):
    maxDiff = None

    def assert_equal_objects(self, kustomize, helm):
        said = comparison.differences(kustomize, helm)
        self.assertEqual(said, [], "\n" + "\n".join(said))

    def test_the_entry_of_kubectl_apply_renders_what_helm_renders_by_default(self):
        self.assert_equal_objects(
            rendering.kustomize(os.path.join(settings.REPO, "deploy")), rendering.template(*_EQUAL_SETTINGS)
        )

    def test_each_overlay_renders_what_helm_renders_with_the_values_of_the_same_name(self):
        overlays = sorted(os.listdir(rendering.OVERLAYS))
        self.assertTrue(overlays)
        for overlay in overlays:
            with self.subTest(overlay):
                self.assert_equal_objects(
                    rendering.kustomize(os.path.join(rendering.OVERLAYS, overlay)),
                    rendering.template(*_EQUAL_SETTINGS, f"--values={rendering.values_files()[overlay]}"),
                )

    @staticmethod
    def composed(resource, *components):
        """What kustomize makes of a folder of deploy/kustomize and components."""
        with tempfile.TemporaryDirectory() as scratch:
            folders = os.path.relpath(os.path.dirname(rendering.OVERLAYS), os.path.realpath(scratch))
            named = ", ".join(f"{folders}/components/{component}" for component in components)
            with open(os.path.join(scratch, "kustomization.yaml"), "w", encoding="utf-8") as out:
                out.write(f"resources: [{folders}/{resource}]\ncomponents: [{named}]\n")
            return rendering.kustomize(scratch)

    def test_the_component_monitoring_goes_with_every_overlay(self):
        monitoring = ("--set=monitoring.enabled=true", "--set=node.metricsAddress=node:7480")
        for overlay in sorted(set(os.listdir(rendering.OVERLAYS)) - {"monitoring"}):
            with self.subTest(overlay):
                self.assert_equal_objects(
                    self.composed(f"overlays/{overlay}", "monitoring"),
                    rendering.template(*_EQUAL_SETTINGS, *monitoring, f"--values={rendering.values_files()[overlay]}"),
                )

    def test_the_components_for_metrics_by_tls_render_what_their_values_do(self):
        self.assert_equal_objects(
            self.composed("base", "secure-metrics"),
            rendering.template(*_EQUAL_SETTINGS, "--set=metrics.secure=true"),
        )
        self.assert_equal_objects(
            self.composed("base", "monitoring", "secure-metrics", "secure-monitoring"),
            rendering.template(*_EQUAL_SETTINGS, f"--values={rendering.values_files()['secure-metrics']}"),
        )

    def test_each_overlay_changes_something(self):
        plain = rendering.kustomize(os.path.join(settings.REPO, "deploy"))
        for overlay in os.listdir(rendering.OVERLAYS):
            with self.subTest(overlay):
                self.assertTrue(
                    comparison.differences(plain, rendering.kustomize(os.path.join(rendering.OVERLAYS, overlay)))
                )

    def test_pods_carry_no_label_of_a_release_so_that_a_release_takes_them_over_without_a_restart(self):
        for item in rendering.template(rendering.WITH_HOOKS):
            labels = item.get("spec", {}).get("template", {}).get("metadata", {}).get("labels", {})
            self.assertEqual([label for label in labels if label in comparison.RELEASE_LABELS], [])

    def test_fields_that_the_api_server_fills_in_are_written_out_so_that_no_take_over_conflicts(self):
        rendered = rendering.template()
        for kind, name in (("Deployment", "barevip-operator"), ("DaemonSet", "barevip-node")):
            for variable in rendering.container_of(rendered, kind, name)["env"]:
                self.assertEqual(variable["valueFrom"]["fieldRef"]["apiVersion"], "v1")

    def test_pods_run_on_linux_alone_whatever_nodes_are_chosen(self):
        for values in ([], [f"--values={rendering.values_files()['edge-nodes']}"]):
            rendered = rendering.template(*values)
            for kind, name in (("Deployment", "barevip-operator"), ("DaemonSet", "barevip-node")):
                with self.subTest(f"{kind} {values}"):
                    selector = rendering.pod_of(rendered, kind, name)["nodeSelector"]
                    self.assertEqual(selector["kubernetes.io/os"], "linux")

    def test_selectors_are_those_of_the_first_release_since_they_cannot_change(self):
        rendered = rendering.template(f"--values={rendering.values_files()['every-field']}")
        for kind, name in (("Deployment", "barevip-operator"), ("DaemonSet", "barevip-node")):
            self.assertEqual(
                rendering.find(rendered, kind, name)["spec"]["selector"],
                {"matchLabels": {"app.kubernetes.io/name": name}},
            )

    def test_names_are_the_same_under_every_name_of_a_release(self):
        def names(rendered):
            return sorted((item["kind"], item["metadata"]["name"]) for item in rendered)

        self.assertEqual(
            names(rendering.objects(rendering.helm("template", "another", rendering.CHART, rendering.WITH_HOOKS))),
            names(rendering.template(rendering.WITH_HOOKS)),
        )

    def test_every_reference_follows_the_namespace_of_the_release(self):
        rendered = rendering.helm("template", "barevip", rendering.CHART, "--namespace=elsewhere", rendering.WITH_HOOKS)
        self.assertNotIn(
            "barevip-system",
            "\n".join(
                line
                for document in rendered.split("\n---\n")
                if "kind: CustomResourceDefinition" not in document
                for line in document.splitlines()
                if not line.lstrip().startswith("#")
            ),
        )
        for item in rendering.objects(rendered):
            self.assertIn(item["metadata"].get("namespace", "elsewhere"), ["elsewhere"])


class Comparison(unittest.TestCase):
    """The comparison itself sees what it must see."""

    DEPLOYMENT = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "ns", "labels": {"app.kubernetes.io/name": "web"}},
        "spec": {"replicas": 1, "containers": [{"name": "main", "args": ["--a"]}]},
    }

    def changed(self, change):
        other = copy.deepcopy(self.DEPLOYMENT)
        change(other)
        return comparison.differences([self.DEPLOYMENT], [other])

    def test_a_field_that_differs_is_named_by_its_path_with_both_values(self):
        self.assertEqual(
            self.changed(lambda o: o["spec"]["containers"][0]["args"].append("--b")),
            ["Deployment/web in ns spec.containers[main].args[1]: kustomize says nothing, helm says '--b'"],
        )
        self.assertEqual(
            self.changed(lambda o: o["spec"].update(replicas=2)),
            ["Deployment/web in ns spec.replicas: kustomize says 1, helm says 2"],
        )

    def test_a_number_is_not_the_text_of_it(self):
        self.assertTrue(self.changed(lambda o: o["spec"].update(replicas="1")))
        self.assertTrue(self.changed(lambda o: o["spec"].update(replicas=True)))

    def test_an_object_that_one_side_lacks_is_named(self):
        self.assertEqual(
            comparison.differences([self.DEPLOYMENT], []), ["Deployment/web in ns: only kustomize renders it"]
        )
        self.assertEqual(comparison.differences([], [self.DEPLOYMENT]), ["Deployment/web in ns: only helm renders it"])
        self.assertEqual(
            comparison.differences([self.DEPLOYMENT] * 2, [self.DEPLOYMENT]), ["kustomize renders an object twice"]
        )

    def test_only_the_labels_of_a_release_are_overlooked_and_only_on_the_object_itself(self):
        self.assertEqual(self.changed(lambda o: o["metadata"]["labels"].update({"helm.sh/chart": "x"})), [])
        self.assertTrue(self.changed(lambda o: o["metadata"]["labels"].update({"app.kubernetes.io/version": "x"})))
        self.assertTrue(self.changed(lambda o: o["spec"].update({"labels": {"helm.sh/chart": "x"}})))
