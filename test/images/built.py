# SPDX-License-Identifier: Apache-2.0
"""The images that the tests look at: made once for both architectures, and read without any tool of containers."""

import contextlib
import functools
import io
import json
import os
import re
import subprocess
import sys
import tarfile
import tempfile

from tools.lab import settings

IMAGES = ["barevip-operator", "barevip-node"]
ARCHITECTURES = {"amd64": "release", "arm64": "release-arm64"}  # and the preset of each
RECIPES = os.path.join(settings.REPO, "deploy", "images")

if RECIPES not in sys.path:
    sys.path.insert(0, RECIPES)


def bin_folder(architecture, tree=settings.REPO):
    return os.path.join(tree, "build", ARCHITECTURES[architecture], "bin")


def bin_folders(tree=settings.REPO):
    return [bin_folder(architecture, tree) for architecture in ARCHITECTURES]


def version():
    """The version of the programs, as they tell it."""
    return subprocess.run(
        [os.path.join(bin_folder("amd64"), "barevip-operator"), "--version"], capture_output=True, text=True, check=True
    ).stdout.strip()


def run_build(*arguments, tree=settings.REPO, environment=None, prefix=()):
    """Runs build.sh of a tree. Returns the finished process."""
    return subprocess.run(
        [*prefix, os.path.join(tree, "deploy", "images", "build.sh"), *arguments],
        text=True,
        capture_output=True,
        check=False,
        cwd="/",
        env={**os.environ, **(environment or {})},
    )


def build(*arguments, **options):
    """Runs build.sh, which must succeed. Returns what it printed."""
    done = run_build(*arguments, **options)
    if done.returncode:
        raise AssertionError(f"build.sh {' '.join(arguments)} failed: {done.stderr}")
    return done.stdout


@functools.cache
def _kept():
    """Folders that stay until the tests end."""
    return contextlib.ExitStack()


def temporary_folder():
    return _kept().enter_context(tempfile.TemporaryDirectory(prefix="barevip-images-"))


@functools.cache
def folder():
    """Where the archives and SBOMs of both architectures are, and what build.sh printed."""
    out = temporary_folder()
    return out, build("--revision=0123456789abcdef", *bin_folders(), out)


@functools.cache
def archive(name):
    return Archive(os.path.join(folder()[0], f"{name}.tar"))


class Archive:
    """An archive of an image, read."""

    def __init__(self, path):
        self.path = path
        with tarfile.open(path) as tar:
            self._files = {member.name: tar.extractfile(member).read() for member in tar if member.isfile()}
        self.top = json.loads(self._files["index.json"])["manifests"][0]
        self.digest = self.top["digest"]
        self.index = json.loads(self.blob(self.digest))

    def blob(self, digest):
        return self._files["blobs/" + digest.replace(":", "/")]

    def descriptor(self, architecture):
        return next(d for d in self.index["manifests"] if d["platform"]["architecture"] == architecture)

    def manifest(self, architecture):
        return json.loads(self.blob(self.descriptor(architecture)["digest"]))

    def config(self, architecture):
        return json.loads(self.blob(self.manifest(architecture)["config"]["digest"]))

    def compressed_size(self, architecture):
        """What a node fetches."""
        manifest = self.manifest(architecture)
        blobs = [self.descriptor(architecture), manifest["config"], *manifest["layers"]]
        return sum(blob["size"] for blob in blobs)

    def layers(self, architecture):
        """The layers as open tars."""
        return [
            tarfile.open(fileobj=io.BytesIO(self.blob(layer["digest"])), mode="r:gz")
            for layer in self.manifest(architecture)["layers"]
        ]

    def names(self, architecture):
        return {name for layer in self.layers(architecture) for name in layer.getnames()}

    def files(self, architecture):
        """Name -> content of each regular file."""
        return {
            member.name: layer.extractfile(member).read()
            for layer in self.layers(architecture)
            for member in layer
            if member.isfile()
        }

    def unpack(self, architecture):
        """Unpacks the image as a runtime does. Returns the folder."""
        root = temporary_folder()
        for layer in self.layers(architecture):
            layer.extractall(root, filter="fully_trusted")
        return root


def sbom(name, architecture):
    with open(sbom_path(name, architecture), encoding="utf-8") as file:
        return json.load(file)


def sbom_path(name, architecture):
    return os.path.join(folder()[0], f"{name}-{architecture}.spdx.json")


def printed_digest(text, name):
    """The digest that build.sh printed for the index of an image."""
    return re.search(rf"^\S*/{name}:\S+ (sha256:[0-9a-f]{{64}}) ", text, re.MULTILINE).group(1)


def each():
    """Every image of every architecture."""
    return [(name, architecture) for name in IMAGES for architecture in ARCHITECTURES]
