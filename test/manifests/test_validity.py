# SPDX-License-Identifier: Apache-2.0
"""Everything that the repository asks users to apply is valid by the API's own schemas, unknown fields included."""

import copy
import glob
import os
import unittest

from manifests import api_schema, rendering
from tools.lab import settings


def undescribed(schema, path=""):
    """Paths of the fields that `kubectl explain` has no text for; metadata and its like are Kubernetes' own."""
    for name, field in schema.get("properties", {}).items():
        where = f"{path}.{name}"
        if "description" not in field and where not in (".apiVersion", ".kind", ".metadata"):
            yield where
        yield from undescribed(field, where)
        yield from undescribed(field.get("items", {}), where + "[]")


class Definitions(unittest.TestCase):
    def test_kubectl_explain_has_a_text_for_every_field(self):
        definitions = rendering.kustomize(os.path.join(settings.REPO, "crds"))
        self.assertEqual(len(definitions), 2)
        for definition in definitions:
            for version in definition["spec"]["versions"]:
                with self.subTest(definition["metadata"]["name"], version=version["name"]):
                    self.assertEqual(list(undescribed(version["schema"]["openAPIV3Schema"])), [])


class Validity(unittest.TestCase):
    def assert_valid(self, items):
        self.assertTrue(items)
        said = api_schema.errors_of(items)
        self.assertEqual(said, [], "\n" + "\n".join(said))

    def test_the_chart_is_valid_with_each_values_file_of_the_matrix(self):
        self.assert_valid(rendering.template(rendering.WITH_HOOKS))
        for name, file in rendering.values_files().items():
            with self.subTest(name):
                self.assert_valid(rendering.template(rendering.WITH_HOOKS, f"--values={file}"))

    def test_everything_for_kubectl_apply_is_valid(self):
        folders = [
            "crds",
            "deploy",
            "deploy/cleanup",
            *(f"deploy/kustomize/overlays/{o}" for o in os.listdir(rendering.OVERLAYS)),
        ]
        for folder in folders:
            with self.subTest(folder):
                self.assert_valid(rendering.kustomize(os.path.join(settings.REPO, folder)))

    def test_every_example_is_valid(self):
        examples = glob.glob(os.path.join(settings.REPO, "deploy", "examples", "*.yaml"))
        self.assertTrue(examples)
        for example in examples:
            with self.subTest(os.path.basename(example)):
                self.assert_valid(rendering.read_yaml(example))

    def test_helm_lint_finds_nothing_with_each_values_file_of_the_matrix(self):
        for name, file in rendering.values_files().items():
            with self.subTest(name):
                done = rendering.helm(
                    "lint", "--strict", rendering.CHART, rendering.WITH_HOOKS, f"--values={file}", check=False
                )
                self.assertEqual(done.returncode, 0, done.stdout)
                self.assertNotRegex(done.stdout, r"\[(WARNING|ERROR)\]")


class Schemas(unittest.TestCase):
    """The schemas refuse what they must refuse."""

    def setUp(self):
        self.deployment = rendering.find(rendering.template(), "Deployment", "barevip-operator")
        self.pool = rendering.read_yaml("deploy", "examples", "pool.yaml")[0]

    def assert_refused(self, item, *said):
        errors = "\n".join(api_schema.errors(item))
        for words in said:
            self.assertIn(words, errors)

    def changed(self, item, *path, value):
        item = copy.deepcopy(item)
        node = item
        for step in path[:-1]:
            node = node[step]
        node[path[-1]] = value
        return item

    def test_a_field_that_the_api_does_not_know_is_an_error_at_any_depth(self):
        path = ("spec", "template", "spec", "containers", 0, "securityContext", "seccompProfil")
        self.assert_refused(
            self.changed(self.deployment, *path, value={}),
            "seccompProfil",
            "spec.template.spec.containers.0.securityContext",
        )
        self.assert_refused(self.changed(self.deployment, "metadata", "label", value={}), "label")
        self.assert_refused(self.changed(self.pool, "spec", "adresses", value=[]), "adresses")
        self.assert_refused(self.changed(self.pool, "metadata", "label", value={}), "label")

    def test_a_value_of_the_wrong_type_is_an_error(self):
        self.assert_refused(self.changed(self.deployment, "spec", "replicas", value="2"), "spec.replicas", "integer")
        self.assert_refused(self.changed(self.pool, "spec", "addresses", value="10.0.0.1"), "spec.addresses", "array")

    def test_a_missing_field_is_an_error(self):
        deployment = copy.deepcopy(self.deployment)
        del deployment["spec"]["selector"]
        self.assert_refused(deployment, "'selector' is a required property")

    def test_a_kind_that_the_api_server_does_not_have_is_an_error(self):
        self.assert_refused(
            {**self.deployment, "apiVersion": "apps/v1beta1"}, "apps/v1beta1 Deployment", "does not know"
        )

    def test_a_key_that_stands_twice_is_an_error(self):
        with self.assertRaisesRegex(Exception, "'name' stands twice"):
            rendering.objects("metadata: {name: a, name: b}")
