# SPDX-License-Identifier: Apache-2.0
"""What is in the images: little, all that the programs need, and nothing to break in with."""

import os
import re
import subprocess
import unittest

from images import built
from tools.lab import settings

MAX_COMPRESSED = 10_000_000
SHELLS_AND_PACKAGE_MANAGERS = {
    "sh",
    "bash",
    "dash",
    "ash",
    "zsh",
    "busybox",
    "toybox",
    "perl",
    "python3",
    "apt",
    "apt-get",
    "dpkg",
    "apk",
    "rpm",
}


class Contents(unittest.TestCase):
    def each(self):
        for name, architecture in built.each():
            with self.subTest(image=name, architecture=architecture):
                yield built.archive(name), name, architecture

    def test_an_image_is_smaller_than_10_mb_compressed_and_build_sh_prints_its_size(self):
        for archive, name, architecture in self.each():
            size = archive.compressed_size(architecture)
            print(f"{name} {architecture}: {size / 1e6:.2f} MB", end=" ")
            self.assertLess(size, MAX_COMPRESSED)
            self.assertIn(
                f"{size / 1e6:.1f} MB compressed",
                next(line for line in built.folder()[1].splitlines() if line.startswith(f"{name} {architecture} ")),
            )

    def test_no_image_has_a_shell_or_a_package_manager(self):
        for archive, name, architecture in self.each():
            files = {member.name for layer in archive.layers(architecture) for member in layer if not member.isdir()}
            self.assertIn(f"usr/bin/{name}", files)
            self.assertEqual([f for f in files if os.path.basename(f) in SHELLS_AND_PACKAGE_MANAGERS], [])

    def test_nothing_is_set_user_id_and_only_tmp_is_writable_by_others(self):
        for archive, _, architecture in self.each():
            for layer in archive.layers(architecture):
                for member in layer:
                    if member.name != "tmp" and not member.issym():
                        self.assertEqual(member.mode & 0o6022, 0, member.name)

    def test_the_operator_runs_as_a_user_without_rights(self):
        for architecture in built.ARCHITECTURES:
            self.assertEqual(built.archive("barevip-operator").config(architecture)["config"]["User"], "65532:65532")

    def test_labels_annotations_and_tag_tell_the_version_that_the_programs_print(self):
        for archive, name, architecture in self.each():
            expected = {
                "org.opencontainers.image.title": name,
                "org.opencontainers.image.version": built.version(),
                "org.opencontainers.image.licenses": "Apache-2.0",
                "org.opencontainers.image.revision": "0123456789abcdef",
            }
            for told in (
                archive.config(architecture)["config"]["Labels"],
                archive.manifest(architecture)["annotations"],
                archive.index["annotations"],
            ):
                self.assertEqual({key: told.get(key) for key in expected}, expected)
                self.assertTrue(told["org.opencontainers.image.description"])
            self.assertEqual(
                archive.top["annotations"]["io.containerd.image.name"], f"localhost/{name}:{built.version()}"
            )

    def test_without_a_revision_given_the_label_tells_the_commit(self):
        head = subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=settings.REPO, capture_output=True, text=True, check=True
        ).stdout.strip()
        out = built.temporary_folder()
        built.build(built.bin_folder("amd64"), out)
        told = built.Archive(os.path.join(out, "barevip-node.tar")).index["annotations"][
            "org.opencontainers.image.revision"
        ]
        self.assertRegex(told, f"^{head}(-dirty)?$")

    def test_operator_and_node_share_their_lowest_layer_and_the_program_is_alone_in_the_highest(self):
        for architecture in built.ARCHITECTURES:
            lowest = {built.archive(name).manifest(architecture)["layers"][0]["digest"] for name in built.IMAGES}
            self.assertEqual(len(lowest), 1)
            for name in built.IMAGES:
                highest = built.archive(name).layers(architecture)[-1]
                self.assertEqual([m.name for m in highest if not m.isdir()], [f"usr/bin/{name}"])

    def test_programs_and_tools_start_with_what_the_image_has_alone(self):
        for name, programs in (
            ("barevip-operator", [["barevip-operator", "--version"]]),
            (
                "barevip-node",
                [
                    ["barevip-node", "--version"],
                    ["modprobe", "--version"],
                    ["nft", "--version"],
                ],
            ),
        ):
            root = built.archive(name).unpack("amd64")
            for program in programs:
                with self.subTest(image=name, program=program[0]):
                    done = subprocess.run(
                        ["/usr/sbin/chroot", root, *program],
                        capture_output=True,
                        text=True,
                        check=False,
                        env={"PATH": built.archive(name).config("amd64")["config"]["Env"][0][5:]},
                    )
                    self.assertEqual(done.returncode, 0, done.stderr)
                    self.assertTrue(re.search(r"\d+\.?\d*", done.stdout), done.stdout)

    def test_programs_for_arm64_print_their_version_under_qemu(self):
        for name in built.IMAGES:
            root = built.archive(name).unpack("arm64")
            done = subprocess.run(
                ["qemu-aarch64-static", "-L", root, os.path.join(root, "usr", "bin", name), "--version"],
                capture_output=True,
                text=True,
                check=False,
            )
            self.assertEqual((done.returncode, done.stdout.strip()), (0, built.version()), done.stderr)
