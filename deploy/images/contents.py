# SPDX-License-Identifier: Apache-2.0
"""What the images of barevip have in them: programs, and what they need of a Debian. No shell, no package manager."""

import dataclasses
import os
import posixpath
import subprocess
import tempfile

from debian import Problem
from oci import Layer

_PASSWD = b"root:x:0:0:root:/:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/:/sbin/nologin\n"
_GROUP = b"root:x:0:\nnonroot:x:65532:\n"
_TOOLS = ["usr/sbin/nft", "usr/bin/kmod"]


@dataclasses.dataclass
class Image:
    """One image of one architecture: its layers, and which package each file from Debian is of."""

    name: str
    title: str
    user: str
    program: str  # the path of the program as it was built
    layers: list = dataclasses.field(default_factory=list)
    packages: dict = dataclasses.field(default_factory=dict)  # name of a file -> Package

    def files(self):
        return sorted(file for layer in self.layers for file in layer.files())


class _Filler:
    """Fills one layer of an image with files of a Debian; what is in a layer below is not added again."""

    def __init__(self, image, root):
        self._image, self._root = image, root
        self._layer = Layer()
        self._documented = {package.name for package in image.packages.values()}

    def finish(self):
        """Makes the layer a part of the image, if there is anything in it."""
        if self._layer.names():
            self._image.layers.append(self._layer)

    def add_file(self, name, source=None, mode=0o644):
        """A file of the Debian at its own name or, with source, at another; and what its package's licence demands."""
        with open(self._root.path(source or name), "rb") as file:
            self._layer.add_file(name, file.read(), mode)
        package = self._root.package_of(source or name)
        if package is None:
            raise Problem(f"no Debian package has {self._root.path(source or name)}: reinstall the package that should")
        self._image.packages[name] = package
        if package.name not in self._documented:
            self._documented.add(package.name)
            for path, content in (
                (f"usr/share/doc/{package.name}/copyright", package.copyright()),
                # Scanners for vulnerabilities read here which packages an image has.
                (f"var/lib/dpkg/status.d/{package.name}", package.control.encode()),
            ):
                self._layer.add_file(path, content)
                self._image.packages[path] = package

    def add_program(self, name, path):
        """A program of ours, without its symbols."""
        strip = self._root.tool("strip")
        with tempfile.NamedTemporaryFile() as stripped:
            try:
                done = subprocess.run(
                    [strip, "--strip-all", "-o", stripped.name, path], capture_output=True, text=True, check=False
                )
            except FileNotFoundError:
                raise Problem(
                    f"there is no {strip}: run test/setup{' --arm64' if self._root.architecture == 'arm64' else ''}"
                ) from None
            if done.returncode:
                raise Problem(f"{strip} failed on {path}: {done.stderr.strip()}")
            with open(stripped.name, "rb") as program:
                self._layer.add_file(name, program.read(), 0o755)

    def add_links(self, folder, target, names):
        for name in names:
            self._layer.add_link(f"{folder}/{name}", target)

    def add_libraries(self, libraries):
        for name in sorted(libraries.values()):
            self.add_file(name, mode=0o755)

    def add_foundation(self, interpreters):
        """Folders, users, the Debian's name, and the dynamic linker where programs look for it."""
        for name in ("bin", "sbin", "lib", "lib64"):
            self._layer.add_folder(f"usr/{name}")
            self._layer.add_link(name, f"usr/{name}")
        self._layer.add_folder("run")
        self._layer.add_folder("tmp", 0o1777)
        self._layer.add_file("etc/passwd", _PASSWD)
        self._layer.add_file("etc/group", _GROUP)
        self.add_file("usr/lib/os-release")
        self._layer.add_link("etc/os-release", "../usr/lib/os-release")
        for name in sorted(interpreters):
            real = self._root.real_name(name)
            link = posixpath.join("usr", name)
            if real not in self._layer.names():
                self.add_file(real, mode=0o755)
            if link != real:
                self._layer.add_link(link, posixpath.relpath(real, posixpath.dirname(link)))

    def add_tools(self):
        for tool in _TOOLS:
            self.add_file(tool, mode=0o755)
        self.add_links("usr/sbin", "../bin/kmod", ["modprobe"])


def make_images(root, programs):
    """The operator's and the node's image from programs (name -> path), all of root's architecture.

    Both have the same lowest layer, with the libraries that both load: a machine that has both stores and fetches it
    once, and again only when a package of Debian changed. The program alone is the topmost layer.
    """
    operator = Image("barevip-operator", "barevip operator", "65532:65532", programs["barevip-operator"])
    node = Image("barevip-node", "barevip node daemon", "0:0", programs["barevip-node"])
    for tool in _TOOLS:
        if not os.path.exists(root.path(tool)):
            raise Problem(f"there is no {root.path(tool)}: run test/setup")
    operator_needs, interpreters = root.closure([operator.program])
    node_needs, _ = root.closure([node.program, *map(root.path, _TOOLS)])
    shared = {soname: name for soname, name in operator_needs.items() if soname in node_needs}
    for image, needs in ((operator, operator_needs), (node, node_needs)):
        bottom = _Filler(image, root)
        bottom.add_libraries(shared)
        bottom.add_foundation(interpreters)
        bottom.finish()
        middle = _Filler(image, root)
        middle.add_libraries({soname: name for soname, name in needs.items() if soname not in shared})
        if image is node:
            middle.add_tools()
        middle.finish()
        top = _Filler(image, root)
        top.add_program(f"usr/bin/{image.name}", image.program)
        top.finish()
    return [operator, node]
