# SPDX-License-Identifier: Apache-2.0
"""What MkDocs needs to show pages that are written for a code host (CommonMark) as a code host does."""

import os
import re

FENCE = re.compile(r"\s*(```|~~~)")
ITEM = re.compile(r"([-*+] +|\d+\. +)")
CODE = re.compile(r"`[^`]+`")


def on_config(config):
    """Puts the pages of a folder in its place in the navigation: a new decision or room needs no entry."""
    config.nav = [_expanded(entry, config.docs_dir) for entry in config.nav]
    return config


def _expanded(entry, root):
    if isinstance(entry, str):
        return entry
    ((title, inside),) = entry.items()
    if isinstance(inside, list):
        return {title: [_expanded(item, root) for item in inside]}
    return {title: _pages(inside, root)} if inside.endswith("/") else entry


def _pages(folder, root):
    """The folder's own README first; a README further down is called after its folder."""
    found = []
    for place, _, names in os.walk(os.path.join(root, folder)):
        for name in names:
            if name.endswith(".md"):
                found.append(os.path.relpath(os.path.join(place, name), root))
    index = folder + "README.md"
    rest = sorted(page for page in found if page != index)
    named = [
        {os.path.relpath(os.path.dirname(page), folder): page} if page.endswith("/README.md") else page for page in rest
    ]
    return ([index] if index in found else []) + named


def on_page_markdown(markdown, **_):
    return as_python_markdown(markdown)


def as_python_markdown(text):
    """Indents what belongs to an item of a list by four columns, and takes back the escaped | in code of tables."""
    lines, width, fenced = [], 0, False
    for line in text.split("\n"):
        indent = len(line) - len(line.lstrip())
        if not fenced and indent == 0 and (item := ITEM.match(line)):
            width = len(item.group(1))
        elif not fenced and indent == 0 and line:
            width = 0
        elif width and indent >= width:
            line = " " * (4 + indent - width) + line.lstrip()
        if FENCE.match(line):
            fenced = not fenced
        elif not fenced and line.startswith("|"):
            line = CODE.sub(lambda code: code.group(0).replace(r"\|", "|"), line)
        lines.append(line)
    return "\n".join(lines)
