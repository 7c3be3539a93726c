# SPDX-License-Identifier: Apache-2.0
"""Container images by buildah, without a daemon, each made again only when its inputs changed.

An image is a docker-archive tar in the cache beside a file with the hash of its inputs.
"""

import hashlib
import os
import shutil
import subprocess
import tempfile

from . import settings
from .progress import step

_PAUSE_SOURCE = """\
#include <signal.h>
#include <unistd.h>
static void leave(int number) { (void)number; _exit(0); }
int main(void) { signal(SIGINT, leave); signal(SIGTERM, leave); for (;;) pause(); }
"""


def archive(name):
    return os.path.join(settings.IMAGES, f"{name}.tar")


def hash_of(*inputs):
    """A hash over texts and over the contents of files that exist by that name."""
    digest = hashlib.sha256()
    for value in inputs:
        if os.path.isfile(value):
            with open(value, "rb") as content:
                digest.update(hashlib.file_digest(content, "sha256").digest())
        else:
            digest.update(hashlib.sha256(value.encode()).digest())
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


def run_tool(argv, env=None):
    done = subprocess.run(argv, capture_output=True, text=True, check=False, env=env)
    if done.returncode:
        raise settings.Problem(f"{' '.join(argv)} failed: {(done.stderr or done.stdout).strip()[-2000:]}")
    return done.stdout.strip()


def buildah_environment():
    """What makes buildah keep all that it writes inside the cache."""
    storage = os.path.join(settings.CACHE, "buildah")
    os.makedirs(os.path.join(storage, "tmp"), exist_ok=True)
    return {**os.environ, "STORAGE_DRIVER": "vfs", "BUILDAH_ISOLATION": "chroot", "TMPDIR": f"{storage}/tmp",
            "BAREVIP_BUILDAH_ROOT": storage}


def _pack(name, tag, program):
    """An image from scratch with one static program."""
    env = buildah_environment()
    buildah = ["buildah", "--root", f"{env['BAREVIP_BUILDAH_ROOT']}/root",
               "--runroot", f"{env['BAREVIP_BUILDAH_ROOT']}/runroot"]
    image = f"localhost/{name}:{tag}"
    inside = "/" + os.path.basename(program)
    container = run_tool([*buildah, "from", "scratch"], env)
    run_tool([*buildah, "copy", "-q", container, program, inside], env)
    run_tool([*buildah, "config", "--entrypoint", f'["{inside}"]', container], env)
    run_tool([*buildah, "commit", "-q", "--rm", container, image], env)
    part = archive(name) + ".part"
    if os.path.exists(part):
        os.unlink(part)
    run_tool([*buildah, "push", "-q", image, f"docker-archive:{part}:{image}"], env)
    run_tool([*buildah, "rmi", image], env)
    os.replace(part, archive(name))


def _ensure_static(name, tag, source, compiler):
    """Compiles one source file statically and packs it, unless that is done already."""
    inputs = hash_of(source, " ".join(compiler), name, tag)
    if is_current(name, inputs):
        return
    with step(f"image {name}"), tempfile.TemporaryDirectory() as scratch:
        program = os.path.join(scratch, name.removeprefix("barevip-"))
        if not os.path.isfile(source):
            text, source = source, os.path.join(scratch, "main.c")
            with open(source, "w", encoding="utf-8") as out:
                out.write(text)
        run_tool([*compiler, "-static", "-s", "-o", program, source])
        _pack(name, tag, program)
        os.makedirs(os.path.dirname(program_path(name)), exist_ok=True)
        shutil.copy(program, program_path(name))
        mark_current(name, inputs)


def program_path(name):
    """The static program of an image, for nodes that have no container runtime."""
    return os.path.join(settings.IMAGES, "programs", name.removeprefix("barevip-"))


def ensure_test_images():
    """Pause and the backend: what every cluster needs. Returns their names."""
    os.makedirs(settings.IMAGES, exist_ok=True)
    _ensure_static("barevip-pause", "1", _PAUSE_SOURCE, ["gcc", "-O2"])
    _ensure_static("barevip-backend", "1", os.path.join(settings.LAB, "backend", "backend.cc"),
                   ["g++", "-std=c++20", "-O2", "-Wall", "-Wextra"])
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
