# SPDX-License-Identifier: Apache-2.0
"""The layer that makes the images and the plugin of both architectures and looks into them."""

import subprocess

from tools.runner.build import build
from tools.runner.cluster import run_tests
from tools.runner.outcome import REPO


def run():
    """Every test of test/images/test_*.py; here, and only here, what ARM needs is installed."""
    subprocess.run(["test/setup", "--arm64"], cwd=REPO, check=True)
    for preset in ("release", "release-arm64"):
        build(preset, "barevip-operator", "barevip-node", "kubectl-barevip")
    return run_tests("discover", "-v", "-s", "images", "-t", ".")
