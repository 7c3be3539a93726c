# SPDX-License-Identifier: Apache-2.0
"""barevip as it was before the last change to what ships: chart, manifests and images, for tests of upgrades."""

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time

from . import images, settings
from .progress import step

# Paths whose change is a change for users.
_SHIPPED = ["CMakeLists.txt", "cmake", "crds", "deploy", "include", "src"]
TAG = "previous"
_CACHE = os.path.join(settings.CACHE, "previous")
_PART = "part."  # of folders that are being unpacked
_KEPT = 3
_UNPACKED_BY = 3600  # seconds


def _git(*arguments):
    done = subprocess.run(["git", "-C", settings.REPO, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise settings.Problem(f"git {' '.join(arguments)} failed: {done.stderr.strip()}")
    return done.stdout.strip()


def commit():
    """The commit before the last change to what ships; HEAD while such a change is not committed yet.

    BAREVIP_PREVIOUS names another one.
    """
    if named := os.environ.get("BAREVIP_PREVIOUS"):
        return _git("rev-parse", "--verify", f"{named}^{{commit}}")
    if _git("status", "--porcelain", "--", *_SHIPPED):
        return _git("rev-parse", "HEAD")
    changes = _git("log", "--format=%H", "-2", "--", *_SHIPPED).split()
    if len(changes) < 2:
        raise settings.Problem("this clone's history is too short for a test of upgrades: run `git fetch --unshallow`")
    return changes[1]


def ensure_source():
    """A folder with the files of that commit."""
    wanted = commit()
    folder = os.path.join(_CACHE, wanted)
    if not os.path.isdir(folder):
        os.makedirs(_CACHE, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=_CACHE, prefix=_PART) as part:
            tree = os.path.join(part, "tree")
            os.mkdir(tree)
            archive = subprocess.Popen(["git", "-C", settings.REPO, "archive", wanted], stdout=subprocess.PIPE)
            unpacked = subprocess.run(["tar", "-x", "-C", tree], stdin=archive.stdout, check=False)
            if archive.wait() or unpacked.returncode:
                raise settings.Problem(f"cannot unpack commit {wanted} into {tree}")
            try:
                os.rename(tree, folder)
            except OSError:
                if not os.path.isdir(folder):  # another run was not quicker
                    raise
    os.utime(folder)
    _forget_all_but_the_last(_KEPT)
    return folder


def _forget_all_but_the_last(count):
    """Each has a build of its own: a new commit a day would fill the disk."""
    used = {}
    for entry in os.scandir(_CACHE):
        with contextlib.suppress(FileNotFoundError):  # another run forgets, too
            used[entry.path] = os.path.getmtime(entry.path)
    parts = {path for path in used if os.path.basename(path).startswith(_PART)}
    abandoned = [path for path in parts if used[path] < time.time() - _UNPACKED_BY]
    for folder in sorted(used.keys() - parts, key=used.get, reverse=True)[count:] + abandoned:
        shutil.rmtree(folder, ignore_errors=True)


def _run(what, command, folder):
    environment = {
        **os.environ,
        "CCACHE_DIR": os.path.join(settings.CACHE, "ccache"),
        "CCACHE_BASEDIR": folder,
        "CCACHE_NOHASHDIR": "1",
        "BAREVIP_CACHE": os.path.join(folder, "cache"),
    }
    done = subprocess.run(
        command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise settings.Problem(f"{what} of {folder} failed: {(done.stderr or done.stdout).strip()[-2000:]}")
    return done.stdout


def ensure_images():
    """Archives of both images with the tag TAG, built by that commit's own recipe."""
    folder = ensure_source()
    archives = [os.path.join(folder, f"{name}-{TAG}.tar") for name in ("barevip-operator", "barevip-node")]
    if all(map(os.path.exists, archives)):
        return archives
    with step(f"images of barevip as of {os.path.basename(folder)[:12]}"):
        _run("configuring", ["cmake", "--preset", "release"], folder)
        _run("building", ["cmake", "--build", "--preset", "release", "-j", str(os.cpu_count() or 2)], folder)
        os.makedirs(os.path.join(folder, "cache", "images"), exist_ok=True)
        listing = (
            "import sys; sys.path[:0] = ['test/tools', 'test']; from lab import barevip, images\n"
            "for name in barevip.ensure_images(): print(images.archive(name))"
        )
        built = _run("packing", [sys.executable, "-B", "-c", listing], folder).split()
        for source, archive in zip(sorted(built), sorted(archives)):
            name = os.path.basename(archive).removesuffix(f"-{TAG}.tar")
            images.run_tool(
                [
                    "skopeo",
                    "copy",
                    "--quiet",
                    f"oci-archive:{source}",
                    f"oci-archive:{archive}.part:localhost/{name}:{TAG}",
                ]
            )
            os.replace(archive + ".part", archive)
    return archives
