# SPDX-License-Identifier: Apache-2.0
"""Formatting and static checks. clang-tidy's verdicts are remembered by what it would read."""

import concurrent.futures
import fnmatch
import hashlib
import json
import os
import shlex
import subprocess

from tools.lab import settings
from tools.runner.outcome import CACHE, JOBS, REPO, Outcome, step


def tracked(*patterns):
    """The files of the tree that match one of the patterns; in an exported tree all that are not built."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", *patterns],
        cwd=REPO,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode == 0 and listed.stdout:
        return [path for path in listed.stdout.split() if os.path.isfile(os.path.join(REPO, path))]
    found = []
    for folder, folders, files in os.walk(REPO):
        folders[:] = [name for name in folders if name not in ("build", "__pycache__", ".git")]
        found += [os.path.relpath(os.path.join(folder, name), REPO) for name in files]
    found = [path for path in found if not patterns or any(fnmatch.fnmatch(path, pattern) for pattern in patterns)]
    return sorted(found)


def check(what, command):
    """One check; prints its output when it fails."""
    done = subprocess.run(
        command,
        cwd=REPO,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    skipped = f" ({done.stdout.strip()})" if done.stdout.startswith("skipped: ") else ""
    said = "" if done.returncode == 0 else f"\n{done.stdout[-10000:]}"
    print(f"{'ok    ' if done.returncode == 0 else 'FAILED'} {what}{skipped}{said}", flush=True)
    return Outcome(1, 0) if done.returncode == 0 else Outcome(0, 1)


def shell_scripts():
    """Every tracked file that a shell runs, by name or by its first line."""
    found = []
    for path in tracked():
        with open(os.path.join(REPO, path), "rb") as file:
            first = file.readline(80)
        if path.endswith(".sh") or (first.startswith(b"#!") and (b"bash" in first or first.rstrip().endswith(b"/sh"))):
            found.append(path)
    return found


def python_files():
    """Every tracked Python file, by name or by its first line."""
    found = []
    for path in tracked():
        with open(os.path.join(REPO, path), "rb") as file:
            first = file.readline(80)
        if path.endswith(".py") or (first.startswith(b"#!") and b"python3" in first):
            found.append(path)
    return found


def tidy_one(entry):
    """Runs clang-tidy on one file unless this very input was clean before. Returns its complaints."""
    words = shlex.split(entry["command"])
    if os.path.basename(words[0]) == "ccache":
        words = words[1:]
    arguments = [w for w in words[1:] if w != "-fuse-ld=mold"]
    cut = arguments.index("-o")
    arguments = arguments[:cut] + [w for w in arguments[cut + 2 :] if w not in ("-c", entry["file"])]
    arguments.append("-Wno-unknown-warning-option")  # some are g++'s own
    # With comments (NOLINT) and macros, without names of files: another clone of this tree reads the same.
    preprocessed = subprocess.run(
        ["clang++-14", *arguments, "-E", "-P", "-C", "-dD", entry["file"]],
        cwd=entry["directory"],
        capture_output=True,
        check=False,
    )
    digest = hashlib.sha256(preprocessed.stdout)
    with open(os.path.join(REPO, ".clang-tidy"), "rb") as config:
        digest.update(config.read())
    verdict = os.path.join(CACHE, "clang-tidy-14", digest.hexdigest())
    if preprocessed.returncode == 0 and os.path.exists(verdict):
        return ""
    done = subprocess.run(
        ["clang-tidy-14", "--quiet", entry["file"], "--", *arguments],
        cwd=entry["directory"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        return done.stdout or f"{entry['file']}: clang-tidy-14 ended with {done.returncode}\n"
    os.makedirs(os.path.dirname(verdict), exist_ok=True)
    with open(verdict, "w", encoding="utf-8"):
        pass
    return ""


def tidy():
    """clang-tidy over every translation unit of src/."""
    step("configure dev", ["cmake", "--preset", "dev"])
    with open(os.path.join(REPO, "build", "dev", "compile_commands.json"), encoding="utf-8") as commands:
        entries = [e for e in json.load(commands) if e["file"].startswith(os.path.join(REPO, "src") + os.sep)]
    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        complaints = []
        for done, text in enumerate(pool.map(tidy_one, entries), 1):
            complaints += [text] if text else []
            if done % 10 == 0 or done == len(entries):
                print(f"clang-tidy: {done} of {len(entries)} files", flush=True)
    print("".join(complaints), end="", flush=True)
    return Outcome(0, 1) if complaints or not entries else Outcome(1, 0)


def linter(name):
    """The path of ruff or mypy, as test/setup installs them."""
    pinned = settings.versions()
    folder = f"python-linters-{pinned['RUFF_VERSION']}-{pinned['MYPY_VERSION']}"
    return os.path.join(CACHE, "bin", folder, "bin", name)


def ruff(command, *arguments):
    return [
        linter("ruff"),
        command,
        "--config=test/tools/lint/ruff.toml",
        f"--cache-dir={CACHE}/ruff",
        *arguments,
        *python_files(),
    ]


def run():
    checks = {
        "clang-format": ["clang-format-14", "--dry-run", "-Werror", *tracked("*.cc", "*.h")],
        "mypy": [
            linter("mypy"),
            "--config-file=test/tools/lint/mypy.ini",
            f"--cache-dir={CACHE}/mypy",
            *python_files(),
        ],
        "layering": ["python3", "test/tools/lint/layering.py"],
        "one version": ["python3", "test/tools/lint/versions.py"],
        "words": ["python3", "test/tools/lint/words.py"],
        "commit subjects": ["python3", "test/tools/lint/commits.py"],
        "the checks themselves": ["python3", "-m", "unittest", "discover", "-q", "-s", "test/tools/lint"],
        "shellcheck": ["shellcheck", "-x", *shell_scripts()],
        "ruff": ruff("check", "--output-format=concise"),
        "ruff format": ruff("format", "--diff", "-q"),
    }
    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        return sum(pool.map(check, checks, checks.values()), Outcome(0, 0))


def fix():
    """Writes what the checks can correct by themselves: formats, the order of imports, one sentence a line."""
    outcome = check("clang-format", ["clang-format-14", "-i", *tracked("*.cc", "*.h")])
    for command in (ruff("check", "--fix-only", "-q"), ruff("format", "-q")):
        outcome += check(f"ruff {command[1]}", command)
    subprocess.run(["python3", "test/tools/lint/words.py", "--fix"], cwd=REPO, stdout=subprocess.DEVNULL, check=False)
    return outcome
