# SPDX-License-Identifier: Apache-2.0
"""The layer that renders the chart and kustomize and validates offline what comes out."""

from tools.runner.build import build
from tools.runner.cluster import run_tests


def run():
    """Every test of test/manifests/test_*.py, with the Python that has Debian's modules."""
    build("release", "barevip-operator", "barevip-node", "kubectl-barevip")
    return run_tests("discover", "-v", "-s", "manifests", "-t", ".", python="/usr/bin/python3")
