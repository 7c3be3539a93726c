# SPDX-License-Identifier: Apache-2.0
"""Push to and pull from a real registry on loopback."""

import os
import re
import subprocess
import time
import unittest

from images import built
from tools.lab import binaries


class Registry(unittest.TestCase):
    server: subprocess.Popen
    host: str
    printed: str

    @classmethod
    def setUpClass(cls):
        log = os.path.join(built.temporary_folder(), "registry.log")
        with open(log, "w", encoding="utf-8") as out:
            cls.server = subprocess.Popen(
                [binaries.ensure_registry(), "registry", "serve", "--address", "127.0.0.1:0"],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
            )
        cls.addClassCleanup(cls.stop)
        cls.host = f"127.0.0.1:{cls.port(log)}"
        cls.printed = built.build(
            "--revision=0123456789abcdef",
            f"--push={cls.host}/team",
            "--plain-http",
            *built.bin_folders(),
            built.temporary_folder(),
        )

    @classmethod
    def stop(cls):
        cls.server.kill()
        cls.server.wait()

    @classmethod
    def port(cls, log):
        """Waits until the registry tells the port that it chose."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and cls.server.poll() is None:
            with open(log, encoding="utf-8") as file:
                if match := re.search(r"serving on port (\d+)", file.read()):
                    return match.group(1)
            time.sleep(0.05)
        with open(log, encoding="utf-8") as file:
            raise AssertionError(f"the registry did not start: {file.read()}")

    def crane(self, *arguments):
        done = subprocess.run([binaries.ensure_registry(), *arguments], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.strip()

    def pushed(self, name):
        return f"{self.host}/team/{name}:{built.version()}"

    def test_the_registry_tells_the_digests_that_build_sh_printed(self):
        for name in built.IMAGES:
            self.assertIn(f"pushed {self.pushed(name)}", self.printed)
            self.assertEqual(self.crane("digest", self.pushed(name)), built.printed_digest(self.printed, name))
            self.assertEqual(built.printed_digest(self.printed, name), built.archive(name).digest)

    def test_an_index_leads_each_architecture_to_its_image(self):
        for name, architecture in built.each():
            expected = built.archive(name).descriptor(architecture)["digest"]
            self.assertEqual(self.crane("digest", f"--platform=linux/{architecture}", self.pushed(name)), expected)
            config = self.crane("config", f"--platform=linux/{architecture}", self.pushed(name))
            self.assertIn(f'"architecture":"{architecture}"', config)

    def test_what_is_pulled_is_what_was_built(self):
        for name in built.IMAGES:
            path = os.path.join(built.temporary_folder(), "pulled.tar")
            done = subprocess.run(
                [
                    "skopeo",
                    "--insecure-policy",
                    "copy",
                    "--quiet",
                    "--all",
                    "--preserve-digests",
                    "--src-tls-verify=false",
                    f"docker://{self.pushed(name)}",
                    f"oci-archive:{path}",
                ],
                capture_output=True,
                text=True,
                check=False,
            )
            self.assertEqual(done.returncode, 0, done.stderr)
            pulled = built.Archive(path)
            self.assertEqual(pulled.digest, built.archive(name).digest)
            for architecture in built.ARCHITECTURES:
                self.assertEqual(pulled.files(architecture), built.archive(name).files(architecture))

    def test_an_independent_reader_finds_every_blob_whole(self):
        for name, architecture in built.each():
            self.crane("validate", f"--platform=linux/{architecture}", "--remote", self.pushed(name))


class Unreachable(unittest.TestCase):
    def test_a_registry_that_does_not_answer_is_named_in_one_sentence(self):
        done = built.run_build(
            "--push=127.0.0.1:1", "--plain-http", built.bin_folder("amd64"), built.temporary_folder()
        )
        self.assertEqual(done.returncode, 2)
        self.assertRegex(done.stderr, r"^build.sh: cannot push 127.0.0.1:1/barevip-operator:\S+: .*refused.*\n$")
