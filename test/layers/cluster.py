# SPDX-License-Identifier: Apache-2.0
"""The cluster layer: every test of test/e2e on the real clusters that they ask for."""

import re
import subprocess
import sys

from layers.build import build
from layers.outcome import REPO, Outcome


def run():
    build("release")
    build("dev")  # has what plays histories
    process = subprocess.Popen([sys.executable, "-u", "-m", "unittest", "discover", "-v", "-t", "test", "-s", "test/e2e"],
                               cwd=REPO, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True, errors="replace")
    tests, failures = 0, 0
    for line in process.stdout:
        print(line, end="", flush=True)
        if match := re.match(r"Ran (\d+) tests? in", line):
            tests = int(match.group(1))
        if line.startswith("FAILED ("):
            failures = sum(int(n) for n in re.findall(r"(?:failures|errors)=(\d+)", line))
    status = process.wait()
    if status != 0 or tests == 0:
        failures = max(failures, 1)
    return Outcome(max(tests - failures, 0), failures)
