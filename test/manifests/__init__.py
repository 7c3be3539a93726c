# SPDX-License-Identifier: Apache-2.0
"""What the chart and kustomize render: compared, validated offline, and refused where it is wrong."""
