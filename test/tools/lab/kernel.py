# SPDX-License-Identifier: Apache-2.0
"""The kernel of nodes and of kernel tests, built from Debian's kernel source into the cache.

Debian's own User-Mode-Linux has no nf_tables for IP. A build is kept under the version of its source and a hash of its
configuration. It has a temporary name until it is whole, and an interrupted one goes on where it was.
"""

import collections
import contextlib
import fcntl
import functools
import glob
import hashlib
import os
import re
import shutil
import subprocess
import time

from . import settings
from .progress import say

_SOURCE = "linux-source-6.1"
_CONFIG = os.path.join(settings.LAB, "node", "kernel.config")
_REPORT_SECONDS = 30


def _key():
    """The name of the build that this tree and this machine's source ask for."""
    shown = subprocess.run(
        ["dpkg-query", "--show", "--showformat=${Version}", _SOURCE], capture_output=True, text=True, check=False
    )
    if shown.returncode or not shown.stdout:
        raise settings.Problem(f"Debian's package {_SOURCE} is missing: run test/setup")
    with open(_CONFIG, "rb") as config:
        return f"{shown.stdout}-{hashlib.sha256(config.read()).hexdigest()[:12]}"


def _make(folder, jobs, *targets):
    """Runs make in the kernel's source, tells every half a minute how far it is, and fails with its last lines."""
    begun = told = time.monotonic()
    last: collections.deque[str] = collections.deque(maxlen=20)
    count = 0
    with subprocess.Popen(
        ["make", "ARCH=um", f"-j{jobs}", *targets],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        for line in process.stdout or []:
            last.append(line)
            count += 1
            if time.monotonic() - told > _REPORT_SECONDS:
                told = time.monotonic()
                say(f"  building the nodes' kernel: {count} steps, {told - begun:.0f} s ...")
    if process.returncode:
        raise settings.Problem(f"make {' '.join(targets)} failed in {folder}:\n{''.join(last).strip()}")


def _missing_options(folder):
    """The lines of our configuration that the kernel's own rules did not keep."""
    with open(_CONFIG, encoding="utf-8") as wanted, open(os.path.join(folder, ".config"), encoding="utf-8") as made:
        kept = set(made)
        return [line.strip() for line in wanted if re.match(r"CONFIG_\w+=", line) and line not in kept]


def _build(key, out):
    start = time.monotonic()
    work = os.path.join(settings.CACHE, "src", f"kernel-{key}")
    folder = os.path.join(work, _SOURCE)
    say(f"building the nodes' kernel {key}, once for each version and configuration (about 5 minutes on two cores)")
    if not os.path.exists(os.path.join(work, "unpacked")):
        shutil.rmtree(work, ignore_errors=True)
        os.makedirs(work)
        subprocess.run(["tar", "xf", f"/usr/src/{_SOURCE}.tar.xz", "-C", work], check=True)
        with open(os.path.join(work, "unpacked"), "w", encoding="utf-8"):
            pass
    shutil.copyfile(_CONFIG, os.path.join(folder, ".config"))
    _make(folder, 1, "olddefconfig")
    if missing := _missing_options(folder):
        raise settings.Problem(f"{_CONFIG}: the source {key} does not have {', '.join(missing)}")
    _make(folder, len(os.sched_getaffinity(0)), "linux", "modules")
    part = os.path.join(work, "part")
    shutil.rmtree(part, ignore_errors=True)
    _make(folder, 1, f"INSTALL_MOD_PATH={part}", "INSTALL_MOD_STRIP=1", "modules_install")
    for link in glob.glob(os.path.join(part, "lib", "modules", "*", "*")):
        if os.path.islink(link):  # "build" and "source" lead to the folder that goes
            os.unlink(link)
    subprocess.run(["strip", "-o", os.path.join(part, "linux"), os.path.join(folder, "linux")], check=True)
    os.makedirs(os.path.dirname(out), exist_ok=True)
    os.rename(part, out)
    shutil.rmtree(work)
    say(f"built in {time.monotonic() - start:.0f} s, kept in {out}")


@contextlib.contextmanager
def _exclusive(key):
    """One build of a kernel at a time; who comes second waits."""
    path = os.path.join(settings.CACHE, "src", f"kernel-{key}.lock")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another run is building the nodes' kernel: waiting for it ...")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@functools.cache  # each node asks for it
def ensure():
    """Builds the kernel where it is missing. Returns its program and the folder with its modules."""
    key = _key()
    out = os.path.join(settings.CACHE, "bin", f"kernel-{key}")
    if not os.path.exists(out):
        with _exclusive(key):
            if not os.path.exists(out):
                _build(key, out)
    return os.path.join(out, "linux"), os.path.join(out, "lib", "modules")
