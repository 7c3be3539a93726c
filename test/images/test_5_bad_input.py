# SPDX-License-Identifier: Apache-2.0
"""Wrong use of build.sh gets one sentence: what, where, and what to do."""

import os
import shutil
import unittest

from images import built


class BadInput(unittest.TestCase):
    def refused(self, sentence, *arguments, **options):
        out = os.path.join(built.temporary_folder(), "out")
        done = built.run_build(*arguments, out, **options)
        self.assertEqual((done.returncode, done.stderr), (2, f"build.sh: {sentence}\n"))
        self.assertFalse(os.path.exists(out), "it wrote something before it refused")

    def test_a_folder_without_programs(self):
        self.refused(
            "there is no /nowhere/barevip-operator: build it first (cmake --build --preset release)", "/nowhere"
        )

    def test_no_folder_of_programs(self):
        self.refused("the following arguments are required: OUT_DIR (see --help)")

    def test_an_unknown_flag(self):
        self.refused("unrecognized arguments: --tagg=1 (see --help)", "--tagg=1", "/nowhere")

    def test_a_file_that_is_no_program(self):
        folder = built.temporary_folder()
        for name in built.IMAGES:
            with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
                file.write("#!/bin/sh\n")
        done = built.run_build(folder, built.temporary_folder())
        self.assertRegex(done.stderr, rf"^build.sh: {folder}/barevip-\w+ is not a program for amd64 or arm64\n$")

    def test_programs_for_two_architectures_in_one_folder(self):
        folder = built.temporary_folder()
        for name, architecture in zip(built.IMAGES, built.ARCHITECTURES):
            shutil.copy(os.path.join(built.bin_folder(architecture), name), folder)
        self.refused(f"the programs in {folder} are for different architectures: build both for one", folder)

    def test_one_architecture_twice(self):
        folder = built.bin_folder("amd64")
        self.refused(
            f"{folder} has programs for amd64, as a folder before it: give one for each architecture", folder, folder
        )

    def test_a_folder_that_is_not_of_a_build(self):
        folder = os.path.join(built.temporary_folder(), "bin")
        shutil.copytree(built.bin_folder("amd64"), folder)
        self.refused(
            f"{os.path.dirname(folder)} is not a build folder of this repository: give the folder bin of one, as the "
            "SBOM lists what was compiled into the programs",
            folder,
        )

    def test_another_architecture_without_its_packages(self):
        empty = built.temporary_folder()
        self.refused(
            f"there is no {empty}/sysroot-arm64 with Debian's packages for arm64: run test/setup --arm64",
            built.bin_folder("arm64"),
            environment={"BAREVIP_CACHE": empty},
        )

    def test_a_tag_that_is_none(self):
        self.refused(
            "--tag 'a b' is not a tag: use letters, digits, '_', '.' and '-', at most 128", "--tag=a b", "/nowhere"
        )

    def test_a_registry_with_a_scheme(self):
        self.refused(
            "--push 'https://registry.example' is not a registry: give HOST[:PORT][/FOLDER...], without https://",
            "--push=https://registry.example",
            "/nowhere",
        )

    def test_plain_http_without_a_push(self):
        self.refused("--plain-http says how to push: give --push REGISTRY, too", "--plain-http", "/nowhere")

    def test_a_time_that_is_none(self):
        self.refused(
            "SOURCE_DATE_EPOCH is 'today': give seconds since 1970",
            built.bin_folder("amd64"),
            environment={"SOURCE_DATE_EPOCH": "today"},
        )
