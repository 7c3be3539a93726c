# SPDX-License-Identifier: Apache-2.0
"""The form of a markdown page: one sentence a line, and no line over 200 columns outside of tables and code.

A sentence that is longer is broken after a punctuation mark. A diff then shows the sentence that changed.
"""

import re

WIDTH = 200
FENCE = re.compile(r"^\s*(```|~~~)")
ITEM = re.compile(r"^(\s*)([-*+]|\d+\.)( +)")
NOT_A_PARAGRAPH = re.compile(r"^\s*(#|>|\||<|={3,}$|-{3,}$|\[[^\]]+\]:)")
ENDS = re.compile(
    r"(?<=[\w)}\]\"'*`%])(?<!\be\.g)(?<!\bi\.e)(?<!\betc)(?<!\bvs)[.!?][\"')*]* +(?=[A-Z`\"\[(*]|barevip)"
)
HEAD = re.compile(r"\*\*[^*]+\*\*\s*")  # a heading that runs into its paragraph is no sentence of its own
PAUSES = (r"[;:] +", r", +", r" +(?=(?:and|or|but|because|that|which|when|while|if|with|by|to|in|on|for)\b)")


def masked(text):
    """The same text, as long, without what looks like punctuation inside of code and links."""

    def hide(match):
        inner = match.group(0)
        return inner[0] + "x" * (len(inner) - 2) + inner[-1]

    text = re.sub(r"`[^`]*`", hide, text)
    return re.sub(r"\[[^\]]*\]\([^)]*\)", hide, text)


def sentences(text):
    """The sentences of a paragraph, in order."""
    shown, found, begin = masked(text), [], 0
    for match in ENDS.finditer(shown):
        if HEAD.fullmatch(shown[begin : match.end()]):
            continue
        found.append(text[begin : match.end()].rstrip())
        begin = match.end()
    return found + [text[begin:]]


def lines_of(sentence, width):
    """A sentence in as few lines as fit: broken where a reader pauses, near the middle."""
    if len(sentence) <= width:
        return [sentence]
    shown = masked(sentence)
    for pause in PAUSES:
        ends = [
            m.end()
            for m in re.finditer(pause, shown)
            if m.end() <= width and not re.match(r"[-+*#>|]|\d+\.", sentence[m.end() :])
        ]
        if ends:
            cut = min(ends, key=lambda end: abs(end - len(sentence) // 2))
            return lines_of(sentence[:cut].rstrip(), width) + lines_of(sentence[cut:], width)
    return [sentence]


def reflowed(content):
    """The page in its one right form. A page in that form is returned as it is."""
    out: list[str] = []
    paragraph: list[str] = []
    fenced, in_list = False, False

    def flush():
        if not paragraph:
            return
        first = paragraph[0]
        item = ITEM.match(first)
        lead = item.group(0) if item else re.match(r"\s*", first).group(0)
        text = " ".join(line.strip() for line in [first[len(lead) :], *paragraph[1:]])
        indent = " " * len(lead)
        lines = [part for sentence in sentences(text) for part in lines_of(sentence, WIDTH - len(lead))]
        out.extend((lead if number == 0 else indent) + line for number, line in enumerate(lines))
        paragraph.clear()

    for line in content.split("\n"):
        if fenced or FENCE.match(line):
            flush()
            fenced = fenced != bool(FENCE.match(line))
            out.append(line)
            continue
        code = line.startswith("    ") and not paragraph and not in_list
        if not line.strip() or NOT_A_PARAGRAPH.match(line) or code:
            flush()
            in_list = in_list and (not line.strip() or line.startswith(" "))
            out.append(line)
            continue
        if ITEM.match(line):
            flush()
            in_list = True
        elif not paragraph:
            in_list = in_list and line.startswith(" ")
        paragraph.append(line)
        if line.endswith("\\"):  # a hard line break
            flush()
    flush()
    return "\n".join(out)
