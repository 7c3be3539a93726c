# SPDX-License-Identifier: Apache-2.0
"""Tests on a real Kubernetes cluster of User-Mode-Linux nodes, made by test/cluster."""
