# SPDX-License-Identifier: Apache-2.0
"""What the programs say when they cannot work: one sentence, what, where and how to mend it."""

import os
import re
import tempfile

from e2e import harness as h
from e2e.case import ClusterTest

NODE = "node3"
NOBODY_MAY = "setpriv --inh-caps=-all --bounding-set=-all"


class BadInput(ClusterTest):
    def assert_one_sentence(self, said, program, *words):
        lines = said.strip().splitlines()
        self.assertEqual(1, len(lines), said)
        self.assertTrue(lines[0].startswith(f"{program}: "), said)
        for word in words:
            self.assertIn(word, said)

    def kubeconfig(self, text):
        """A kubeconfig that every node sees, since nodes share this machine's files."""
        file = tempfile.NamedTemporaryFile("w", suffix=".conf", dir=os.path.dirname(h.admin_kubeconfig()), delete=False)
        self.addCleanup(os.unlink, file.name)
        with file:
            file.write(text)
        return file.name

    @staticmethod
    def administrators():
        """The text of the administrator's kubeconfig."""
        with open(h.admin_kubeconfig(), encoding="utf-8") as file:
            return file.read()

    def test_a_wrong_command_line_ends_with_status_2_and_the_word_that_is_wrong(self):
        for program, wrong in (
            ("barevip-node", "--bind-interface=x"),
            ("barevip-node", "--placement=moon"),
            ("barevip-node", "--sync-period=0s"),
            ("barevip-node", "--scheduler=fair"),
            ("barevip-operator", "--worker=2"),
            ("barevip-operator", "--workers=0"),
        ):
            with self.subTest(program=program, wrong=wrong):
                said, status = h.program(NODE, program, wrong)
                self.assertEqual(2, status, said)
                self.assert_one_sentence(said, program, wrong.split("=")[0])

    def test_a_broken_kubeconfig_is_named_with_what_is_wrong(self):
        for text, word in (
            ("{", "line"),
            ("[1, 2]", "kubeconfig"),
            (self.administrators().replace("current-context: ", "current-context: other"), "other"),
        ):
            file = self.kubeconfig(text)
            for program in ("barevip-node", "barevip-operator"):
                with self.subTest(program=program, text=text):
                    said, status = h.program(NODE, program, f"--kubeconfig={file}")
                    self.assertEqual(1, status, said)
                    self.assert_one_sentence(said, program, file, word)

    def test_an_unknown_interface_is_answered_with_those_that_are_there(self):
        said, status = h.program(NODE, "barevip-node", "--bind-iface=nope0", f"--kubeconfig={h.admin_kubeconfig()}")
        self.assertEqual(1, status, said)
        self.assert_one_sentence(said, "barevip-node", "nope0", h.NIC)

    def test_missing_permissions_are_named(self):
        for command in ((), ("init",)):
            flags = [f"--bind-iface={h.NIC}"] + ([] if command else [f"--kubeconfig={h.admin_kubeconfig()}"])
            with self.subTest(command=command):
                said, status = h.program(NODE, "barevip-node", *command, *flags, wrapper=NOBODY_MAY)
                self.assertEqual(1, status, said)
                self.assert_one_sentence(said, "barevip-node", "NET_ADMIN" if not command else "SYS_ADMIN")

    def test_without_an_api_server_both_wait_say_so_and_do_not_hurry(self):
        # Nobody listens on port 1 of the loopback.
        file = self.kubeconfig(re.sub(r"https://[^\s\"]+", "https://127.0.0.1:1", self.administrators()))
        seconds = 10
        for program, flags in (
            ("barevip-node", [f"--bind-iface={h.NIC}", f"--node-name={NODE}"]),
            ("barevip-operator", ["--leader-elect"]),
        ):
            with self.subTest(program=program):
                said, status = h.program(
                    NODE,
                    program,
                    *flags,
                    f"--kubeconfig={file}",
                    "--metrics-address=127.0.0.1:7499",
                    wrapper=f"timeout {seconds}",
                )
                self.assertEqual(124, status, f"it ended by itself: {said}")
                complaints = [line for line in said.splitlines() if "127.0.0.1:1" in line]
                self.assertTrue(complaints, said)
                # Each of at most eight lists and Leases doubles its pause, from less than a second on.
                self.assertLess(len(complaints), 8 * seconds, said)
