# SPDX-License-Identifier: Apache-2.0
"""What `kubectl barevip completion` prints completes in the shells themselves."""

import os
import pty
import select
import subprocess
import tempfile
import time
import unittest

from tools.lab import settings

PROGRAM = os.path.join(settings.REPO, "build", "release", "bin", "kubectl-barevip")
START = {"bash": ["bash", "--norc", "--noprofile", "-i"], "zsh": ["zsh", "--no-rcs", "-i"]}
PREPARE = {"bash": "", "zsh": "autoload -U compinit; compinit -u -D; "}


def script_of(shell, folder):
    path = os.path.join(folder, shell)
    with open(path, "w", encoding="utf-8") as out:
        subprocess.run([PROGRAM, "completion", shell], stdout=out, check=True)
    return path


class Terminal:
    """A shell that a person types into."""

    def __init__(self, shell, folder):
        self._screen, other = pty.openpty()
        environment = {"PATH": os.environ["PATH"], "TERM": "dumb", "HOME": folder, "PS1": "", "LC_ALL": "C.UTF-8"}
        self._shell = subprocess.Popen(
            START[shell], stdin=other, stdout=other, stderr=other, env=environment, cwd=folder, start_new_session=True
        )
        os.close(other)
        self.shown = ""
        self.type(f"{PREPARE[shell]}source {script_of(shell, folder)}; echo rea''dy\n")
        self.wait_for("ready")

    def type(self, keys):
        os.write(self._screen, keys.encode())

    def wait_for(self, text):
        """Until the text is shown; what was shown before does not count again."""
        end = time.monotonic() + 20
        while text not in self.shown:
            if not select.select([self._screen], [], [], max(0, end - time.monotonic()))[0]:
                raise AssertionError(f"{text!r} is not shown: {self.shown!r}")
            self.shown += os.read(self._screen, 4096).decode(errors="replace")
        self.shown = self.shown.partition(text)[2]

    def close(self):
        self._shell.kill()
        self._shell.wait()
        os.close(self._screen)


class Completion(unittest.TestCase):
    def setUp(self):
        self.folder = self.enterContext(tempfile.TemporaryDirectory())
        with open(os.path.join(self.folder, "before.json"), "w", encoding="utf-8"):
            pass

    def test_bash_and_zsh_complete_commands_kinds_flags_and_files(self):
        for shell in START:
            with self.subTest(shell):
                terminal = Terminal(shell, self.folder)
                self.addCleanup(terminal.close)
                for typed, completed in (
                    ("kubectl-barevip supp", "support-bundle "),
                    ("kubectl-barevip explain ser", "service "),
                    ("kubectl-barevip explain service --fr", "--from "),
                    ("kubectl-barevip status --wa", "--watch "),
                ):
                    terminal.type(f"{typed}\t")
                    terminal.wait_for(completed)
                    terminal.type("\x15")  # Ctrl-U: the line is empty again
                terminal.type("kubectl-barevip rollback bef\t")
                terminal.wait_for("before.json")

    def test_fish_completes_commands_kinds_and_flags_and_names_files_where_they_may_follow(self):
        script = script_of("fish", self.folder)

        def completions(line):
            done = subprocess.run(
                ["fish", "--no-config", "-c", f"source {script}; complete -C '{line}'"],
                capture_output=True,
                text=True,
                check=True,
                cwd=self.folder,
                env={**os.environ, "HOME": self.folder},
            )
            return [each.partition("\t")[0] for each in done.stdout.splitlines()]

        self.assertIn("support-bundle", completions("kubectl-barevip "))
        self.assertNotIn("before.json", completions("kubectl-barevip "))
        self.assertEqual(["service"], completions("kubectl-barevip explain s"))
        self.assertEqual(["--from"], completions("kubectl-barevip explain service --fr"))
        self.assertEqual(["--watch"], completions("kubectl-barevip status --wa"))
        self.assertIn("before.json", completions("kubectl-barevip rollback "))
