# SPDX-License-Identifier: Apache-2.0
"""Progress lines: what a step does and how many seconds it took."""

import contextlib
import sys
import time


def say(text):
    print(text, file=sys.stderr, flush=True)


@contextlib.contextmanager
def step(what):
    """Prints the step's name when it begins and its seconds when it ends."""
    start = time.monotonic()
    say(f"  {what} ...")
    try:
        yield
    except BaseException:
        say(f"  {what}: failed after {time.monotonic() - start:.1f} s")
        raise
    say(f"  {what}: {time.monotonic() - start:.1f} s")
