# SPDX-License-Identifier: Apache-2.0
"""Each way to forward beside kube-proxy in ipvs mode, which holds what it forwards on every node."""

from e2e import strategies


class BesideIpvs(strategies.Strategies):
    """On the cluster of two nodes that the tests of ipvs mode go on with."""

    proxy = "ipvs"
    nodes = 2
