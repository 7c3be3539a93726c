# SPDX-License-Identifier: Apache-2.0
"""A Prometheus on the LAN, which reaches nodes and pods as one in the cluster does."""

import os
import shutil

from . import binaries, network, processes, settings

_NAME = "prometheus"


def restart(config):
    """Starts it with this configuration and without samples, in place of one that runs; returns HOST:PORT."""
    address = settings.PROMETHEUS
    host, _, port = address.partition(":")
    program = binaries.ensure_prometheus()
    processes.kill(_NAME)
    folder = os.path.join(settings.RUN, "prometheus")
    shutil.rmtree(folder, ignore_errors=True)
    processes.start(
        _NAME,
        network.inside(
            settings.LAN,
            [
                program,
                f"--config.file={os.path.realpath(config)}",
                f"--storage.tsdb.path={folder}",
                f"--web.listen-address={address}",
            ],
        ),
    )
    if not network.wait_for_port(host, port, 30, lambda: processes.pid_of(_NAME) is not None):
        raise settings.Problem(f"Prometheus does not answer; see {processes.log_path(_NAME)}")
    return address
