# SPDX-License-Identifier: Apache-2.0
"""The archives of the plugin: that of the other architecture runs with what it has alone, under qemu."""

import glob
import os
import re
import subprocess
import tarfile
import unittest

from images import built
from tools.lab import settings

RELEASE = os.path.join(settings.REPO, "deploy", "krew", "release")
OF_METALLB = """
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: {name: edge, namespace: metallb-system}
spec: {addresses: [192.0.2.0/28]}
---
apiVersion: metallb.io/v1beta1
kind: L2Advertisement
metadata: {name: all, namespace: metallb-system}
"""


class Plugin(unittest.TestCase):
    folder: str
    unpacked: str

    @classmethod
    def setUpClass(cls):
        cls.folder = built.temporary_folder()
        done = subprocess.run(
            [RELEASE, "--url=https://releases.example/v0", *built.bin_folders(), cls.folder],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise AssertionError(done.stderr)
        cls.unpacked = built.temporary_folder()
        with tarfile.open(cls.archive("arm64")) as archive:
            archive.extractall(cls.unpacked, filter="data")

    @classmethod
    def archive(cls, architecture):
        (path,) = glob.glob(os.path.join(cls.folder, f"kubectl-barevip-*-linux-{architecture}.tar.gz"))
        return path

    def run_arm64(self, *arguments, text=None):
        """As the script of the archive does, but by qemu."""
        libraries = os.path.join(self.unpacked, "lib")
        (linker,) = glob.glob(os.path.join(libraries, "ld-*"))
        program = os.path.join(self.unpacked, "libexec", "kubectl-barevip")
        return subprocess.run(
            ["qemu-aarch64-static", linker, "--library-path", libraries, program, *arguments],
            input=text,
            capture_output=True,
            text=True,
            check=False,
        )

    def test_the_manifest_has_a_platform_for_each_architecture(self):
        with open(os.path.join(self.folder, "barevip.yaml"), encoding="utf-8") as text:
            found = re.findall(r"^ +arch: (\w+)$", text.read(), re.MULTILINE)
        self.assertEqual(sorted(found), sorted(built.ARCHITECTURES))

    def test_for_arm64_it_prints_its_version(self):
        done = self.run_arm64("--version")
        self.assertEqual((done.returncode, done.stdout.strip()), (0, built.version()), done.stderr)

    def test_for_arm64_it_converts_what_it_reads_as_for_amd64(self):
        here = subprocess.run(
            [os.path.join(built.bin_folder("amd64"), "kubectl-barevip"), "convert"],
            input=OF_METALLB,
            capture_output=True,
            text=True,
            check=True,
        )
        there = self.run_arm64("convert", text=OF_METALLB)
        self.assertEqual((there.returncode, there.stdout, there.stderr), (0, here.stdout, here.stderr))
        self.assertIn("192.0.2.0/28", there.stdout)

    def test_for_arm64_its_script_starts_it_by_the_linker_of_the_archive(self):
        with open(os.path.join(self.unpacked, "kubectl-barevip"), encoding="utf-8") as script:
            said = script.read()
        (linker,) = glob.glob(os.path.join(self.unpacked, "lib", "ld-*"))
        self.assertIn(f'exec "$here/lib/{os.path.basename(linker)}"', said)

    def test_for_arm64_it_names_the_kubeconfig_that_it_cannot_read(self):
        done = self.run_arm64("status", "--kubeconfig=/nowhere")
        self.assertEqual(done.returncode, 2, done.stdout)
        self.assertIn("/nowhere", done.stderr)
