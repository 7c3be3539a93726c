# SPDX-License-Identifier: Apache-2.0
"""Formatting and static checks. clang-tidy's verdicts are remembered by what it would read."""

import concurrent.futures
import hashlib
import json
import os
import shlex
import subprocess

from layers.outcome import CACHE, JOBS, REPO, Outcome, step


def tracked(*patterns):
    listed = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard", *patterns], cwd=REPO,
                            capture_output=True, text=True, check=True).stdout.split()
    return [path for path in listed if os.path.exists(os.path.join(REPO, path))]


def check(what, command):
    """One check; prints its output when it fails."""
    done = subprocess.run(command, cwd=REPO, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False)
    print(f"{'ok    ' if done.returncode == 0 else 'FAILED'} {what}", flush=True)
    if done.returncode != 0:
        print(done.stdout[-10000:], flush=True)
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
    arguments = arguments[:cut] + [w for w in arguments[cut + 2:] if w not in ("-c", entry["file"])]
    arguments.append("-Wno-unknown-warning-option")  # some are g++'s own
    # With comments (NOLINT) and macros, without names of files: another clone of this tree reads the same.
    preprocessed = subprocess.run(["clang++-14", *arguments, "-E", "-P", "-C", "-dD", entry["file"]],
                                  cwd=entry["directory"], capture_output=True, check=False)
    digest = hashlib.sha256(preprocessed.stdout)
    with open(os.path.join(REPO, ".clang-tidy"), "rb") as config:
        digest.update(config.read())
    verdict = os.path.join(CACHE, "clang-tidy-14", digest.hexdigest())
    if preprocessed.returncode == 0 and os.path.exists(verdict):
        return ""
    done = subprocess.run(["clang-tidy-14", "--quiet", entry["file"], "--", *arguments], cwd=entry["directory"],
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False)
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


def run():
    sources = tracked("*.cc", "*.h")
    outcome = check("clang-format", ["clang-format-14", "--dry-run", "-Werror", *sources])
    outcome += check("layering", ["python3", "test/lint/layering.py"])
    outcome += check("shellcheck", ["shellcheck", "-x", *shell_scripts()])
    return outcome + check("python compiles", ["python3", "-c", "import ast,sys\nfor f in sys.argv[1:]: ast.parse(open(f).read(), f)",
                                                *python_files()])
