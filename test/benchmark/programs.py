# SPDX-License-Identifier: Apache-2.0
"""The programs that are measured and that measure, of the preset "bench": optimized as a release is."""

import os

from tools.lab import settings
from tools.runner import build, prepare

_BUILD = os.path.join(settings.REPO, "build", "bench")
OPERATOR = os.path.join(_BUILD, "bin", "barevip-operator")
NODE = os.path.join(_BUILD, "bin", "barevip-node")
SERVICE_LOAD = os.path.join(_BUILD, "bench", "service_load")
ALLOCATOR_BENCH = os.path.join(_BUILD, "bench", "allocator_bench")
POOL_PASS_BENCH = os.path.join(_BUILD, "bench", "pool_pass_bench")
NODE_PASS_BENCH = os.path.join(_BUILD, "bench", "node_pass_bench")
IPVS_MEMORY = os.path.join(_BUILD, "bench", "ipvs_memory")
NODE_LOAD = os.path.join(_BUILD, "bench", "node_load")
NODE_START = os.path.join(_BUILD, "bench", "node_start")
BARE_LOOP = os.path.join(_BUILD, "bench", "bare_loop")
TRAFFIC = os.path.join(_BUILD, "bench", "traffic")
DATAPLANE = (NODE, NODE_LOAD, NODE_START, BARE_LOOP, TRAFFIC)


def ensure(*paths):
    """Builds these where they are missing or old."""
    prepare()
    build("bench", *map(os.path.basename, paths))
