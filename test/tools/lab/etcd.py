# SPDX-License-Identifier: Apache-2.0
"""How etcd is started for a cluster of this machine, whatever it is for."""


def arguments(data, clients, peers):
    """One member on loopback that keeps its data in that folder; clients and peers are ports."""
    peer = f"http://127.0.0.1:{peers}"
    return [
        f"--data-dir={data}",
        f"--listen-client-urls={url(clients)}",
        f"--advertise-client-urls={url(clients)}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=default={peer}",
        "--unsafe-no-fsync",
    ]


def url(clients):
    """Where it serves its clients."""
    return f"http://127.0.0.1:{clients}"
