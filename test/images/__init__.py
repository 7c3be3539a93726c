# SPDX-License-Identifier: Apache-2.0
"""The images of barevip: what is in them, that they are reproducible, their SBOMs, and a registry."""
