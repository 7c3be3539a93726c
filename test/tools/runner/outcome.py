# SPDX-License-Identifier: Apache-2.0
"""How a layer ended, and how to run a step of one."""

import dataclasses
import os
import re
import subprocess
import time

_HERE = os.path.dirname(os.path.realpath(__file__))
REPO = os.path.dirname(os.path.dirname(os.path.dirname(_HERE)))
CACHE = os.path.realpath(os.environ.get("BAREVIP_CACHE") or os.path.expanduser("~/.cache/barevip"))
JOBS = os.cpu_count() or 2


@dataclasses.dataclass(frozen=True)
class Outcome:
    """How many tests passed and failed."""

    passed: int
    failed: int

    def __add__(self, other):
        return Outcome(self.passed + other.passed, self.failed + other.failed)


def step(what, command, **kwargs):
    """Runs a command that must succeed, and says how long it took. Output is shown on failure only."""
    begun = time.monotonic()
    print(f"{what} ...", flush=True)
    done = subprocess.run(
        command,
        cwd=REPO,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
        **kwargs,
    )
    if done.returncode != 0:
        print(done.stdout[-20000:], flush=True)
        raise RuntimeError(f"{what} failed with exit status {done.returncode}")
    print(f"{what}: {time.monotonic() - begun:.0f} s", flush=True)
    return done.stdout


def ctest(preset):
    """Runs the tests of a test preset, whose build preset is built."""
    done = subprocess.run(
        ["ctest", "--preset", preset, "-j", str(JOBS)],
        cwd=REPO,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    print(done.stdout, flush=True)
    match = re.search(r"tests passed, (\d+) tests failed out of (\d+)", done.stdout)
    if not match:
        return Outcome(0, 1)
    failed, total = int(match.group(1)), int(match.group(2))
    if done.returncode != 0 and failed == 0:
        failed = 1
    return Outcome(total - failed, failed)
