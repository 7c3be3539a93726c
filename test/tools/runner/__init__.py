# SPDX-License-Identifier: Apache-2.0
"""The layers of test/run, by name, in the order in which they run."""

from tools.runner import browser, cluster, docs, images, lint, manifests
from tools.runner.build import build, fuzz, kernel, prepare, sanitize, unit, wire
from tools.runner.outcome import Outcome

LAYERS = {
    "lint": lint.run,
    "tidy": lint.tidy,
    "unit": unit,
    "wire": wire,
    "manifests": manifests.run,
    "docs": docs.run,
    "browser": browser.run,
    "images": images.run,
    "sanitize": sanitize,
    "fuzz": fuzz,
    "kernel": kernel,
    "cluster": cluster.run,
    "history": cluster.histories,
}

__all__ = ["LAYERS", "Outcome", "build", "prepare"]
