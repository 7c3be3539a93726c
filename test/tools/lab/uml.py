# SPDX-License-Identifier: Apache-2.0
"""How a User-Mode-Linux kernel is started on this machine, whatever it is for."""

import os

from . import binaries, kernel


def command(processor=None, turn=0):
    """The command line of a kernel up to its own arguments.

    One processor for each: its kernel and its programs take turns, and waking each other across processors makes
    every system call in it several times slower. Without a processor, kernels of consecutive turns share them evenly.
    """
    usable = sorted(os.sched_getaffinity(0))
    return [
        "taskset",
        "--cpu-list",
        str(usable[turn % len(usable)] if processor is None else processor),
        "env",
        f"LD_PRELOAD={binaries.kernel_preload()}",
        kernel.ensure()[0],
    ]


def modules():
    """The folder with that kernel's modules, for a mount at /lib/modules."""
    return kernel.ensure()[1]
