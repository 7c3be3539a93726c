# SPDX-License-Identifier: Apache-2.0
"""A registry of images and charts on the LAN, plain HTTP, from which nodes pull."""

import os

from . import binaries, network, processes, settings

_NAME = "registry"


def ensure_running():
    """Starts it unless it runs; returns HOST:PORT."""
    address = settings.REGISTRY
    host, _, port = address.partition(":")
    if processes.pid_of(_NAME) is None:
        folder = os.path.join(settings.RUN, "registry")
        os.makedirs(folder, exist_ok=True)
        processes.start(
            _NAME,
            network.inside(
                settings.LAN,
                [binaries.ensure_registry(), "registry", "serve", f"--address={address}", f"--disk={folder}"],
            ),
        )
        if not network.wait_for_port(host, port, 20, lambda: processes.pid_of(_NAME) is not None):
            raise settings.Problem(f"the registry does not answer; see {processes.log_path(_NAME)}")
    return address
