# SPDX-License-Identifier: Apache-2.0
"""The layers that run tests of test/e2e on the real clusters that they ask for."""

import os
import re
import subprocess
import sys
import time

from tools.runner.build import build
from tools.runner.outcome import REPO, Outcome, ctest


def run():
    """Every test of test/e2e/test_*.py."""
    build("release")
    return run_tests("discover", "-v", "-s", "e2e", "-t", ".")


def histories():
    """Random histories: on the operator with an API server in memory, then on a real one with killed processes."""
    build("release")
    build("histories", "history_property_test", "node_history_test", "barevip_history_player")
    return ctest("histories") + run_tests("-v", "e2e.histories")


def run_tests(*arguments, python=sys.executable):
    process = subprocess.Popen(
        [python, "-u", "-m", "unittest", *arguments],
        cwd=os.path.join(REPO, "test"),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    tests, failures = 0, 0
    begun = time.monotonic()
    for line in process.stdout:
        print(line, end="", flush=True)
        if re.search(r"(^|\.\.\. )(ok|FAIL|ERROR)$", line):
            print(f"  {time.monotonic() - begun:.0f} s", flush=True)
            begun = time.monotonic()
        if match := re.match(r"Ran (\d+) tests? in", line):
            tests = int(match.group(1))
        if line.startswith("FAILED ("):
            failures = sum(int(n) for n in re.findall(r"(?:failures|errors)=(\d+)", line))
    status = process.wait()
    if status != 0 or tests == 0:
        failures = max(failures, 1)
    return Outcome(max(tests - failures, 0), failures)
