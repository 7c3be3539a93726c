# SPDX-License-Identifier: Apache-2.0
"""The layers of test/run, by name, in the order in which they run."""

from test.layers import build, cluster, lint
from test.layers.outcome import Outcome
from test.layers.build import fuzz, kernel, prepare, sanitize, unit, wire

LAYERS = {
    "lint": lint.run,
    "unit": unit,
    "wire": wire,
    "sanitize": sanitize,
    "fuzz": fuzz,
    "kernel": kernel,
    "cluster": cluster.run,
}

__all__ = ["LAYERS", "Outcome", "build", "prepare"]
