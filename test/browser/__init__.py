# SPDX-License-Identifier: Apache-2.0
"""The status page in a browser: Chromium, the operator, and a real API server, all on loopback."""
