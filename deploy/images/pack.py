#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Packs a folder as a container image for the architecture of its program: an archive that every runtime imports.

usage: pack.py FOLDER IMAGE ENTRYPOINT USER TAR
"""

import os
import sys

import oci
from debian import Problem, architecture_of


def main(arguments):
    if len(arguments) != 5:
        print(__doc__.strip().splitlines()[-1], file=sys.stderr)
        return 2
    folder, image, entrypoint, user, tar = arguments
    layer = oci.Layer()
    layer.add_tree(folder)
    archive = oci.Archive({})
    try:
        architecture = architecture_of(os.path.join(folder, entrypoint.lstrip("/")))
        archive.add_image(architecture, [layer], entrypoint, user, "1970-01-01T00:00:00Z")
        archive.write(tar, image)
    except (Problem, OSError) as problem:
        print(f"pack.py: {problem}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
