# SPDX-License-Identifier: Apache-2.0
"""Certificates of the cluster and kubeconfig files made of them, new for each cluster."""

import base64
import os
import subprocess
import tempfile

from . import settings

_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]


def path(name):
    return os.path.join(settings.PKI, name)


def _openssl(*args):
    done = subprocess.run(["openssl", *args], capture_output=True, text=True, check=False)
    if done.returncode:
        raise settings.Problem(f"openssl {args[0]} failed: {done.stderr.strip()}")


def create_authority():
    """The CA of the cluster and the key that signs tokens of service accounts."""
    os.makedirs(settings.PKI, mode=0o700, exist_ok=True)
    os.makedirs(settings.KUBECONFIGS, exist_ok=True)
    _openssl(
        "req",
        "-x509",
        *_KEY,
        "-days",
        "3650",
        "-keyout",
        path("ca.key"),
        "-out",
        path("ca.crt"),
        "-subj",
        "/CN=barevip-test",
    )
    _openssl("genrsa", "-out", path("sa.key"), "2048")


def create_certificate(name, user, groups=(), alternative_names=""):
    """Writes NAME.crt and NAME.key for a user in groups (CN and O, as Kubernetes reads them)."""
    subject = "".join(f"/O={group}" for group in groups) + f"/CN={user}"
    with tempfile.NamedTemporaryFile("w", suffix=".ext") as extensions:
        if alternative_names:
            extensions.write(f"subjectAltName={alternative_names}\n")
            extensions.flush()
        _openssl("req", *_KEY, "-keyout", path(f"{name}.key"), "-out", path(f"{name}.csr"), "-subj", subject)
        _openssl(
            "x509",
            "-req",
            "-days",
            "3650",
            "-in",
            path(f"{name}.csr"),
            "-CA",
            path("ca.crt"),
            "-CAkey",
            path("ca.key"),
            "-set_serial",
            str(int.from_bytes(os.urandom(8), "big") >> 1),
            "-out",
            path(f"{name}.crt"),
            "-extfile",
            extensions.name,
        )


def _data(file):
    with open(path(file), "rb") as content:
        return base64.b64encode(content.read()).decode()


def create_kubeconfig(name, user, groups=(), server=None):
    """Certificate and kubeconfig for a user; returns the file's path."""
    create_certificate(name, user, groups)
    return _write_kubeconfig(
        name,
        server,
        f"""\
    client-certificate-data: {_data(name + ".crt")}
    client-key-data: {_data(name + ".key")}""",
    )


def create_token_kubeconfig(name, token):
    """Kubeconfig with a bearer token, as pods have one; returns the file's path."""
    return _write_kubeconfig(name, None, f"    token: {token}")


def _write_kubeconfig(name, server, credentials):
    server = server or f"https://{settings.API_ADDRESS4}:{settings.API_PORT}"
    file = os.path.join(settings.KUBECONFIGS, f"{name}.conf")
    with open(file, "w", encoding="utf-8") as out:
        out.write(f"""\
apiVersion: v1
kind: Config
current-context: test
clusters:
- name: test
  cluster:
    server: {server}
    certificate-authority-data: {_data("ca.crt")}
users:
- name: {name}
  user:
{credentials}
contexts:
- name: test
  context:
    cluster: test
    user: {name}
""")
    os.chmod(file, 0o600)
    return file
