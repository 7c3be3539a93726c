# SPDX-License-Identifier: Apache-2.0
"""What test/bench measures, and how."""
