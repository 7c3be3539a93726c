# SPDX-License-Identifier: Apache-2.0
"""What is generated and committed is what its source makes now; what is written twice says the same."""

import os
import re
import tempfile
import unittest

from manifests import rendering
from tools.lab import settings


class Generated(unittest.TestCase):
    def test_the_base_of_kustomize_is_what_the_chart_renders(self):
        self.assertEqual(
            rendering.script("deploy", "kustomize", "render").stale(),
            [],
            "run deploy/kustomize/render and commit what it writes",
        )

    def test_the_readme_and_the_descriptions_of_the_schema_are_those_of_the_values(self):
        self.assertEqual(
            rendering.script("deploy", "helm", "document").stale(),
            [],
            "run deploy/helm/document and commit what it writes",
        )

    def test_every_value_has_a_description(self):
        def leaves(values, path=()):
            for name, value in values.items():
                if isinstance(value, dict) and value and name != "resources":
                    yield from leaves(value, (*path, name))
                else:
                    yield ".".join((*path, name))

        text = rendering.read("deploy", "helm", "barevip", "values.yaml")
        described = rendering.script("deploy", "helm", "document").comments(text)
        self.assertEqual(sorted(described), sorted(leaves(rendering.objects(text)[0])))

    def test_chart_and_images_carry_the_version_of_the_programs(self):
        version = re.search(r"project\(barevip[^)]*VERSION\s+([0-9.]+)", rendering.read("CMakeLists.txt")).group(1)
        chart = rendering.read_yaml("deploy", "helm", "barevip", "Chart.yaml")[0]
        self.assertEqual([chart["version"], chart["appVersion"]], [version, version])
        rendered = rendering.kustomize(os.path.join(settings.REPO, "deploy", "cleanup"))
        image = rendering.container_of(rendered, "DaemonSet", "barevip-cleanup")["image"]
        self.assertEqual(image, rendering.container_of(rendering.template(), "DaemonSet", "barevip-node")["image"])
        self.assertTrue(image.endswith(f":{version}"))

    def test_a_packed_chart_renders_what_its_folder_renders(self):
        with tempfile.TemporaryDirectory() as scratch:
            rendering.helm("package", rendering.CHART, f"--destination={scratch}")
            (packed,) = os.listdir(scratch)
            self.assertEqual(
                rendering.objects(rendering.helm("template", "barevip", os.path.join(scratch, packed))),
                rendering.objects(rendering.helm("template", "barevip", rendering.CHART)),
            )
