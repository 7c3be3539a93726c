# SPDX-License-Identifier: Apache-2.0
"""The list of what is in an image, as SPDX 2.3 in JSON (https://spdx.github.io/spdx-spec/v2.3/).

It has every file with its checksums, the Debian package of each file from Debian, and the packages whose headers or
start-up code were compiled into the programs. The same image has the same list.
"""

import functools
import hashlib
import json
import os
import re
import subprocess

from debian import Problem

# Debian's short names of licences (of its machine-readable copyright files) -> SPDX's identifiers.
_LICENCES = {
    "apache-2.0": "Apache-2.0",
    "artistic": "Artistic-1.0-Perl",
    "bsd-2-clause": "BSD-2-Clause",
    "bsd-3-clause": "BSD-3-Clause",
    "bsl-1.0": "BSL-1.0",
    "cc0-1.0": "CC0-1.0",
    "expat": "MIT",
    "mit": "MIT",
    "gpl-1+": "GPL-1.0-or-later",
    "gpl-2": "GPL-2.0-only",
    "gpl-2+": "GPL-2.0-or-later",
    "gpl-3+": "GPL-3.0-or-later",
    "lgpl-2": "LGPL-2.0-only",
    "lgpl-2+": "LGPL-2.0-or-later",
    "lgpl-2.1": "LGPL-2.1-only",
    "lgpl-2.1+": "LGPL-2.1-or-later",
    "x11": "X11",
    "zlib": "Zlib",
}
_MAIN_LICENCE = re.compile(r"^Files:[ \t]*\*[ \t]*\n(?:.+\n)*?License:[ \t]*(.*)$", re.MULTILINE)
_NONE = "NOASSERTION"


def licence_in(copyright_file):
    """The SPDX expression of the licence that a machine-readable copyright file gives for its "Files: *"."""
    text = copyright_file.decode(errors="replace")
    main = _MAIN_LICENCE.search(text) if "copyright-format" in text.partition("\n")[0] else None
    words = re.split(r"\s+(or|and)\s+", main.group(1).strip()) if main else [""]
    known = [word.upper() if word in ("or", "and") else _LICENCES.get(word.lower()) for word in words]
    # "A and B or C" would need parentheses that this format does not have.
    return " ".join(known) if all(known) and not {"or", "and"} <= set(words) else _NONE


def _ninja(build, *arguments):
    done = subprocess.run(["ninja", "-C", build, "-t", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise Problem(f"ninja cannot list what {build} was compiled from: {done.stderr.strip()}")
    return done.stdout


def compiled_in(build, programs, root, machine):
    """The packages whose headers the compiler read for these programs of a build folder, by ninja's record of them.

    programs: their paths. What else was built in the folder does not matter.
    """
    if not os.path.exists(os.path.join(build, "build.ninja")):
        raise Problem(
            f"{build} is not a build folder of this repository: give the folder bin of one, as the SBOM lists "
            "what was compiled into the programs"
        )
    targets = [os.path.relpath(os.path.realpath(program), os.path.realpath(build)) for program in programs]
    objects = set(_ninja(build, "inputs", *targets).splitlines())
    headers: set[str] = set()
    for block in _ninja(build, "deps").split("\n\n"):
        lines = [line for line in block.splitlines() if not line.startswith("ninja:")]
        if lines and lines[0].partition(": ")[0] in objects:
            headers.update(os.path.realpath(os.path.join(build, line.strip())) for line in lines[1:])
    packages = {}
    for header in headers:
        inside = root.folder != "/" and header.startswith(root.folder + "/")
        package = (root if inside else machine).package_of(os.path.relpath(header, root.folder if inside else "/"))
        if package:
            packages[package.name] = package
    return [packages[name] for name in sorted(packages)]


def _id(text):
    return "SPDXRef-" + re.sub(r"[^A-Za-z0-9.-]", "-", text.replace("+", "plus"))


def _relation(subject, kind, related):
    return {"spdxElementId": subject, "relationshipType": kind, "relatedSpdxElement": related}


@functools.cache
def _licence_of(package):
    return licence_in(package.copyright())


def _debian_package(package, files):
    """files are the entries of those files of the package that the image has."""
    return {
        "SPDXID": _id(f"Package-{package.name}"),
        "name": package.name,
        "versionInfo": package.version,
        "supplier": "Organization: Debian",
        "downloadLocation": _NONE,
        "sourceInfo": f"built from the Debian source package {package.source} {package.source_version}",
        "licenseConcluded": _NONE,
        "licenseDeclared": _licence_of(package),
        "copyrightText": _NONE,
        "externalRefs": [
            {
                "referenceCategory": "PACKAGE-MANAGER",
                "referenceType": "purl",
                "referenceLocator": f"pkg:deb/debian/{package.name.replace('+', '%2B')}"
                f"@{package.version.replace('+', '%2B')}?arch={package.architecture}&distro=debian-12",
            }
        ],
        **_analyzed(files),
    }


def _analyzed(files):
    if not files:
        return {"filesAnalyzed": False}
    sums = sorted(c["checksumValue"] for f in files for c in f["checksums"] if c["algorithm"] == "SHA1")
    return {
        "filesAnalyzed": True,
        "licenseInfoFromFiles": [_NONE],
        "packageVerificationCode": {"packageVerificationCodeValue": hashlib.sha1("".join(sums).encode()).hexdigest()},
    }


def _file(number, name, content):
    return {
        "SPDXID": f"SPDXRef-File-{number}",
        "fileName": f"./{name}",
        "checksums": [
            {"algorithm": "SHA1", "checksumValue": hashlib.sha1(content).hexdigest()},
            {"algorithm": "SHA256", "checksumValue": hashlib.sha256(content).hexdigest()},
        ],
        "licenseConcluded": _NONE,
        "licenseInfoInFiles": [_NONE],
        "copyrightText": _NONE,
    }


def document(image, architecture, version, digest, created, compiled):
    """The SPDX document of one image of one architecture, as text. digest is its manifest's."""
    files = {name: _file(number, name, content) for number, (name, content) in enumerate(image.files())}
    packages = {package.name: package for package in [*image.packages.values(), *compiled]}
    of_package = {name: [files[f] for f, p in sorted(image.packages.items()) if p.name == name] for name in packages}
    whole = {
        "SPDXID": "SPDXRef-Image",
        "name": image.name,
        "versionInfo": version,
        "primaryPackagePurpose": "CONTAINER",
        "downloadLocation": _NONE,
        "licenseConcluded": _NONE,
        "licenseDeclared": "Apache-2.0",
        "copyrightText": _NONE,
        "externalRefs": [
            {
                "referenceCategory": "PACKAGE-MANAGER",
                "referenceType": "purl",
                "referenceLocator": f"pkg:oci/{image.name}@{digest.replace(':', '%3A')}?arch={architecture}",
            }
        ],
        **_analyzed(list(files.values())),
    }
    program = files[f"usr/bin/{image.name}"]["SPDXID"]
    relations = [_relation("SPDXRef-DOCUMENT", "DESCRIBES", "SPDXRef-Image")]
    relations += [_relation("SPDXRef-Image", "CONTAINS", file["SPDXID"]) for file in files.values()]
    for name in sorted(packages):
        if of_package[name]:
            relations.append(_relation("SPDXRef-Image", "CONTAINS", _id(f"Package-{name}")))
        relations += [_relation(_id(f"Package-{name}"), "CONTAINS", file["SPDXID"]) for file in of_package[name]]
    relations += [_relation(program, "STATIC_LINK", _id(f"Package-{package.name}")) for package in compiled]
    return (
        json.dumps(
            {
                "spdxVersion": "SPDX-2.3",
                "dataLicense": "CC0-1.0",
                "SPDXID": "SPDXRef-DOCUMENT",
                "name": f"{image.name}-{version}-{architecture}",
                "documentNamespace": f"https://barevip.dev/spdx/{image.name}/{digest.partition(':')[2]}",
                "creationInfo": {"created": created, "creators": [f"Tool: barevip-build.sh-{version}"]},
                "packages": [whole, *(_debian_package(packages[name], of_package[name]) for name in sorted(packages))],
                "files": list(files.values()),
                "relationships": relations,
            },
            indent=1,
        )
        + "\n"
    )
