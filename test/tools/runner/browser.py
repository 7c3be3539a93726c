# SPDX-License-Identifier: Apache-2.0
"""The layer that opens the status page of the operator in a browser."""

from tools.runner.build import build
from tools.runner.cluster import run_tests


def run():
    """Every test of test/browser/test_*.py."""
    build("release", "barevip-operator")
    return run_tests("discover", "-v", "-s", "browser", "-t", ".", python="/usr/bin/python3")
