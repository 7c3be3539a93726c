# SPDX-License-Identifier: Apache-2.0
"""commits.py: the form of subjects, and trees without the history to look at."""

import contextlib
import io
import os
import pathlib
import subprocess
import tempfile
import unittest
import unittest.mock

import commits

GOOD = (
    "node: withdraw a VIP before its routes",
    "test/lab: keep the last three versions",
    "kube: pass a token",
    "docs: need no second page",
    "cli: embed the schema",
    "assigner: address two Pools",
    "node: focus on one",
    "x: " + "y" * 69,
)
BAD = (
    "Fix it",
    "wip",
    "fixup! node: fix it",
    "node: Fix it",
    "node:fix it",
    "Node: fix it",
    "node: ",
    "node: a pass copies nothing",
    "node: fixed it",
    "node: fixes it",
    "node: fixing it",
    "node: fix it.",
    "x: " + "y" * 70,
    'Revert "node: fix it"',
)


class Subjects(unittest.TestCase):
    def test_area_and_an_order_pass(self):
        for subject in GOOD:
            with self.subTest(subject):
                self.assertEqual(commits.problems_of(subject), [])

    def test_anything_else_is_refused_with_one_reason(self):
        for subject in BAD:
            with self.subTest(subject):
                self.assertEqual(len(commits.problems_of(subject)), 1)


class Histories(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name, "tree")
        self.root.mkdir()

    def git(self, *arguments, root=None):
        environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith("GIT_")},
            "GIT_CONFIG_GLOBAL": os.devnull,
            **{f"GIT_{who}_{what}": "a@example" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
        }
        return subprocess.run(
            ["git", "-C", str(root or self.root), *arguments],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()

    def commit(self, subject):
        self.git("commit", "-q", "--allow-empty", "-m", subject)
        return self.git("rev-parse", "HEAD")

    def run_on(self, root, base):
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            status = commits.main(root, base)
        return status, said.getvalue()

    def test_commits_up_to_the_base_may_be_anything(self):
        self.git("init", "-q")
        base = self.commit("Whatever it was")
        self.commit("node: withdraw it")
        self.assertEqual(self.run_on(self.root, base), (0, f"1 commits after {base} keep the form of subjects\n"))

    def test_a_bad_subject_after_the_base_fails_and_is_named(self):
        self.git("init", "-q")
        base = self.commit("Whatever it was")
        self.commit("node: withdraw it")
        self.commit("Whatever it is")
        status, said = self.run_on(self.root, base)
        self.assertEqual(status, 1)
        self.assertIn('"Whatever it is": write `area: summary`', said)

    def test_an_exported_tree_is_skipped_even_inside_of_another_repository(self):
        self.assertEqual(self.run_on(self.root, "HEAD"), (0, "skipped: this tree has no git history\n"))
        self.git("init", "-q", root=self.root.parent)
        self.assertEqual(self.run_on(self.root, "HEAD"), (0, "skipped: this tree has no git history\n"))

    def test_a_shallow_clone_without_the_base_is_skipped(self):
        self.git("init", "-q")
        base = self.commit("Whatever it was")
        self.commit("Whatever it is")
        shallow = self.root.parent / "shallow"
        self.git("clone", "-q", "--depth", "1", f"file://{self.root}", str(shallow))
        self.assertEqual(self.run_on(shallow, base), (0, f"skipped: this history does not have commit {base}\n"))


class Hooks(unittest.TestCase):
    HOOK = pathlib.Path(__file__).parent / "commit-msg"

    def status_of(self, message, ask=commits.check_message):
        with tempfile.NamedTemporaryFile("w", suffix=".txt") as file, contextlib.redirect_stderr(io.StringIO()):
            file.write(message)
            file.flush()
            return ask(file.name)

    def test_git_can_run_the_hook(self):
        def run(file):
            return subprocess.run([self.HOOK, file], capture_output=True, check=False).returncode

        self.assertEqual(self.status_of("node: withdraw it\n", run), 0)
        self.assertEqual(self.status_of("Whatever\n", run), 1)

    def test_the_hook_refuses_a_bad_subject_before_it_is_a_commit(self):
        for subject in BAD:
            if not subject.startswith(commits.PASSING):
                with self.subTest(subject):
                    self.assertEqual(self.status_of(f"# a comment\n{subject}\n\nWhy.\n"), 1)

    def test_the_hook_passes_a_good_subject_and_what_will_be_melted(self):
        for subject in (*GOOD, "fixup! anything", "squash! Anything", "Merge branch 'x'"):
            with self.subTest(subject):
                self.assertEqual(self.status_of(f"{subject}\n\nWhy it is. So it is.\n"), 0)

    def test_variables_of_a_hook_lead_to_no_other_repository(self):
        with (
            tempfile.TemporaryDirectory() as folder,
            unittest.mock.patch.dict(os.environ, GIT_DIR=str(commits.ROOT / ".git")),
        ):
            self.assertIsNone(commits.git(folder, "rev-parse", "--show-toplevel"))


if __name__ == "__main__":
    unittest.main()
