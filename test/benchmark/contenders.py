# SPDX-License-Identifier: Apache-2.0
"""Who gives addresses to Services: barevip's operator and MetalLB's controller, each as it is installed."""

from lab import barevip, binaries, control_plane, network, pki, processes, settings

from . import programs

# The same addresses for everybody, more than there are Services.
_ADDRESSES = "10.200.0.0/16"
_NAMESPACE = "bench"
_METALLB_NAMESPACE = "metallb-system"


def token_kubeconfig(account, namespace):
    """Kubeconfig of a service account: a pod has a token, which costs the server less than a certificate does."""
    token = control_plane.kubectl("-n", namespace, "create", "token", account, "--duration=24h").strip()
    return pki.create_token_kubeconfig(account, token)


def administrator():
    """Kubeconfig of a service account that may do everything; its namespace is that of the Services."""
    control_plane.kubectl("create", "namespace", _NAMESPACE)
    control_plane.kubectl("-n", _NAMESPACE, "create", "serviceaccount", "administrator")
    control_plane.kubectl("create", "clusterrolebinding", "bench", "--clusterrole=cluster-admin",
                          f"--serviceaccount={_NAMESPACE}:administrator")
    return token_kubeconfig("administrator", _NAMESPACE)


class Barevip:
    """The operator as deployed: with leader election and the rights of its service account."""

    name = "barevip"
    plural = "pools"
    pool = {"apiVersion": "barevip.dev/v1alpha1", "kind": "Pool", "metadata": {"name": "bench"},
            "spec": {"addresses": [_ADDRESSES]}}

    @staticmethod
    def install():
        barevip.install_objects()

    def start(self, _administrator_kubeconfig):
        kubeconfig = token_kubeconfig("barevip-operator", barevip.NAMESPACE)
        processes.start(self.name, network.inside(settings.LAN, [
            programs.OPERATOR, "--leader-elect", f"--kubeconfig={kubeconfig}"]))


class MetalLb:
    """The controller without its webhook, which takes no part in giving addresses, and with every right."""

    name = "metallb"
    plural = "ipaddresspools"
    pool = {"apiVersion": "metallb.io/v1beta1", "kind": "IPAddressPool",
            "metadata": {"name": "bench", "namespace": _METALLB_NAMESPACE}, "spec": {"addresses": [_ADDRESSES]}}

    @staticmethod
    def install():
        control_plane.kubectl("create", "namespace", _METALLB_NAMESPACE)
        control_plane.kubectl("apply", "-f", binaries.METALLB_CRDS)

    def start(self, administrator_kubeconfig):
        processes.start(self.name, network.inside(settings.LAN, [
            binaries.METALLB_CONTROLLER, f"--kubeconfig={administrator_kubeconfig}",
            f"--namespace={_METALLB_NAMESPACE}", "--webhook-mode=disabled"]))
