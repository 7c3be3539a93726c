# SPDX-License-Identifier: Apache-2.0
"""The programs that are measured and that measure, of the preset "bench": optimized as a release is."""

import os

from layers import build, prepare
from lab import settings

_BUILD = os.path.join(settings.REPO, "build", "bench")
OPERATOR = os.path.join(_BUILD, "bin", "barevip-operator")
SERVICE_LOAD = os.path.join(_BUILD, "bench", "service_load")
ALLOCATOR_BENCH = os.path.join(_BUILD, "bench", "allocator_bench")


def ensure(*paths):
    """Builds these where they are missing or old."""
    prepare()
    build("bench", *map(os.path.basename, paths))
