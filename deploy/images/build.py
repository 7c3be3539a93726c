# SPDX-License-Identifier: Apache-2.0
"""The command line of build.sh: from built programs to image archives, SBOMs and a registry."""

import argparse
import dataclasses
import datetime
import os
import re
import subprocess
import sys

import contents
import debian
import oci
import spdx
from debian import Problem

_REPO = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
_PROGRAMS = {
    "barevip-operator": "Allocates addresses of Pools to Services of type LoadBalancer",
    "barevip-node": "Announces the addresses of Services and forwards their traffic by IPVS",
}
_HELP = """
Makes one archive (an OCI layout in a tar) for each image and one SBOM (SPDX 2.3) for each image and architecture:
  OUT_DIR/barevip-operator.tar    OUT_DIR/barevip-operator-ARCHITECTURE.spdx.json
  OUT_DIR/barevip-node.tar        OUT_DIR/barevip-node-ARCHITECTURE.spdx.json
Each BIN_DIR is the folder bin of a build folder. Two of different architectures make images for both:
  deploy/images/build.sh build/release/bin build/release-arm64/bin /tmp/images
The images have the programs and what they load of Debian 12: of this machine's for this machine's architecture,
of ${BAREVIP_CACHE:-~/.cache/barevip}/sysroot-ARCHITECTURE for another (test/setup --arm64 makes it).
Needs no root and no container daemon. The same commit and packages give the same digests.
SOURCE_DATE_EPOCH, else the time of the commit, is the images' time.
"""


def version():
    """The version of barevip, from the one place that has it."""
    with open(os.path.join(_REPO, "CMakeLists.txt"), encoding="utf-8") as file:
        return re.search(r"^project\(barevip VERSION ([0-9.]+)", file.read(), re.MULTILINE).group(1)


def _git(*arguments):
    """What git prints about this repository, or nothing where there is no git or no repository."""
    try:
        done = subprocess.run(["git", "-C", _REPO, *arguments], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def revision():
    """The commit that is checked out, with a mark if files differ from it."""
    # A repository around an unpacked source archive is not ours.
    if os.path.realpath(_git("rev-parse", "--show-toplevel") or "/") != _REPO:
        return ""
    return _git("rev-parse", "HEAD") + ("-dirty" if _git("status", "--porcelain") else "")


def seconds(revision_of_files):
    """The time of what is made, in seconds since 1970: never the time of the build."""
    given = os.environ.get("SOURCE_DATE_EPOCH")
    if given is None:
        commit = revision_of_files.removesuffix("-dirty")
        given = _git("show", "-s", "--format=%ct", commit) if commit else ""
    elif not given.isdecimal():
        raise Problem(f"SOURCE_DATE_EPOCH is '{given}': give seconds since 1970")
    return int(given or 0)


def _created(revision_of_files):
    """The time of the images, as their labels have it."""
    time = datetime.datetime.fromtimestamp(seconds(revision_of_files), datetime.UTC)
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


class _Parser(argparse.ArgumentParser):
    def error(self, message):
        raise Problem(f"{message} (see --help)")


def _read_command_line(arguments):
    parser = _Parser(
        prog="build.sh",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description=_HELP,
        usage="deploy/images/build.sh [OPTION...] BIN_DIR... OUT_DIR",
        allow_abbrev=False,
    )
    parser.add_argument("bin_dirs", metavar="BIN_DIR", nargs="+", help="where barevip-operator and barevip-node are")
    parser.add_argument("out_dir", metavar="OUT_DIR", help="where the archives go; made if it is missing")
    parser.add_argument(
        "--prefix", default="localhost", help="what is before the images' names in archives (localhost)"
    )
    parser.add_argument("--tag", default=version(), help="the images' tag (the version of CMakeLists.txt: %(default)s)")
    parser.add_argument("--revision", help="the commit that labels tell, empty for none (git's)")
    parser.add_argument(
        "--push",
        metavar="REGISTRY",
        help="push the images to REGISTRY/NAME:TAG, with the credentials of skopeo, podman or docker login",
    )
    parser.add_argument(
        "--plain-http", action="store_true", help="push without TLS, to a registry in a network that you trust"
    )
    options = parser.parse_args(arguments)
    if not re.fullmatch(r"\w[\w.-]{0,127}", options.tag, re.ASCII):
        raise Problem(f"--tag '{options.tag}' is not a tag: use letters, digits, '_', '.' and '-', at most 128")
    for flag, name in (("--prefix", options.prefix), ("--push", options.push)):
        if name is not None and not re.fullmatch(r"[a-zA-Z0-9.\[\]:-]+(/[a-z0-9._-]+)*", name):
            raise Problem(f"{flag} '{name}' is not a registry: give HOST[:PORT][/FOLDER...], without https://")
    if options.plain_http and not options.push:
        raise Problem("--plain-http says how to push: give --push REGISTRY, too")
    if options.revision is None:
        options.revision = revision()
    return options


def machine_architecture():
    return subprocess.run(["dpkg", "--print-architecture"], capture_output=True, text=True, check=True).stdout.strip()


def open_root(architecture, machine):
    """The Debian whose files images of an architecture get."""
    if architecture == machine.architecture:
        return machine
    cache = os.environ.get("BAREVIP_CACHE") or os.path.expanduser("~/.cache/barevip")
    sysroot = os.path.join(cache, f"sysroot-{architecture}")
    if not os.path.exists(os.path.join(sysroot, "complete")):
        raise Problem(
            f"there is no {sysroot} with Debian's packages for {architecture}: run test/setup --{architecture}"
        )
    return debian.Root(sysroot, architecture)


def _find_programs(folder):
    """The paths of the programs in a folder, and their architecture."""
    programs = {name: os.path.join(folder, name) for name in _PROGRAMS}
    for path in programs.values():
        if not os.path.isfile(path):
            raise Problem(f"there is no {path}: build it first (cmake --build --preset release)")
    architectures = {debian.architecture_of(path) for path in programs.values()}
    if len(architectures) > 1:
        raise Problem(f"the programs in {folder} are for different architectures: build both for one")
    return programs, architectures.pop()


def _push(options, name, archive):
    target = f"{options.push}/{name}:{options.tag}"
    command = [
        "skopeo",
        "--insecure-policy",
        "copy",
        "--quiet",
        "--all",
        "--preserve-digests",
        *(["--dest-tls-verify=false"] if options.plain_http else []),
        f"oci-archive:{archive}",
        f"docker://{target}",
    ]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise Problem("there is no skopeo to push with: run test/setup") from None
    if done.returncode:
        raise Problem(f"cannot push {target}: {done.stderr.strip().splitlines()[-1]}")
    print(f"pushed {target}")


@dataclasses.dataclass
class _Source:
    """What the images of one architecture are made of."""

    programs: dict  # name -> path
    root: debian.Root
    compiled: list  # the packages whose headers were compiled into the programs


def _find_sources(folders):
    """Architecture -> its source, for every folder with programs: finds all faults before anything is written."""
    machine = debian.Root("/", machine_architecture())
    sources = {}
    for folder in folders:
        programs, architecture = _find_programs(folder)
        if architecture in sources:
            raise Problem(
                f"{folder} has programs for {architecture}, as a folder before it: give one for each architecture"
            )
        root = open_root(architecture, machine)
        compiled = spdx.compiled_in(os.path.dirname(os.path.realpath(folder)), programs.values(), root, machine)
        sources[architecture] = _Source(programs, root, compiled)
    return sources


def _new_archives(commit):
    archives = {}
    for name, description in _PROGRAMS.items():
        labels = {
            "title": name,
            "description": description,
            "version": version(),
            "licenses": "Apache-2.0",
            "revision": commit,
        }
        archives[name] = oci.Archive({f"org.opencontainers.image.{k}": v for k, v in labels.items() if v})
    return archives


def _build(options):
    sources = _find_sources(options.bin_dirs)
    created = _created(options.revision)
    archives = _new_archives(options.revision)
    os.makedirs(options.out_dir, exist_ok=True)
    for architecture, source in sources.items():
        for image in contents.make_images(source.root, source.programs):
            digest, size = archives[image.name].add_image(
                architecture, image.layers, f"/usr/bin/{image.name}", image.user, created
            )
            sbom = os.path.join(options.out_dir, f"{image.name}-{architecture}.spdx.json")
            with open(sbom, "w", encoding="utf-8") as out:
                out.write(spdx.document(image, architecture, version(), digest, created, source.compiled))
            print(f"{image.name} {architecture} {digest} {size / 1e6:.1f} MB compressed")
    for name, archive in archives.items():
        path = os.path.join(options.out_dir, f"{name}.tar")
        full_name = f"{options.prefix}/{name}:{options.tag}"
        print(f"{full_name} {archive.write(path, full_name)} {path}")
        if options.push:
            _push(options, name, path)


def main(arguments):
    try:
        _build(_read_command_line(arguments))
    except (Problem, OSError) as problem:
        print(f"build.sh: {problem}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
