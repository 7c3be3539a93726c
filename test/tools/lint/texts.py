# SPDX-License-Identifier: Apache-2.0
"""Finds the texts of the tree that people read, without the code around and inside them.

Every function takes the content of one file and returns Text values. What is code inside a text (backticks, flags,
quoted names, template actions) becomes the placeholder CODE, so that no rule about words applies to names.
"""

import dataclasses
import re

CODE = "\N{BULLET}"
ALL_KINDS = ("prose", "cell", "message", "log", "comment", "description")
# Names of kinds, which a log line may begin with.
KINDS = ("Pool", "Service", "Lease", "Node", "Namespace", "EndpointSlice", "Event", "ConfigMap", "Secret", "Kubernetes")


@dataclasses.dataclass(frozen=True)
class Text:
    """One text. kind: prose (markdown), cell (markdown table), message (C++ literal), log (first literal of a log
    line), comment (of a header), description (of a field: CRDs, chart)."""

    line: int
    kind: str
    words: str


FENCE = re.compile(r"^\s*(```|~~~)")
LIST_ITEM = re.compile(r"^(\s*)([-*+]|\d+\.) +")
QUOTED = re.compile(r"""(?<![\w])(['"])[^\s'"]+\1""")
FLAG = re.compile(r"(?<![\w-])--?[a-z][\w-]*(=\S+)?")


def without_code(text):
    """The text with a placeholder for every name that is not prose."""
    text = re.sub(r"`[^`\n]*`", CODE, text)
    text = re.sub(r"\]\([^)\s]*\)", "]", text)
    text = QUOTED.sub(CODE, text)
    return FLAG.sub(CODE, text)


def markdown(content):
    """Lines of a markdown page: prose or table cells; fenced and indented code is left out."""
    found, fenced, listed, blank = [], False, False, True
    for number, line in enumerate(content.splitlines(), 1):
        if FENCE.match(line):
            fenced = not fenced
        elif not line.strip():
            blank = True
            continue
        elif not fenced:
            listed = bool(LIST_ITEM.match(line)) or (listed and (line.startswith(" ") or not blank))
            if line.startswith("    ") and blank and not listed:
                continue
            if line.lstrip().startswith("|"):
                found.append(Text(number, "cell", without_code(line)))
            else:
                found.append(Text(number, "prose", without_code(line)))
        blank = False
    return found


CPP = re.compile(
    r"""
    (?P<comment>//[^\n]*|/\*.*?\*/)
  | R"(?P<mark>\w*)\((?P<raw>.*?)\)(?P=mark)"
  | "(?P<plain>(?:\\.|[^"\\\n])*)"
  | '(?:\\.|[^'\\\n])'
""",
    re.VERBOSE | re.DOTALL,
)
ESCAPES = {r"\"": '"', r"\n": "\n", r"\t": " ", r"\\": "\\"}
LOG = re.compile(r"\blog::(?:debug|info|warn|error)\(\s*$")


def joins(between):
    """Whether two literals are one text with a value in the middle: "a " + value + " b"."""
    between = between.strip()
    return (
        len(between) > 1
        and between[0] == between[-1] == "+"
        and not re.search(r"[;?{}]", between)
        and between.count("(") == between.count(")")
    )


def cpp_literals(content):
    """String literals of C++ that hold prose: at least three words. Adjacent and concatenated ones are one text."""
    parts: list[str] = []
    found, end, start, kind = [], -1, 0, "message"

    def finish():
        text = "".join(parts)
        if kind == "log" or (len(re.findall(r"[A-Za-z]{2,}", text)) >= 3 and " " in text.strip()):
            found.append(Text(content.count("\n", 0, start) + 1, kind, without_code(text)))

    for match in CPP.finditer(content):
        if match.group("raw") is None and match.group("plain") is None:
            continue
        text = match.group("raw")
        if text is None:
            text = re.sub(r"\\.", lambda m: ESCAPES.get(m.group(0), m.group(0)), match.group("plain"))
        between = content[end : match.start()] if parts else None
        if between is not None and joins(between):
            parts.append(CODE)
        elif between is None or between.strip():
            if parts:
                finish()
            start, parts = match.start(), []
            kind = "log" if LOG.search(content, max(0, start - 80), start) else "message"
        parts.append(text)
        end = match.end()
    if parts:
        finish()
    return found


def cpp_comments(content):
    """Comment lines of C++, each by itself."""
    found = []
    for match in CPP.finditer(content):
        if match.group("comment") is None:
            continue
        line = content.count("\n", 0, match.start()) + 1
        for offset, text in enumerate(match.group("comment").splitlines()):
            if "NOLINT" not in text and "clang-format" not in text:
                found.append(
                    Text(line + offset, "comment", without_code(re.sub(r"^\s*(//+<?|/?\*+)|\s*\*/$", "", text)))
                )
    return found


def cpp_texts(content):
    """Comments and literals of a header."""
    return cpp_comments(content) + cpp_literals(content)


def yaml_comments(content):
    """Comments of a YAML file on lines of their own."""
    return [
        Text(number, "description", without_code(line.strip().lstrip("# -")))
        for number, line in enumerate(content.splitlines(), 1)
        if line.strip().startswith("# ")
    ]


def crd_descriptions(content):
    """Descriptions and messages of validation rules in a CRD: one line or a folded block."""
    found, block = [], None
    for number, line in enumerate(content.splitlines(), 1):
        indent = len(line) - len(line.lstrip())
        if block is not None and line.strip() and indent > block:
            found.append(Text(number, "description", without_code(line.strip())))
            continue
        block = None
        match = re.search(r"\b(description|message|messageExpression):\s*(\S.*)?$", line)
        if not match:
            continue
        value = (match.group(2) or "").strip()
        if value in ("|", ">", ">-", "|-", ""):
            block = indent
        else:
            found.append(Text(number, "description", without_code(value)))
    return found


def template_texts(content):
    """Sentences that a Helm template says: quoted in actions."""
    return [
        Text(number, "message", without_code(match.group(1)))
        for number, line in enumerate(content.splitlines(), 1)
        for match in re.finditer(r'"((?:\\.|[^"\\])*)"', line)
        if len(match.group(1).split()) >= 3
    ]


def notes(content):
    """All that NOTES.txt of the chart prints."""
    return template_texts(content) + [
        Text(number, "description", without_code(re.sub(r"\{\{.*?\}\}", CODE, line)))
        for number, line in enumerate(content.splitlines(), 1)
    ]
