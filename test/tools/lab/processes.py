# SPDX-License-Identifier: Apache-2.0
"""Processes that outlive the command that started them: recorded by pid, never killed by name.

A record is RUN/pids/NAME.json with the pid and the start time of the process, so that a pid
that was given to somebody else meanwhile is never mistaken for ours.
"""

import contextlib
import json
import os
import signal
import subprocess
import time

from . import settings

PIDS = os.path.join(settings.RUN, "pids")


def _stat(pid):
    """Fields of /proc/PID/stat from the state on, or None when there is no such process."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as stat:
            return stat.read().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None


def start_time(pid):
    """Start time in clock ticks since boot; None when the process is gone or a zombie."""
    fields = _stat(pid)
    return None if fields is None or fields[0] in "ZX" else int(fields[19])


def log_path(name):
    return os.path.join(settings.LOGS, f"{name}.log")


def start(name, argv, env=None, log=None):
    """Starts argv in a session of its own, its output appended to a log, and records it."""
    os.makedirs(PIDS, exist_ok=True)
    os.makedirs(settings.LOGS, exist_ok=True)
    with open(log or log_path(name), "ab") as output:
        child = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=env,
            cwd=settings.RUN,
            start_new_session=True,
        )
    record = {"pid": child.pid, "start": start_time(child.pid), "argv": argv, "env": env, "log": log}
    part = os.path.join(PIDS, f".{name}.part")
    with open(part, "w", encoding="utf-8") as out:
        json.dump(record, out)
    os.replace(part, os.path.join(PIDS, f"{name}.json"))
    # Its exit status is nobody's business here; without this Popen would warn about it.
    child.returncode = 0
    return record["pid"]


def record_of(name):
    """The record of a process that was started, alive or not; None without one."""
    try:
        with open(os.path.join(PIDS, f"{name}.json"), encoding="utf-8") as record:
            return json.load(record)
    except FileNotFoundError:
        return None


def restart(name):
    """Starts a recorded process that has ended with the arguments that it had."""
    record = record_of(name)
    return start(name, record["argv"], record["env"], record["log"])


def names():
    try:
        return sorted(f[:-5] for f in os.listdir(PIDS) if f.endswith(".json"))
    except FileNotFoundError:
        return []


def pid_of(name):
    """The pid of a recorded process that is alive, else None."""
    record = record_of(name)
    if record and record["start"] is not None and start_time(record["pid"]) == record["start"]:
        return record["pid"]
    return None


def send(name, number):
    """Signals a recorded process; False when it is not alive."""
    pid = pid_of(name)
    if pid is None:
        return False
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True


def session(leader):
    """All processes of the session that was started with the given pid."""
    members = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            fields = _stat(entry)
            if fields is not None and int(fields[3]) == leader:
                members.append(int(entry))
    return members


def in_namespace(namespace):
    """All processes whose network namespace is the named one."""
    listed = subprocess.run(["ip", "netns", "pids", namespace], capture_output=True, text=True, check=False)
    return [int(pid) for pid in listed.stdout.split()]


def kill_all(find, timeout=10):
    """kill -9 of what find() returns until it returns nothing: children may be born meanwhile."""
    deadline = time.monotonic() + timeout
    while True:
        alive = [pid for pid in find() if pid != os.getpid() and start_time(pid) is not None]
        if not alive:
            return
        if time.monotonic() > deadline:
            raise settings.Problem(f"processes {alive} do not die: look at them with ps, kill them, try again")
        for pid in alive:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)


def kill(name):
    """kill -9 of a recorded process and its whole session; forgets the record."""
    record = record_of(name)
    # The kernel does not give a pid again while a session of that number has members, so members
    # without their leader are ours too; a leader with another start time is somebody else's.
    if record and start_time(record["pid"]) in (None, record["start"]):
        kill_all(lambda: session(record["pid"]))
    with contextlib.suppress(FileNotFoundError):
        os.unlink(os.path.join(PIDS, f"{name}.json"))
