#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fails when a text has a name that docs/glossary.md replaces, or not the form that it asks for: words.py [--fix]

It reads what users and builders read: markdown, descriptions and messages of CRDs and chart, string literals of C++
and comments of headers. --fix writes markdown with one sentence a line; words are for people to choose.
"""

import argparse
import dataclasses
import functools
import pathlib
import re
import sys

import markdown
import texts

ROOT = pathlib.Path(__file__).resolve().parents[3]
GLOSSARY = "docs/glossary.md"
CLAUSE_WORDS = 20
MESSAGE_SENTENCES = 2

# Where a banned phrase is plain English: what stands before it, what follows it.
FINE = {
    "is no": ("there", "longer|more than"),
    "are no": ("there", "longer|more than"),
    "was no": ("there", "longer"),
    "is none": ("there", ""),
    "are none": ("there", ""),
    "was none": ("there", ""),
}

# Names that comments may use for as long as the code's own types are called so.
CODE_TERMS = {"holder", "holders", "sharer", "sharers"}

# (file, phrase): why it is right there. One that is not needed any more is reported.
EXCEPTIONS = {
    ("docs/decisions/0023-lost-leases.md", "holder"): "the holder of a Lease (holderIdentity), Kubernetes' own word",
    ("src/common/kube/leader.cc", "holder"): "the holder of a Lease (holderIdentity), Kubernetes' own word",
}

# What is read, and how. The chart's README and schema and the kustomize base are made from these.
SOURCES = (
    ("README.md", texts.markdown),
    ("CONTRIBUTING.md", texts.markdown),
    ("docs/**/*.md", texts.markdown),
    ("deploy/**/*.gotmpl", texts.markdown),
    ("crds/*.yaml", texts.crd_descriptions),
    ("deploy/helm/barevip/values.yaml", texts.yaml_comments),
    ("deploy/examples/*.yaml", texts.yaml_comments),
    ("deploy/helm/barevip/templates/**/*.tpl", texts.template_texts),
    ("deploy/helm/barevip/templates/NOTES.txt", texts.notes),
    ("src/**/*.cc", texts.cpp_literals),
    ("src/**/*.h", texts.cpp_texts),
    ("include/**/*.h", texts.cpp_texts),
)
PAGES = ("*.md", "docs/**/*.md", "deploy/helm/barevip/README.md*")


@dataclasses.dataclass(frozen=True)
class Rule:
    """A phrase that is not to be written, and what to write."""

    phrase: str
    right: str

    @functools.cached_property
    def pattern(self):
        before, after = FINE.get(self.phrase, ("", ""))
        first, rest = self.phrase[0], re.escape(self.phrase[1:]).replace(r"\ ", r"\s+")
        return re.compile(
            (rf"(?<!\b[{before[0]}{before[0].upper()}]{before[1:]} )" if before else "")
            + rf"(?<![\w-])[{first}{first.upper()}]{rest}(?![\w-])"  # not None: that is a value
            + (rf"(?! (?:{after})\b)" if after else "")
        )


def rules_of(glossary):
    """The rules that the tables of the glossary state: first column right, the column "not" wrong."""
    found, wrong_column = [], None
    for line in glossary.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if not line.startswith("|"):
            wrong_column = None
        elif wrong_column is None:
            wrong_column = cells.index("not") if "not" in cells else -1
        elif wrong_column > 0 and len(cells) > wrong_column:
            found += [Rule(phrase, cells[0]) for phrase in re.findall(r"`([^`]+)`", cells[wrong_column])]
    return found


def word_problems(text, rules):
    """What a text has that the glossary replaces: the longest phrase of each place."""
    asked = [rule for rule in rules if text.kind != "comment" or rule.phrase not in CODE_TERMS]
    hits = [
        (match.start(), -len(match.group(0)), match.group(0), rule)
        for rule in asked
        for match in rule.pattern.finditer(text.words)
    ]
    found, end = [], -1
    for start, length, words, rule in sorted(hits, key=lambda hit: hit[:2]):
        if start >= end:
            found.append(f'"{words}": write {rule.right}')
            end = start - length
    return found


def form_problems(text):
    """What a message has that is hard to read in a condition, an event or a log."""
    if text.kind not in ("message", "log"):
        return []
    found = []
    for clause in re.split(r"[.;:,()!?\n]", text.words):
        if len(clause.split()) > CLAUSE_WORDS:
            found.append(
                f"a clause of {len(clause.split())} words, {CLAUSE_WORDS} are the most: {clause.strip()[:60]} ..."
            )
    sentences = 1 + len(re.findall(r"\w{2}[.!?] +(?=[A-Z])", text.words))
    if sentences > MESSAGE_SENTENCES:
        found.append(f"a message of {sentences} sentences: keep the fact and the remedy")
    if text.kind == "log" and re.match(r"[A-Z][a-z]+\b", text.words) and not text.words.startswith(texts.KINDS):
        found.append(f'a log line begins in lower case: "{text.words[:40]}"')
    if text.kind == "log" and re.search(r"\w\.$", text.words):
        found.append(f'a log line ends without a full stop: "{text.words[-40:]}"')
    return found


def problems_of(name, found_texts, rules, used):
    """All problems of one file; adds the exceptions that it needed to `used`."""
    found = []
    for text in found_texts:
        asked = []
        for rule in rules:
            key = (name, rule.phrase)
            if key not in EXCEPTIONS:
                asked.append(rule)
            elif rule.pattern.search(text.words):
                used.add(key)
        found += [f"{name}:{text.line}: {problem}" for problem in word_problems(text, asked) + form_problems(text)]
    return found


def page_problem(name, content):
    """The first line that is not in the form of markdown.reflowed."""
    right = markdown.reflowed(content)
    if right == content:
        return []
    pairs = zip(content.split("\n"), right.split("\n"))
    line = next((number for number, (is_, should) in enumerate(pairs, 1) if is_ != should), 1)
    return [f"{name}:{line}: not one sentence a line of at most {markdown.WIDTH} characters: test/run lint --fix"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fix", action="store_true", help="write markdown with one sentence a line")
    fix = parser.parse_args().fix
    kinds: dict[str, int] = {}
    used: set[tuple[str, str]] = set()
    rules, problems = rules_of((ROOT / GLOSSARY).read_text()), []
    for pattern, read in SOURCES:
        files = sorted(ROOT.glob(pattern))
        if not files:
            problems.append(f"{pattern}: there is no such file: correct SOURCES in test/tools/lint/words.py")
        for file in files:
            found = read(file.read_text())
            for text in found:
                kinds[text.kind] = kinds.get(text.kind, 0) + 1
            problems += problems_of(file.relative_to(ROOT).as_posix(), found, rules, used)
    for file in sorted({file for pattern in PAGES for file in ROOT.glob(pattern)}):
        content = file.read_text()
        if fix:
            file.write_text(markdown.reflowed(content))
        else:
            problems += page_problem(file.relative_to(ROOT).as_posix(), content)
    problems += [
        f"test/tools/lint/words.py: the exception {key} is not needed any more: remove it"
        for key in EXCEPTIONS
        if key not in used
    ]
    problems += [f"{GLOSSARY}: no table states a rule"] if not rules else []
    problems += [
        f"no text of kind {kind} was found: correct test/tools/lint/texts.py"
        for kind in texts.ALL_KINDS
        if kind not in kinds
    ]
    print("\n".join(problems) or f"{sum(kinds.values())} texts keep {len(rules)} rules of {GLOSSARY}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
