# SPDX-License-Identifier: Apache-2.0
"""A folder with a Debian in it: this machine's own /, or what sysroot.sh unpacked for another architecture.

Answers which shared libraries a program loads and which package a file is from. It reads files and runs readelf, which
knows every architecture; nothing of the other architecture is executed.
"""

import functools
import os
import re
import subprocess


class Problem(Exception):
    """A failure that a person can fix; its text is the one sentence shown."""


# ELF's number of a machine -> Debian's (and OCI's) name of the architecture, and the triplet of its tools and folders.
_MACHINES = {62: "amd64", 183: "arm64"}
TRIPLETS = {"amd64": "x86_64-linux-gnu", "arm64": "aarch64-linux-gnu"}

_NEEDED = re.compile(r"\(NEEDED\).*\[(.+)\]")
_INTERPRETER = re.compile(r"\[Requesting program interpreter: (.+)\]")


def architecture_of(program):
    """The architecture that a program was built for."""
    with open(program, "rb") as file:
        head = file.read(20)
    machine = int.from_bytes(head[18:20], "little")
    if head[:4] != b"\x7fELF" or machine not in _MACHINES:
        raise Problem(f"{program} is not a program for {' or '.join(TRIPLETS)}")
    return _MACHINES[machine]


class Package:
    """What the package database says about one package."""

    def __init__(self, root, fields):
        self.name = fields["Package"]
        self.version = fields["Version"]
        self.architecture = fields["Architecture"]
        self.maintainer = fields.get("Maintainer", "")
        # "Source: NAME", "Source: NAME (VERSION)" or nothing if both are the package's own.
        source, _, version = fields.get("Source", self.name).partition(" ")
        self.source, self.source_version = source, version.strip("()") or self.version
        self.copyright_file = os.path.join(root, "usr/share/doc", self.name, "copyright")
        self.control = "".join(
            f"{key}: {value}\n"
            for key, value in fields.items()
            if key in ("Package", "Version", "Architecture", "Source", "Maintainer")
        )

    def copyright(self):
        """The text of the package's copyright file; Debian policy 12.5 demands one."""
        try:
            with open(self.copyright_file, "rb") as file:
                return file.read()
        except FileNotFoundError:
            raise Problem(
                f"the package {self.name} has no {self.copyright_file}: install it again "
                "with its documentation (dpkg's option path-exclude leaves it out)"
            ) from None


class Root:
    """One folder with a Debian of one architecture."""

    def __init__(self, folder, architecture):
        self.folder = os.path.realpath(folder)
        self.architecture = architecture
        self.triplet = TRIPLETS[architecture]
        self._search = [f"usr/lib/{self.triplet}", "usr/lib", "usr/lib64"]

    def path(self, name):
        """Where a file of this Debian lies on this machine; name has no slash at its start."""
        return os.path.join(self.folder, name)

    def real_name(self, name):
        """The name in this Debian that the links of another name lead to."""
        return os.path.relpath(os.path.realpath(self.path(name)), self.folder)

    def tool(self, name):
        """The path on this machine of a tool of binutils for this architecture."""
        return f"{self.triplet}-{name}"

    @functools.cached_property
    def _packages(self):
        packages = {}
        with open(self.path("var/lib/dpkg/status"), encoding="utf-8") as status:
            for stanza in status.read().split("\n\n"):
                fields = dict(re.findall(r"^([A-Za-z-]+): (.*)$", stanza, re.MULTILINE))
                unpacked = fields.get("Status", "").rpartition(" ")[2] in ("installed", "unpacked")
                if unpacked and fields["Architecture"] in (self.architecture, "all"):
                    packages[fields["Package"]] = Package(self.folder, fields)
        return packages

    @functools.cached_property
    def _owners(self):
        """File name -> name of its package, for all packages."""
        owners: dict = {}
        info = self.path("var/lib/dpkg/info")
        for name in self._packages:
            for file in (f"{info}/{name}:{self.architecture}.list", f"{info}/{name}.list"):
                if os.path.exists(file):
                    with open(file, encoding="utf-8") as names:
                        owners.update((line.rstrip("\n"), name) for line in names)
                    break
        return owners

    def package_of(self, name):
        """The package that a file is from, or None. Packages name files below /lib and /usr/lib, which are one."""
        name = "/" + self.real_name(name)
        owner = self._owners.get(name) or self._owners.get(name.removeprefix("/usr"))
        return self._packages[owner] if owner else None

    def closure(self, files):
        """What the dynamic linker loads for files: soname -> name in this Debian, and the names of interpreters.

        files are paths on this machine.
        """
        libraries: dict = {}
        interpreters: set = set()
        waiting, seen = list(files), set()
        while waiting:
            seen.update(waiting)
            shown = subprocess.run(
                ["readelf", "--dynamic", "--program-headers", "--wide", *waiting],
                text=True,
                capture_output=True,
                check=True,
                env={**os.environ, "LC_ALL": "C"},
            ).stdout
            interpreters.update(name.lstrip("/") for name in _INTERPRETER.findall(shown))
            waiting = []
            for soname in sorted(set(_NEEDED.findall(shown)) - libraries.keys()):
                libraries[soname] = self._find(soname, files)
                path = os.path.realpath(self.path(libraries[soname]))
                if path not in seen:
                    waiting.append(path)
        return libraries, interpreters

    def _find(self, soname, files):
        for folder in self._search:
            if os.path.exists(self.path(f"{folder}/{soname}")):
                return f"{folder}/{soname}"
        raise Problem(
            f"no {soname} in {', '.join(self._search)} of {self.folder}, which {os.path.basename(files[0])} "
            "or what it loads needs: run test/setup"
        )
