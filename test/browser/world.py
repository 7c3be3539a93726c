# SPDX-License-Identifier: Apache-2.0
"""What a cluster has besides an API server: nodes, and what their daemons and Kubernetes' controllers write."""

import datetime
import threading

IPS = "/apis/barevip.dev/v1alpha1/namespaces/{}/ips"
POOLS = "/apis/barevip.dev/v1alpha1/pools"
SERVICES = "/api/v1/namespaces/{}/services"
LEASES = "/apis/coordination.k8s.io/v1/namespaces/barevip-system/leases"
SLICES = "/apis/discovery.k8s.io/v1/namespaces/{}/endpointslices"


class Daemons:
    """Renews the Leases of node daemons, as those do; `silence` lets one be as dead."""

    def __init__(self, api):
        self._api = api
        self._nodes: dict[str, dict] = {}
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._renew_all)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()

    def add(self, node, **annotations):
        """A node that is Ready, and its daemon. annotations: blocked, state."""
        self._api.create(
            "/api/v1/nodes",
            {
                "kind": "Node",
                "metadata": {"name": node},
                "status": {"conditions": [{"type": "Ready", "status": "True", "reason": "KubeletReady"}]},
            },
        )
        said = {"barevip.dev/bind-interface": "eth0", "barevip.dev/families": "4,6"}
        said |= {f"barevip.dev/{name}": value for name, value in annotations.items()}
        self._api.create(
            LEASES,
            {
                "kind": "Lease",
                "metadata": {
                    "name": f"barevip-node-{node}",
                    "labels": {"barevip.dev/node-lease": "elects-by-share"},
                    "annotations": said,
                },
                "spec": {"holderIdentity": node, "leaseDurationSeconds": 7, "renewTime": _now()},
            },
        )
        with self._lock:
            self._nodes[node] = {}

    def silence(self, node):
        with self._lock:
            del self._nodes[node]

    def _renew_all(self):
        while not self._stop.wait(2):
            with self._lock:
                for node in self._nodes:
                    self._api.patch(f"{LEASES}/barevip-node-{node}", {"spec": {"renewTime": _now()}})


def _now():
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def add_pool(api, name, *addresses):
    api.create(
        POOLS,
        {
            "apiVersion": "barevip.dev/v1alpha1",
            "kind": "Pool",
            "metadata": {"name": name},
            "spec": {"addresses": list(addresses)},
        },
    )


def add_service(api, namespace, name, pool, ports=(80,), **annotations):
    """pool: that the Service asks for; any text. annotations: more of barevip.dev."""
    api.create(
        SERVICES.format(namespace),
        {
            "kind": "Service",
            "metadata": {
                "name": name,
                "annotations": {"barevip.dev/pool": pool}
                | {f"barevip.dev/{key}": value for key, value in annotations.items()},
            },
            "spec": {
                "type": "LoadBalancer",
                "allocateLoadBalancerNodePorts": False,
                "selector": {"app": name},
                "ports": [{"name": f"port-{port}", "port": port, "targetPort": 8080} for port in ports],
            },
        },
    )


def add_endpoints(api, namespace, service, endpoints, ports=(80,)):
    """endpoints: address -> node."""
    api.create(
        SLICES.format(namespace),
        {
            "kind": "EndpointSlice",
            "metadata": {
                "name": f"{service}-1",
                "labels": {
                    "kubernetes.io/service-name": service,
                    "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
                },
            },
            "addressType": "IPv4",
            "ports": [{"name": f"port-{port}", "port": 8080, "protocol": "TCP"} for port in ports],
            "endpoints": [
                {"addresses": [address], "nodeName": node, "conditions": {"ready": True}}
                for address, node in endpoints.items()
            ],
        },
    )


def record_of(api, namespace, service):
    """The IP object of a Service that is bound; None: there is none yet."""
    for item in api.get(IPS.format(namespace))["items"]:
        owners = [owner["name"] for owner in item["metadata"].get("ownerReferences", [])]
        if owners == [service] and item.get("status", {}).get("phase") == "Bound":
            return item
    return None


def announce(api, namespace, service, node):
    """What the daemon of that node writes when it announces the address."""
    name = record_of(api, namespace, service)["metadata"]["name"]
    api.patch(f"{IPS.format(namespace)}/{name}/status", {"status": {"node": node}})
