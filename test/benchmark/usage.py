# SPDX-License-Identifier: Apache-2.0
"""What a process took of the machine, from /proc."""

import os
import re
import time

_TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid):
    """User and system time of all its threads since it began."""
    with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def memory_mib(pid):
    """Resident memory now and at its highest, in MiB."""
    with open(f"/proc/{pid}/status", encoding="utf-8") as status:
        text = status.read()
    return tuple(
        int(re.search(rf"^{name}:\s+(\d+) kB", text, re.MULTILINE).group(1)) / 1024 for name in ("VmRSS", "VmHWM")
    )


def wait_until_quiet(pids, window=2.0, share=0.02, timeout=300):
    """Waits until the processes together use less than that share of a CPU for a while. False if they never do."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        before = sum(map(cpu_seconds, pids))
        time.sleep(window)
        if sum(map(cpu_seconds, pids)) - before < share * window:
            return True
    return False
