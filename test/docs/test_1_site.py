# SPDX-License-Identifier: Apache-2.0
"""The site: built from the pages as they are, complete, and without a request to another host."""

import glob
import html.parser
import importlib.util
import json
import os
import re
import subprocess
import tempfile
import unittest

from tools.lab import settings

SITE = os.path.join(settings.REPO, "docs", "site")
BUILT = os.path.join(settings.REPO, "build", "docs", "site")
OTHER_HOST = re.compile(r"\s*(https?:)?//")
# What a browser fetches by itself; an <a href> is followed by a person.
FETCHED = {
    "script": ("src",),
    "link": ("href",),
    "img": ("src", "srcset"),
    "source": ("src", "srcset"),
    "iframe": ("src",),
    "object": ("data",),
    "embed": ("src",),
}


def make(*arguments):
    return subprocess.run(
        [os.path.join(SITE, "make"), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def hooks():
    spec = importlib.util.spec_from_file_location("hooks", os.path.join(SITE, "hooks.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Page(html.parser.HTMLParser):
    """What a page makes a browser fetch, and where its text looks like a list that was not recognized."""

    def __init__(self, text):
        super().__init__()
        self.fetched, self.classes, self.paragraphs, self._inside = [], set(), [], False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        self.fetched += [values[name] for name in FETCHED.get(tag, ()) if values.get(name)]
        self.classes |= set((values.get("class") or "").split())
        self._inside = tag == "p"
        if self._inside:
            self.paragraphs.append("")

    def handle_data(self, data):
        if self._inside:
            self.paragraphs[-1] += data


class Site(unittest.TestCase):
    pages: dict[str, Page]

    @classmethod
    def setUpClass(cls):
        done = make()
        if done.returncode != 0:
            raise AssertionError(f"docs/site/make ended with {done.returncode}:\n{done.stdout}")
        cls.pages = {}
        for path in glob.glob(os.path.join(BUILT, "**", "*.html"), recursive=True):
            with open(path, encoding="utf-8") as file:
                cls.pages[os.path.relpath(path, BUILT)] = Page(file.read())

    def test_has_the_pages_of_users_and_of_builders(self):
        for page in ("index", "docs/quick-start", "docs/decisions/index", "src/operator/pool/index", "CONTRIBUTING"):
            self.assertIn(f"{page}.html", self.pages)

    def test_no_page_asks_another_host(self):
        for name, page in self.pages.items():
            with self.subTest(name):
                self.assertEqual([url for url in page.fetched if OTHER_HOST.match(url)], [])
                # Material asks other hosts for the program that draws the one, and for facts of the other.
                self.assertEqual(page.classes & {"mermaid", "md-source"}, set())

    def test_no_style_asks_another_host(self):
        styles = glob.glob(os.path.join(BUILT, "**", "*.css"), recursive=True)
        self.assertTrue(styles)
        for path in styles:
            with open(path, encoding="utf-8") as file, self.subTest(path):
                self.assertEqual(re.findall(r"(?:url\(|@import)\s*[\"']?(?:https?:)?//[^)]*", file.read()), [])

    def test_lists_and_fences_of_the_pages_are_recognized(self):
        for name, page in self.pages.items():
            with self.subTest(name):
                self.assertEqual([p for p in page.paragraphs if re.search(r"^(- |\d+\. |```)", p, re.MULTILINE)], [])

    def test_the_search_finds_a_reason_of_a_condition(self):
        with open(os.path.join(BUILT, "search", "search_index.json"), encoding="utf-8") as file:
            entries = json.load(file)["docs"]
        found = {entry["location"].partition("#")[0] for entry in entries if "NoPoolAdmits" in entry["title"]}
        self.assertIn("docs/troubleshooting.html", found)

    def test_the_command_refuses_an_argument_that_it_does_not_know(self):
        self.assertEqual(make("--watch").returncode, 2)


class Strictness(unittest.TestCase):
    """The site of one page that has one fault."""

    def outcome(self, page, others=()):
        with tempfile.TemporaryDirectory() as scratch:
            tree = os.path.join(scratch, "tree")
            os.mkdir(tree)
            for name, text in (("README.md", page), *others):
                with open(os.path.join(tree, name), "w", encoding="utf-8") as file:
                    file.write(text)
            config = os.path.join(scratch, "mkdocs.yml")
            with open(config, "w", encoding="utf-8") as file:
                file.write(
                    f"INHERIT: {SITE}/mkdocs.yml\nhooks: [{SITE}/hooks.py]\n"
                    f"docs_dir: {tree}\nsite_dir: {scratch}/site\nnav: [README.md]\n"
                )
            return make(f"--config-file={config}")

    def test_a_page_without_a_fault_is_built(self):
        done = self.outcome("# A page\n\n## Here\n\n[there](#here)\n")
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_a_link_that_leads_nowhere_is_an_error(self):
        done = self.outcome("# A page\n\n[away](gone.md)\n")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("gone.md", done.stdout)

    def test_an_anchor_that_leads_nowhere_is_an_error(self):
        done = self.outcome("# A page\n\n[there](#nowhere)\n")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("#nowhere", done.stdout)

    def test_a_page_that_the_navigation_leaves_out_is_an_error(self):
        done = self.outcome("# A page\n", [("other.md", "# Another\n")])
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("other.md", done.stdout)


class Hooks(unittest.TestCase):
    def test_what_belongs_to_an_item_is_indented_by_four_columns(self):
        self.assertEqual(
            hooks().as_python_markdown("1. one\n   more\n\n   ```console\n   $ x\n   ```\n\n- a\n  b\n\nend"),
            "1. one\n    more\n\n    ```console\n    $ x\n    ```\n\n- a\n    b\n\nend",
        )

    def test_code_keeps_its_columns(self):
        text = "text\n\n```\n1. x\n   y\n| `a\\|b` |\n```\n   z"
        self.assertEqual(hooks().as_python_markdown(text), text)

    def test_a_bar_in_the_code_of_a_table_is_not_escaped(self):
        self.assertEqual(hooks().as_python_markdown("| `a\\|b` | c \\| d |"), "| `a|b` | c \\| d |")
