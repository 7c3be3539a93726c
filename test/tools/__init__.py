# SPDX-License-Identifier: Apache-2.0
"""What the tests are made with, and no test itself."""
