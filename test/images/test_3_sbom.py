# SPDX-License-Identifier: Apache-2.0
"""The SBOMs: valid SPDX 2.3, and complete."""

import copy
import hashlib
import json
import os
import subprocess
import unittest

from images import built
from tools.lab import binaries

import spdx  # isort: skip (built puts its folder into sys.path)


def validate(document):
    """Runs the validator on a document. Returns its complaints."""
    path = os.path.join(built.temporary_folder(), "document.spdx.json")
    with open(path, "w", encoding="utf-8") as out:
        json.dump(document, out)
    done = subprocess.run(
        [binaries.ensure_spdx_validator(), "-i", path, "--version", "SPDX-2.3"],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr if done.returncode else ""


class Sbom(unittest.TestCase):
    def test_every_sbom_is_valid_and_the_validator_finds_a_fault_in_one_that_is_not(self):
        for name, architecture in built.each():
            with self.subTest(image=name, architecture=architecture):
                self.assertEqual(validate(built.sbom(name, architecture)), "")
        broken = copy.deepcopy(built.sbom("barevip-operator", "amd64"))
        del broken["files"][0]["checksums"]
        broken["relationships"][0]["relatedSpdxElement"] = "SPDXRef-Nothing"
        self.assertNotEqual(validate(broken), "")

    def test_it_lists_every_file_of_the_image_with_its_checksum_and_no_other(self):
        for name, architecture in built.each():
            with self.subTest(image=name, architecture=architecture):
                listed = {file["fileName"]: file["checksums"] for file in built.sbom(name, architecture)["files"]}
                actual = {
                    f"./{path}": [
                        {"algorithm": "SHA1", "checksumValue": hashlib.sha1(content).hexdigest()},
                        {"algorithm": "SHA256", "checksumValue": hashlib.sha256(content).hexdigest()},
                    ]
                    for path, content in built.archive(name).files(architecture).items()
                }
                self.assertEqual(listed, actual)

    def test_every_file_but_our_own_comes_from_a_debian_package_of_the_architecture(self):
        ours = {"./etc/passwd", "./etc/group", "./etc/protocols"}
        for name, architecture in built.each():
            with self.subTest(image=name, architecture=architecture):
                document = built.sbom(name, architecture)
                names = {file["SPDXID"]: file["fileName"] for file in document["files"]}
                packaged = {
                    names[r["relatedSpdxElement"]]
                    for r in document["relationships"]
                    if r["relationshipType"] == "CONTAINS" and r["spdxElementId"] != "SPDXRef-Image"
                }
                self.assertEqual(set(names.values()) - packaged, ours & set(names.values()) | {f"./usr/bin/{name}"})
                for package in document["packages"]:
                    if package["SPDXID"] != "SPDXRef-Image" and package["filesAnalyzed"]:
                        self.assertRegex(
                            package["externalRefs"][0]["referenceLocator"],
                            rf"^pkg:deb/debian/\S+@\S+\?arch=({architecture}|all)&distro=debian-12$",
                        )
                        self.assertIn("Debian source package", package["sourceInfo"])

    def test_versions_are_those_that_dpkg_tells(self):
        packages = {p["name"]: p["versionInfo"] for p in built.sbom("barevip-node", "amd64")["packages"]}
        for package in ("libssl3", "libc6", "nftables", "kmod", "nlohmann-json3-dev"):
            told = subprocess.run(
                ["dpkg-query", "-W", "-f", "${Version}", f"{package}"], capture_output=True, text=True, check=True
            ).stdout
            self.assertEqual(packages[package], told)

    def test_it_lists_libraries_that_exist_only_as_headers(self):
        for name, architecture in built.each():
            document = built.sbom(name, architecture)
            program = next(f["SPDXID"] for f in document["files"] if f["fileName"] == f"./usr/bin/{name}")
            linked = {
                r["relatedSpdxElement"].removeprefix("SPDXRef-Package-")
                for r in document["relationships"]
                if r["relationshipType"] == "STATIC_LINK" and r["spdxElementId"] == program
            }
            self.assertLessEqual({"nlohmann-json3-dev", "libcli11-dev", "libexpected-dev", "libspdlog-dev"}, linked)

    def test_scanners_and_lawyers_find_each_package_in_the_image(self):
        for name, architecture in built.each():
            names = built.archive(name).names(architecture)
            for package in built.sbom(name, architecture)["packages"]:
                if package["SPDXID"] != "SPDXRef-Image" and package["filesAnalyzed"]:
                    self.assertIn(f"var/lib/dpkg/status.d/{package['name']}", names)
                    self.assertIn(f"usr/share/doc/{package['name']}/copyright", names)


class Licence(unittest.TestCase):
    HEAD = b"Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\n"

    def licence(self, text):
        return spdx.licence_in(self.HEAD + text)

    def test_the_licence_of_all_files_is_translated_to_spdx(self):
        self.assertEqual(
            self.licence(b"Files: *\nCopyright: 2020 A\n 2021 B\nLicense: GPL-2+\n text\n"), "GPL-2.0-or-later"
        )
        self.assertEqual(
            self.licence(b"Files: debian/*\nLicense: GPL-3+\n\nFiles: *\nCopyright: A\nLicense: Expat\n"), "MIT"
        )
        self.assertEqual(
            self.licence(b"Files: *\nCopyright: A\nLicense: BSD-3-clause or GPL-2\n"), "BSD-3-Clause OR GPL-2.0-only"
        )

    def test_what_is_not_surely_known_is_not_asserted(self):
        self.assertEqual(self.licence(b"Files: *\nCopyright: A\nLicense: custom\n"), "NOASSERTION")
        self.assertEqual(self.licence(b"Files: *\nCopyright: A\nLicense: Expat or custom\n"), "NOASSERTION")
        self.assertEqual(self.licence(b"Files: *\nCopyright: A\nLicense: Expat and MIT or X11\n"), "NOASSERTION")
        self.assertEqual(self.licence(b"Files: src/*\nCopyright: A\nLicense: Expat\n"), "NOASSERTION")
        self.assertEqual(
            spdx.licence_in(b"This package was debianized by hand.\n\nFiles: *\nLicense: Expat\n"), "NOASSERTION"
        )
