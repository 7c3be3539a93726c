# SPDX-License-Identifier: Apache-2.0
"""Container images by the programs of deploy/images, each made again only when its inputs changed.

An image is an archive in the cache (an OCI layout in a tar) beside a file with the hash of its inputs.
"""

import glob
import hashlib
import os
import shutil
import subprocess
import tempfile

from . import settings
from .progress import step

_RECIPES = os.path.join(settings.REPO, "deploy", "images")
PACK = os.path.join(_RECIPES, "pack.py")
BUILD = os.path.join(_RECIPES, "build.sh")


def recipes():
    """The files that decide what PACK and BUILD make of their inputs."""
    return [BUILD, *sorted(glob.glob(os.path.join(_RECIPES, "*.py")))]


def archive(name):
    return os.path.join(settings.IMAGES, f"{name}.tar")


def hash_of(files, *texts):
    """A hash over the contents of files and over texts."""
    digest = hashlib.sha256()
    for file in files:
        with open(file, "rb") as content:
            digest.update(hashlib.file_digest(content, "sha256").digest())
    for text in texts:
        digest.update(hashlib.sha256(text.encode()).digest())
    return digest.hexdigest()


def is_current(name, inputs_hash):
    try:
        with open(archive(name) + ".inputs", encoding="utf-8") as known:
            return os.path.exists(archive(name)) and known.read() == inputs_hash
    except FileNotFoundError:
        return False


def mark_current(name, inputs_hash):
    with open(archive(name) + ".inputs", "w", encoding="utf-8") as out:
        out.write(inputs_hash)


def run_tool(argv):
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode:
        raise settings.Problem(f"{' '.join(argv)} failed: {(done.stderr or done.stdout).strip()[-2000:]}")


def _ensure_static(name, tag, compiler, source):
    """Compiles one source file statically and packs it, unless that is done already."""
    inputs = hash_of([source, *recipes()], *compiler, name, tag)
    if is_current(name, inputs):
        return
    with step(f"image {name}"), tempfile.TemporaryDirectory() as scratch:
        entrypoint = "/" + name.removeprefix("barevip-")
        program = scratch + entrypoint
        run_tool([*compiler, "-static", "-s", "-o", program, source])
        run_tool([PACK, scratch, f"localhost/{name}:{tag}", entrypoint, "0", archive(name)])
        os.makedirs(os.path.dirname(program_path(name)), exist_ok=True)
        shutil.copy(program, program_path(name))
        mark_current(name, inputs)


def program_path(name):
    """The static program of an image, for nodes that have no container runtime."""
    return os.path.join(settings.IMAGES, "programs", name.removeprefix("barevip-"))


def ensure_test_images():
    """Pause and the backend: what every cluster needs. Returns their names."""
    os.makedirs(settings.IMAGES, exist_ok=True)
    sources = os.path.join(settings.LAB, "backend")
    _ensure_static("barevip-pause", "1", ["gcc", "-O2"], os.path.join(sources, "pause.c"))
    _ensure_static("barevip-backend", "1", ["g++", "-std=c++20", "-O2"], os.path.join(sources, "backend.cc"))
    return ["barevip-pause", "barevip-backend"]


def offer(names):
    """Puts the archives where booting nodes find them: what is there is what a node of this cluster imports."""
    folder = os.path.join(settings.RUN, "images")
    os.makedirs(folder, exist_ok=True)
    for name in names:
        offer_archive(archive(name))


def offer_archive(path):
    """Adds one archive to what nodes import at boot; a link where the file systems allow it."""
    target = os.path.join(settings.RUN, "images", os.path.basename(path))
    part = target + ".part"
    if os.path.lexists(part):
        os.unlink(part)
    try:
        os.link(path, part)
    except OSError:
        shutil.copyfile(path, part)
    os.replace(part, target)
    return target
