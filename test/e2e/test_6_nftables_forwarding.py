# SPDX-License-Identifier: Apache-2.0
"""Each way to forward beside kube-proxy in nftables mode."""

from e2e import strategies


class BesideNftables(strategies.Strategies):
    """On the cluster of two nodes that the tests of nftables mode go on with."""

    proxy = "nftables"
    nodes = 2
