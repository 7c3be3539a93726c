# SPDX-License-Identifier: Apache-2.0
"""How tests wait: for a condition, and never for a time."""

import time


def wait_for(what, condition, seconds=60, interval=0.25):
    """Returns condition()'s first true value; AssertionError with its last value or error after that many seconds."""
    deadline, last = time.monotonic() + seconds, None
    while True:
        try:
            last = condition()
            if last:
                return last
        except (AssertionError, KeyError, IndexError, ValueError) as error:
            last = error
        if time.monotonic() > deadline:
            raise AssertionError(f"after {seconds} s there is still not: {what}; last seen: {last}")
        time.sleep(interval)
