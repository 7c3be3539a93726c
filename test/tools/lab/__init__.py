# SPDX-License-Identifier: Apache-2.0
"""The test cluster: a real Kubernetes on User-Mode-Linux nodes. test/cluster is its command line."""
