#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fails when the subject of a commit is not `area: imperative summary` of at most 72 characters.

  commits.py [BASE]          the commits after BASE
  commits.py --message FILE  the message of a commit that git is about to make (the hook commit-msg)

Where BASE is not known (an exported tree, a shallow clone, another history) it says that it skips the check.
"""

import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[3]
# The last commit before this rule.
BASE = "642b0a59c322"
LONGEST = 72
FORM = re.compile(r"(?P<area>[a-z][a-z0-9-]*(?:/[a-z0-9-]+)*): (?P<first>[a-z][\w-]*)(?: .*)?")
# First words that begin a description instead of an order.
DESCRIBES = re.compile(
    r"(a|an|the|this|that|it|its|one|two|each|every|no|not|some|all|any|what|who|when|where|if|there|and|"
    r"is|are|was|has|\w{2,}(?<!s|u|i)s|\w{2,}(?<!e)ed|\w{3,}ing)"
)
# What git makes itself, or melts into another commit before it is merged.
PASSING = ("fixup! ", "squash! ", "amend! ", "Merge ")
ORDERS = {"embed", "shed", "shred", "string", "spring", "bias", "canvas", "alias"}


def problems_of(subject):
    """What is wrong with one subject: sentences, none if all is well."""
    found = []
    if len(subject) > LONGEST:
        found.append(f"{len(subject)} characters, {LONGEST} are the most")
    match = FORM.fullmatch(subject)
    if not match:
        found.append("write `area: summary` in lower case, for example `node: withdraw a VIP before its routes`")
    elif DESCRIBES.fullmatch(match["first"]) and match["first"] not in ORDERS:
        found.append(f'"{match["first"]}" describes: begin with an order, like add, keep, refuse')
    if subject.endswith("."):
        found.append("ends with a full stop")
    return found


def git(root, *arguments):
    """What git prints; None if it fails. A hook's variables must not lead to another repository than `root`."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *arguments], capture_output=True, text=True, check=False, env=environment
        )
    except FileNotFoundError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def main(root=ROOT, base=BASE):
    top = git(root, "rev-parse", "--show-toplevel")
    if top is None or pathlib.Path(top).resolve() != pathlib.Path(root).resolve():
        print("skipped: this tree has no git history")
        return 0
    if git(root, "merge-base", "--is-ancestor", base, "HEAD") is None:
        print(f"skipped: this history does not have commit {base}")
        return 0
    log = git(root, "log", "--no-merges", "--format=%h %s", f"{base}..HEAD")
    commits = [line.split(" ", 1) for line in log.splitlines()]
    problems = [
        f'commit {commit[0]}: "{subject}": {problem}'
        for commit in commits
        for subject in ["".join(commit[1:])]
        for problem in problems_of(subject)
    ]
    print("\n".join(problems) or f"{len(commits)} commits after {base} keep the form of subjects")
    return 1 if problems else 0


def check_message(file):
    """The subject of a message that is about to become a commit's."""
    lines = [line for line in pathlib.Path(file).read_text().splitlines() if line.strip() and not line.startswith("#")]
    subject = lines[0] if lines else ""
    problems = [] if subject.startswith(PASSING) else problems_of(subject)
    for problem in problems:
        print(f'commit subject "{subject}": {problem}', file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["--message"]:
        sys.exit(check_message(sys.argv[2]))
    sys.exit(main(base=sys.argv[1] if len(sys.argv) > 1 else BASE))
