# SPDX-License-Identifier: Apache-2.0
"""Container images of the OCI image format 1.0, written so that equal content is an equal digest.

What would differ between two builds is fixed: files are sorted, belong to 0:0 and have the time 0; gzip's
header has no time. https://github.com/opencontainers/image-spec
"""

import functools
import hashlib
import io
import json
import os
import stat
import tarfile
import zlib

_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_INDEX = "application/vnd.oci.image.index.v1+json"
_CONFIG = "application/vnd.oci.image.config.v1+json"
_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
_PATH = "PATH=/usr/sbin:/usr/bin:/sbin:/bin"


class Layer:
    """Files to be: name without a slash at its start -> what it is. Folders above a file come by themselves."""

    def __init__(self):
        self._entries = {}

    def names(self):
        return self._entries.keys()

    def files(self):
        """(name, content) of each regular file, sorted by name."""
        return [
            (name, content) for name, (kind, _, content) in sorted(self._entries.items()) if kind == tarfile.REGTYPE
        ]

    def add_folder(self, name, mode=0o755):
        self._add(name, tarfile.DIRTYPE, mode, "")

    def add_file(self, name, content, mode=0o644):
        self._add(name, tarfile.REGTYPE, mode, content)

    def add_link(self, name, target):
        self._add(name, tarfile.SYMTYPE, 0o777, target)

    def add_tree(self, folder):
        """A folder of this machine with its files, and whether they are executable."""
        for above, folders, files in os.walk(folder):
            for file in folders + files:
                path = os.path.join(above, file)
                name = os.path.relpath(path, folder)
                mode = os.lstat(path).st_mode
                if stat.S_ISLNK(mode):
                    self.add_link(name, os.readlink(path))
                elif stat.S_ISDIR(mode):
                    self.add_folder(name)
                else:
                    with open(path, "rb") as content:
                        self.add_file(name, content.read(), 0o755 if mode & stat.S_IXUSR else 0o644)

    def _add(self, name, kind, mode, content):
        above = os.path.dirname(name)
        if above and above not in self._entries:
            self.add_folder(above)
        self._entries[name] = (kind, mode, content)

    def tar(self):
        """The layer as an uncompressed tar."""
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as archive:
            for name, (kind, mode, content) in sorted(self._entries.items()):
                info = tarfile.TarInfo(name)
                info.type, info.mode = kind, mode
                if kind == tarfile.SYMTYPE:
                    info.linkname = content
                info.size = len(content) if kind == tarfile.REGTYPE else 0
                archive.addfile(info, io.BytesIO(content) if info.size else None)
        return out.getvalue()


@functools.lru_cache(maxsize=8)  # the lowest layer of all images of an architecture is the same
def _compressed(content):
    # 31: with gzip's header. 7: shorter blocks than by default, which fit programs better by a quarter of a percent.
    packer = zlib.compressobj(9, zlib.DEFLATED, 31, 7)
    return packer.compress(content) + packer.flush()


def _digest(content):
    return "sha256:" + hashlib.sha256(content).hexdigest()


def _json(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


class Archive:
    """One image for one or more architectures: an index, packed as a tar of an OCI layout."""

    def __init__(self, annotations):
        self._annotations = annotations
        self._blobs = {}
        self._manifests = []

    def _put(self, media_type, content, **more):
        """Adds a blob and returns its descriptor."""
        digest = _digest(content)
        self._blobs[digest] = content
        return {"mediaType": media_type, "digest": digest, "size": len(content), **more}

    def add_image(self, architecture, layers, entrypoint, user, created):
        """Adds the image of one architecture. Returns its manifest's digest and its compressed size in bytes."""
        tars = [layer.tar() for layer in layers]
        config = self._put(
            _CONFIG,
            _json(
                {
                    "architecture": architecture,
                    "os": "linux",
                    "created": created,
                    "config": {
                        "User": user,
                        "Entrypoint": [entrypoint],
                        "Env": [_PATH],
                        "WorkingDir": "/",
                        "Labels": self._annotations,
                    },
                    "rootfs": {"type": "layers", "diff_ids": [_digest(tar) for tar in tars]},
                    "history": [{"created": created, "created_by": "deploy/images/build.sh"} for _ in tars],
                }
            ),
        )
        packed = [self._put(_LAYER, _compressed(tar)) for tar in tars]
        manifest = _json(
            {
                "schemaVersion": 2,
                "mediaType": _MANIFEST,
                "config": config,
                "layers": packed,
                "annotations": self._annotations,
            }
        )
        self._manifests.append(self._put(_MANIFEST, manifest, platform={"architecture": architecture, "os": "linux"}))
        return _digest(manifest), sum(blob["size"] for blob in [config, *packed]) + len(manifest)

    def write(self, path, name):
        """Writes the archive of the image NAME (with its tag). Returns the digest of the index."""
        index = _json(
            {"schemaVersion": 2, "mediaType": _INDEX, "manifests": self._manifests, "annotations": self._annotations}
        )
        # By the first, containerd and Docker know the image's name; by the second, skopeo and podman.
        top = self._put(
            _INDEX, index, annotations={"io.containerd.image.name": name, "org.opencontainers.image.ref.name": name}
        )
        layout = Layer()
        layout.add_file("oci-layout", _json({"imageLayoutVersion": "1.0.0"}))
        layout.add_file("index.json", _json({"schemaVersion": 2, "mediaType": _INDEX, "manifests": [top]}))
        for digest, blob in self._blobs.items():
            layout.add_file("blobs/" + digest.replace(":", "/"), blob)
        part = path + ".part"
        with open(part, "wb") as out:
            out.write(layout.tar())
        os.replace(part, path)
        return top["digest"]
