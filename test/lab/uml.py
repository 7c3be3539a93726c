# SPDX-License-Identifier: Apache-2.0
"""How a User-Mode-Linux kernel is started on this machine, whatever it is for."""

import os
import shutil

from . import binaries, settings


def command(turn):
    """The command line of a kernel up to its own arguments. Kernels of consecutive turns share the processors evenly.

    One processor for each: its kernel and its programs take turns, and waking each other across processors makes
    every system call in it several times slower.
    """
    program = shutil.which("linux.uml")
    if program is None:
        raise settings.Problem("linux.uml is missing: run test/setup")
    usable = sorted(os.sched_getaffinity(0))
    return [
        "taskset",
        "--cpu-list",
        str(usable[turn % len(usable)]),
        "env",
        f"LD_PRELOAD={binaries.kernel_preload()}",
        program,
    ]
