# SPDX-License-Identifier: Apache-2.0
"""The layer that builds the documentation as a site and compares it with what the programs are."""

from tools.runner.build import build
from tools.runner.cluster import run_tests


def run():
    """Every test of test/docs/test_*.py, with the Python that has Debian's modules."""
    build("release", "barevip-operator", "barevip-node", "kubectl-barevip")
    return run_tests("discover", "-v", "-s", "docs", "-t", ".", python="/usr/bin/python3")
