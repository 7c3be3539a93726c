# SPDX-License-Identifier: Apache-2.0
"""The documentation: built as a site without a warning, and true to the programs where a test can compare."""
