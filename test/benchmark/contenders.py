# SPDX-License-Identifier: Apache-2.0
"""Who gives addresses to Services: barevip's operator and MetalLB's controller, each as it is installed."""

from tools.lab import barevip, binaries, control_plane, network, processes, settings

from . import programs

# The same addresses for everybody, more than there are Services.
_ADDRESSES = "10.200.0.0/16"
_NAMESPACE = "bench"
_METALLB_NAMESPACE = "metallb-system"
MOST_OTHERS = 1000  # Pools beside the one that is measured: 64 addresses each


def _addresses_of_another(number):
    return f"10.{201 + number // 1024}.{number // 4 % 256}.{number % 4 * 64}/26"


def administrator():
    """Kubeconfig of a service account that may do everything; its namespace is that of the Services."""
    control_plane.kubectl("create", "namespace", _NAMESPACE)
    control_plane.kubectl("-n", _NAMESPACE, "create", "serviceaccount", "administrator")
    control_plane.kubectl(
        "create",
        "clusterrolebinding",
        "bench",
        "--clusterrole=cluster-admin",
        f"--serviceaccount={_NAMESPACE}:administrator",
    )
    return control_plane.token_kubeconfig("administrator", _NAMESPACE)


class Barevip:
    """The operator as deployed: with leader election and the rights of its service account."""

    name = "barevip"
    plural = "pools"

    @staticmethod
    def pool(name="bench", addresses=_ADDRESSES, **spec):
        return {
            "apiVersion": "barevip.dev/v1alpha1",
            "kind": "Pool",
            "metadata": {"name": name},
            "spec": {"addresses": [addresses], **spec},
        }

    def pool_of_another(self, number):
        """A Pool of a namespace that has no Service."""
        name = f"other-{number}"
        return self.pool(name, _addresses_of_another(number), namespaces=[name])

    @staticmethod
    def install():
        barevip.install_objects()

    def start(self, _administrator_kubeconfig):
        kubeconfig = control_plane.token_kubeconfig("barevip-operator", barevip.NAMESPACE)
        processes.start(
            self.name, network.inside(settings.LAN, [programs.OPERATOR, "--leader-elect", f"--kubeconfig={kubeconfig}"])
        )


class MetalLb:
    """The controller without its webhook, which takes no part in giving addresses, and with every right."""

    name = "metallb"
    plural = "ipaddresspools"

    @staticmethod
    def pool(name="bench", addresses=_ADDRESSES, **spec):
        return {
            "apiVersion": "metallb.io/v1beta1",
            "kind": "IPAddressPool",
            "metadata": {"name": name, "namespace": _METALLB_NAMESPACE},
            "spec": {"addresses": [addresses], **spec},
        }

    def pool_of_another(self, number):
        """A Pool of a namespace that has no Service."""
        name = f"other-{number}"
        return self.pool(name, _addresses_of_another(number), serviceAllocation={"namespaces": [name]})

    @staticmethod
    def install():
        control_plane.kubectl("create", "namespace", _METALLB_NAMESPACE)
        control_plane.kubectl("apply", "-f", binaries.METALLB_CRDS)

    def start(self, administrator_kubeconfig):
        processes.start(
            self.name,
            network.inside(
                settings.LAN,
                [
                    binaries.METALLB_CONTROLLER,
                    f"--kubeconfig={administrator_kubeconfig}",
                    f"--namespace={_METALLB_NAMESPACE}",
                    "--webhook-mode=disabled",
                ],
            ),
        )
