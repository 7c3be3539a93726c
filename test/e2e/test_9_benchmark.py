# SPDX-License-Identifier: Apache-2.0
"""A small run of `test/bench dataplane`, so that it works when its figures are needed."""

import os
import subprocess
import unittest

from tools.lab import settings


def tables(printed):
    """The rows of each table, a dictionary by column each; columns of one name become the last of them."""
    found = []
    for block in printed.split("\n\n"):
        lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in block.splitlines() if line[:1] == "|"]
        if lines:
            head, _, *rows = lines
            found.append([dict(zip(head, row, strict=True)) for row in rows])
    return found


class DataplaneBenchmark(unittest.TestCase):
    def test_a_small_run_fills_its_tables_and_nothing_is_written_twice(self):
        run = subprocess.run(
            [
                os.path.join(settings.REPO, "test", "bench"),
                "dataplane",
                "--services=100",
                "--endpoints=2",
                "--rounds=2",
                "--cluster-services=20",
                "--traffic-seconds=1",
                "--sync-period=5",
                "--limit=120",
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        self.assertEqual(0, run.returncode, run.stdout)
        starts, changes, steady, traffic = tables(run.stdout)
        sizes = ["100 x 2"]
        who = ["barevip", "bare loop", "kube-proxy ipvs"]
        self.assertEqual([(s, w) for s in sizes for w in who], [(r["Services"], r["who"]) for r in starts])
        for row in starts:
            self.assertRegex(row["IPVS s"], r"^\d", row)
            if row["who"] != "bare loop":
                self.assertRegex(row["start to kernel s"], r"^\d", row)
        self.assertEqual(sizes, [row["Services"] for row in changes])
        self.assertEqual(
            [(size, "0", "0") for size in sizes],
            [(r["Services"], r["resync writes"], r["start writes"]) for r in steady],
        )
        ways = ["direct", "barevip", "kube-proxy iptables", "kube-proxy ipvs", "kube-proxy nftables"]
        self.assertEqual(ways, [row["way"] for row in traffic])
        self.assertIn("20 ClusterIP Services beside 100", run.stdout)
