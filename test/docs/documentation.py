# SPDX-License-Identifier: Apache-2.0
"""Pages of docs/ and what they name."""

import os
import re

from tools.lab import settings

FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


def page(name):
    with open(os.path.join(settings.REPO, "docs", name), encoding="utf-8") as file:
        return file.read()


def section(text, heading):
    """A section with those below it: from its heading to the next of the same level or of a higher one."""
    start = re.search(rf"^(#+) {re.escape(heading)}", text, re.MULTILINE)
    rest = text[start.end() :]
    end = re.search(rf"^#{{1,{len(start.group(1))}}} ", rest, re.MULTILINE)
    return rest[: end.start()] if end else rest


def own_part(text, heading):
    """A section without those below it."""
    return re.split(r"^#+ ", section(text, heading), maxsplit=1, flags=re.MULTILINE)[0]


def code(text):
    """What stands in backticks, outside of blocks."""
    return re.findall(r"`([^`\n]+)`", FENCE.sub("", text))


def first_cells(text):
    """The first cell of each row of the tables, in the order of the page."""
    return [line.split("|")[1].strip() for line in text.splitlines() if line.startswith("|")]
