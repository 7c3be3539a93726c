# SPDX-License-Identifier: Apache-2.0
"""Random histories on the real API server, beside operators that are killed at random points."""

import os
import shlex
import tempfile

from e2e import harness as h
from e2e.case import ClusterTest

PLAYER = os.path.join(h.REPO, "build", "histories", "test", "barevip_history")
OPERATOR = os.path.join(h.REPO, "build", "release", "bin", "barevip-operator")


class Histories(ClusterTest):
    """The cluster's own operator rests meanwhile: each history runs its own processes."""

    def setUp(self):
        super().setUp()
        self.addCleanup(self._scale, 2)
        self._scale(0)

    @staticmethod
    def _scale(replicas):
        h.kubectl("-n", h.SYSTEM, "scale", "deployment", "barevip-operator", f"--replicas={replicas}")
        h.wait_for(
            f"{replicas} operators",
            lambda: (
                len(
                    h.objects(
                        "pods",
                        "-n",
                        h.SYSTEM,
                        "-l",
                        "app.kubernetes.io/name=barevip-operator",
                        "--field-selector=status.phase=Running",
                    )
                )
                == replicas
            ),
        )

    def _play(self, events, replicas):
        seed = os.environ.get("BAREVIP_SEED") or str(int.from_bytes(os.urandom(4), "big"))
        with tempfile.NamedTemporaryFile("r", prefix="barevip-history-") as log:
            play = shlex.join(
                [
                    PLAYER,
                    f"--kubeconfig={h.admin_kubeconfig()}",
                    f"--operator={OPERATOR}",
                    f"--operator-log={log.name}",
                    f"--seed={seed}",
                    f"--events={events}",
                    f"--replicas={replicas}",
                ]
            )
            said = h.client(f"{play} 2>&1", check=False)
            print(f"seed {seed}", flush=True)
            self.assertIn(
                "all promises were kept",
                said,
                f"\nthe operator's last words:\n{log.read()[-3000:]}\nthe player's:\n{said[-3000:]}",
            )

    def test_one_operator_that_is_killed_again_and_again(self):
        self._play(events=100, replicas=1)

    def test_two_operators_that_lead_in_turn(self):
        self._play(events=60, replicas=2)
