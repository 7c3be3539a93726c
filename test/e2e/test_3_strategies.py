# SPDX-License-Identifier: Apache-2.0
"""Each way to forward beside kube-proxy in iptables mode."""

from e2e import strategies


class BesideIptables(strategies.Strategies):
    """On the cluster of three nodes that the tests around it have."""
