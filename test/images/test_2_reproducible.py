# SPDX-License-Identifier: Apache-2.0
"""Built twice, in two folders, by two users, at two times: the same digests.

What the second build does again: configuring, linking, stripping and packing. Objects may come from ccache, where the
first build put them; so some are compiled again without it, in both folders.
"""

import json
import os
import shlex
import shutil
import subprocess
import unittest

from images import built
from tools.lab import settings

# One with macros that use file names (spdlog's), one with much of a header-only library, one of the node's own.
COMPILED_AGAIN = ["src/common/base/log.cc", "src/common/base/command_line.cc", "src/ipvsnode/plan/diff.cc"]


def copy_tree(folder):
    """Copies what git would commit of this tree; every file is new there."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=settings.REPO,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split("\0")
    for name in filter(None, listed):
        if os.path.exists(os.path.join(settings.REPO, name)):
            os.makedirs(os.path.join(folder, os.path.dirname(name)), exist_ok=True)
            shutil.copy(os.path.join(settings.REPO, name), os.path.join(folder, name), follow_symlinks=False)


def run(command, folder, **environment):
    done = subprocess.run(
        command,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "CCACHE_BASEDIR": folder, **environment},
    )
    if done.returncode:
        raise AssertionError(f"{' '.join(command)} failed in {folder}:\n{done.stdout[-3000:]}{done.stderr[-3000:]}")


def compile_without_ccache(tree, source, out):
    """Compiles one file of a tree as its build does, by absolute paths."""
    build = os.path.join(tree, "build", "release")
    with open(os.path.join(build, "compile_commands.json"), encoding="utf-8") as file:
        entry = next(e for e in json.load(file) if e["file"] == os.path.join(tree, source))
    words = shlex.split(entry["command"])
    words = words[1:] if os.path.basename(words[0]) == "ccache" else words
    words[words.index("-o") + 1] = out
    run(words, build)
    with open(out, "rb") as compiled:
        return compiled.read()


class Reproducible(unittest.TestCase):
    tree: str  # the copy of the tree that is built again

    @classmethod
    def setUpClass(cls):
        # In a folder of another name and depth; everybody may read it, so that another user can pack.
        top = built.temporary_folder()
        os.chmod(top, 0o755)
        cls.tree = os.path.join(top, "another", "folder", "of-another-name")
        os.makedirs(cls.tree)
        copy_tree(cls.tree)
        targets = ["--target", *built.IMAGES]
        for preset in built.ARCHITECTURES.values():
            run(["cmake", "--preset", preset], cls.tree)
            run(["cmake", "--build", "--preset", preset, *targets], cls.tree)

    def test_both_folders_give_the_same_archives_and_sboms_byte_by_byte(self):
        first, second = built.folder()[0], os.path.join(built.temporary_folder(), "out")
        built.build(
            "--revision=0123456789abcdef",
            *built.bin_folders(self.tree),
            second,
            tree=self.tree,
            prefix=["sh", "-c", 'umask 077; exec "$@"', "sh"],
            environment={"TZ": "Pacific/Auckland", "LC_ALL": "C.UTF-8", "HOME": os.path.expanduser("~")},
        )
        self.assertEqual(sorted(os.listdir(first)), sorted(os.listdir(second)))
        self.assertEqual(len(os.listdir(first)), 6)
        for name in sorted(os.listdir(first)):
            with open(os.path.join(first, name), "rb") as one, open(os.path.join(second, name), "rb") as other:
                self.assertTrue(one.read() == other.read(), f"{name} differs: compare {first} and {second}")

    def test_a_user_without_rights_packs_the_same_image(self):
        ours, theirs = (os.path.join(built.temporary_folder(), "out") for _ in range(2))
        os.chmod(os.path.dirname(theirs), 0o777)
        arguments = ["--revision=", built.bin_folder("amd64", self.tree)]
        built.build(*arguments, ours, tree=self.tree)
        built.build(
            *arguments,
            theirs,
            tree=self.tree,
            environment={"HOME": "/nonexistent", "PYTHONDONTWRITEBYTECODE": "1"},
            prefix=["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"],
        )
        for name in built.IMAGES:
            self.assertEqual(*(built.Archive(os.path.join(out, f"{name}.tar")).digest for out in (ours, theirs)))

    def test_objects_compiled_without_ccache_do_not_tell_their_folder(self):
        out = os.path.join(built.temporary_folder(), "compiled.o")
        for source in COMPILED_AGAIN:
            with self.subTest(source=source):
                self.assertTrue(
                    compile_without_ccache(settings.REPO, source, out)
                    == compile_without_ccache(self.tree, source, out),
                    "the objects differ",
                )

    def test_no_file_of_an_image_names_the_folder_of_the_build_or_the_home_of_the_builder(self):
        telling = [settings.REPO.encode() + b"/", os.path.expanduser("~").encode() + b"/."]
        for name, architecture in built.each():
            for file, content in built.archive(name).files(architecture).items():
                self.assertFalse([t for t in telling if t in content], f"{name} {architecture}: {file}")

    def test_another_time_of_the_image_is_another_image(self):
        digests = set()
        for epoch in ("0", "1700000000"):
            out = built.temporary_folder()
            built.build("--revision=", built.bin_folder("amd64"), out, environment={"SOURCE_DATE_EPOCH": epoch})
            archive = built.Archive(os.path.join(out, "barevip-operator.tar"))
            digests.add(archive.digest)
            self.assertEqual(
                archive.config("amd64")["created"], {"0": "1970-01-01T00:00:00Z"}.get(epoch, "2023-11-14T22:13:20Z")
            )
            self.assertEqual({member.mtime for layer in archive.layers("amd64") for member in layer}, {0})
        self.assertEqual(len(digests), 2)
