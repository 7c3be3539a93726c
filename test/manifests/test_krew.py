# SPDX-License-Identifier: Apache-2.0
"""What deploy/krew/release makes is what krew takes: its own programs validate the manifest and install the archive."""

import hashlib
import os
import subprocess
import tempfile
import unittest

import yaml

from tools.lab import binaries, settings

PACK = os.path.join(settings.REPO, "deploy", "krew", "release")
PROGRAMS = os.path.join(settings.REPO, "build", "release", "bin")
URL = "https://releases.example/v0"


def pack(*arguments):
    return subprocess.run([PACK, *arguments], capture_output=True, text=True, check=False)


class Krew(unittest.TestCase):
    krew: str
    validator: str
    folder: str
    manifest: str
    archive: str
    plugin: dict
    platform: dict
    root: str  # where krew installs

    @classmethod
    def setUpClass(cls):
        cls.krew, cls.validator = binaries.ensure_krew()
        cls.folder = cls.enterClassContext(tempfile.TemporaryDirectory())
        done = pack(f"--url={URL}", PROGRAMS, cls.folder)
        if done.returncode:
            raise AssertionError(done.stderr)
        cls.manifest = os.path.join(cls.folder, "barevip.yaml")
        with open(cls.manifest, encoding="utf-8") as text:
            cls.plugin = yaml.safe_load(text)
        (cls.platform,) = cls.plugin["spec"]["platforms"]
        cls.archive = os.path.join(cls.folder, os.path.basename(cls.platform["uri"]))

    def run_krew(self, *arguments):
        """Without an index, which would be fetched from elsewhere."""
        index = os.path.join(self.root, "empty-index")
        if not os.path.exists(index):
            os.makedirs(os.path.join(index, "plugins"))
            for command in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "empty"]):
                who = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
                subprocess.run(["git", *who, *command], cwd=index, check=True)
        environment = {**os.environ, "KREW_ROOT": self.root, "KREW_DEFAULT_INDEX_URI": index}
        return subprocess.run([self.krew, *arguments], capture_output=True, text=True, check=False, env=environment)

    def test_the_manifest_is_valid(self):
        done = subprocess.run(
            [self.validator, f"--manifest={self.manifest}", "--skip-install"],
            capture_output=True,
            text=True,
            check=False,
        )
        self.assertEqual(0, done.returncode, done.stderr)

    def test_the_manifest_follows_the_guide_of_the_index(self):
        self.assertLessEqual(len(self.plugin["spec"]["shortDescription"]), 50)
        self.assertTrue(self.platform["uri"].startswith(f"{URL}/kubectl-barevip-"), self.platform["uri"])

    def test_the_sum_is_that_of_the_archive(self):
        with open(self.archive, "rb") as file:
            self.assertEqual(hashlib.sha256(file.read()).hexdigest(), self.platform["sha256"])

    def test_krew_installs_a_plugin_that_runs_with_its_own_libraries(self):
        self.root = self.enterContext(tempfile.TemporaryDirectory())
        done = self.run_krew("install", f"--manifest={self.manifest}", f"--archive={self.archive}")
        self.assertEqual(0, done.returncode, done.stderr)
        program = os.path.join(self.root, "bin", "kubectl-barevip")
        said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
        self.assertEqual((f"{self.plugin['spec']['version'].removeprefix('v')}\n", ""), (said.stdout, said.stderr))
        installed = os.path.dirname(os.path.realpath(program))
        libraries = os.path.join(installed, "lib")
        (linker,) = (name for name in os.listdir(libraries) if name.startswith("ld-"))
        loaded = subprocess.run(
            [
                os.path.join(libraries, linker),
                "--library-path",
                libraries,
                "--list",
                os.path.join(installed, "libexec", "kubectl-barevip"),
            ],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        found = [line for line in loaded.splitlines() if "=>" in line]
        self.assertTrue(found, loaded)
        self.assertEqual([], [line for line in found if libraries not in line])

    def test_the_same_programs_make_the_same_archive(self):
        again = self.enterContext(tempfile.TemporaryDirectory())
        self.assertEqual(0, pack(f"--url={URL}", PROGRAMS, again).returncode)
        with (
            open(self.manifest, encoding="utf-8") as one,
            open(os.path.join(again, "barevip.yaml"), encoding="utf-8") as two,
        ):
            self.assertEqual(one.read(), two.read())

    def test_what_cannot_be_packed_is_refused_with_the_remedy(self):
        scratch = self.enterContext(tempfile.TemporaryDirectory())
        for arguments, says in (
            ([f"--url={URL}", scratch, scratch], "build it first"),
            ([f"--url={URL}", PROGRAMS, PROGRAMS, scratch], "give one of each"),
            (["--url=here", PROGRAMS, scratch], "write https://HOST/FOLDER"),
        ):
            with self.subTest(arguments):
                done = pack(*arguments)
                self.assertEqual(2, done.returncode)
                self.assertIn(says, done.stderr)
        self.assertEqual([], os.listdir(scratch))
