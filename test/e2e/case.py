# SPDX-License-Identifier: Apache-2.0
"""The base of the cluster tests: which cluster they run on, and a namespace and Pool of their own."""

import itertools
import unittest

from e2e import harness as h

_numbers = itertools.count(1)
_current = None


def ensure_cluster(proxy, nodes, installed):
    """Ensures a fresh cluster of this kind, with barevip if installed; consecutive tests of one kind share it."""
    global _current
    if _current == (proxy, nodes, installed):
        return
    h.cluster("down", check=False)
    _current = None
    h.cluster("up", "--nodes", str(nodes), "--proxy", proxy, *([] if installed else ["--without-barevip"]), show=True)
    _current = (proxy, nodes, installed)


def make_namespace():
    """A new namespace; returns its name."""
    name = f"t{next(_numbers)}"
    h.kubectl("create", "namespace", name)
    return name


def remove_namespace(name):
    """Does not wait: pods end while the next test begins."""
    h.kubectl("delete", "namespace", name, "--wait=false", check=False)


class ClusterTest(unittest.TestCase):
    """One cluster by class; one namespace by test. What a test made frees its addresses before the next one begins."""

    proxy = "iptables"
    nodes = 3
    installed = True
    refuses = False  # whether tests of this class make the API server refuse what roles allow: by a quota or a policy
    restarts_server = False  # a server that starts refuses what roles allow until it has read them
    longMessage = True
    audited: int  # where the audit log ended before the first test
    ns: str

    @classmethod
    def setUpClass(cls):
        ensure_cluster(cls.proxy, cls.nodes, cls.installed)
        cls.audited = h.audit()[1]
        cls.addClassCleanup(cls._assert_that_rights_suffice)

    @classmethod
    def _assert_that_rights_suffice(cls):
        """Whatever the tests of a class did, barevip asked for nothing that its rights do not allow."""
        refused = [
            r
            for r in h.audit(cls.audited)[0]
            if r["code"] == 403
            and "terminat" not in r["why"]
            and not (cls.refuses if r["allowed"] else cls.restarts_server)
        ]
        if refused:
            raise AssertionError(f"refused by the API server: {refused}")
        said = h.kubectl(
            "logs",
            "-n",
            h.SYSTEM,
            "-l",
            "app.kubernetes.io/part-of=barevip",
            "--all-containers",
            "--tail=-1",
            "--ignore-errors",
            check=False,
        )
        denied = [
            line for line in said.splitlines() if "Operation not permitted" in line or "Permission denied" in line
        ]
        if denied:
            raise AssertionError(f"refused by a kernel: {denied}")

    def setUp(self):
        self.ns = make_namespace()
        self.addCleanup(remove_namespace, self.ns)
        self.prepare()

    def prepare(self):
        """What each test needs once it has its namespace, self.ns."""
        self.pools = []
        self.addCleanup(self._free_addresses)

    def _free_addresses(self):
        for name in self.pools:
            h.delete_pool(name, "--wait=false", check=False)
        h.kubectl("delete", "services,ips", "--all", "-n", self.ns, "--timeout=60s", check=False)
        for name in self.pools:
            self.wait_until_gone(name)

    @staticmethod
    def wait_until_gone(pool):
        h.wait_for(f"Pool {pool} to go", lambda: not h.objects("pools", f"--field-selector=metadata.name={pool}"))

    def make_pool(self, *entries, name=None, **spec):
        """A Pool for this test's namespace alone."""
        name = name or f"{self.ns}-{next(_numbers)}"
        h.kubectl("apply", "-f", "-", text=h.pool(name, *entries, namespaces=[self.ns], **spec))
        self.pools.append(name)
        return name

    def make_service(self, name="web", addresses=1, **kwargs):
        """A Service that has its addresses and answers on each."""
        h.apply(h.service(name, namespace=self.ns, **kwargs))
        found = h.wait_for_addresses(name, addresses, self.ns)
        for address in found:
            h.wait_for(f"an answer from {address}", lambda a=address: h.answers(a))
        return found

    def owner(self, address):
        return h.wait_for_owner(address, self.ns)

    def conditions(self, service):
        status = h.get("service", service, self.ns)["status"]
        return {c["type"]: c for c in status.get("conditions", [])}


class TrafficTest(ClusterTest):
    """The tests of one class share a namespace and the pods of the Deployment web, which spread over the nodes."""

    replicas = 3

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.ns = make_namespace()
        cls.addClassCleanup(remove_namespace, cls.ns)
        h.apply(h.backend("web", cls.replicas, cls.ns))
        h.rollout("deployment", "web", cls.ns)

    def setUp(self):
        self.prepare()

    def _free_addresses(self):
        super()._free_addresses()
        # The next test's Service may have the same name.
        h.wait_for("no EndpointSlice", lambda: not h.objects("endpointslices", "-n", self.ns))

    def make_backend(self, name, replicas, **kwargs):
        """Pods of this test's own."""
        h.apply(h.backend(name, replicas, self.ns, **kwargs))
        self.addCleanup(h.kubectl, "delete", "deployment", name, "-n", self.ns, "--wait=false")
        h.rollout("deployment", name, self.ns)

    def ask_from_pod(self, pod, address, kind="tcp", count=1):
        """The answers, a line each, that a backend pod gets from port 80 of an address, until one is missing."""
        return h.kubectl(
            "exec", "-n", self.ns, pod, "--", "/backend", "ask", kind, address, "80", str(count), check=False
        ).splitlines()

    @staticmethod
    def port_state(address, port):
        """open or closed, as the LAN's client finds a TCP port."""
        code = (
            "import socket,sys\ntry: socket.create_connection((sys.argv[1], int(sys.argv[2])), 3); print('open')\n"
            "except OSError as e: print('closed')"
        )
        return h.client("python3", "-c", code, address, str(port)).strip()

    def assert_that_external_ips_take_no_vip(self):
        """A Service of another namespace that names VIPs in spec.externalIPs gets none of their traffic."""
        found = self.make_service(families="RequireDualStack", addresses=2)
        other = make_namespace()
        self.addCleanup(remove_namespace, other)
        h.apply(h.backend("taker", 1, other))
        h.rollout("deployment", "taker", other)
        theirs = "10.99.0.150"  # in no Pool
        addresses = ", ".join(f'"{a}"' for a in [theirs, *found])
        h.apply(
            h.service("taker", namespace=other, families="RequireDualStack", extra=f"externalIPs: [{addresses}]")
            .replace("LoadBalancer", "ClusterIP")
            .replace("externalTrafficPolicy: Cluster", "")
        )
        nodes = [n["metadata"]["name"] for n in h.objects("nodes")]
        for node in nodes:
            h.wait_for(
                f"kube-proxy of {node} to know the Service",
                lambda n=node: h.requests("tcp", theirs, 80, 1, via=lambda *c: h.on_node(n, *c))["failed"] == 0,
            )
        for address in found:
            for kind in ("tcp", "udp"):
                for source in ("outside", *nodes):
                    with self.subTest(address=address, kind=kind, source=source):
                        via = h.client if source == "outside" else lambda *c, n=source: h.on_node(n, *c)
                        report = h.requests(kind, address, 80, 8, via=via)
                        self.assertEqual(0, report["failed"], report["failures"])
                        self.assertEqual([], [p for p in report["pods"] if not p.startswith("web-")])
                for pod in h.pods("app=web", self.ns):
                    with self.subTest(address=address, kind=kind, source=pod["metadata"]["name"]):
                        answers = self.ask_from_pod(pod["metadata"]["name"], address, kind, count=3)
                        self.assertEqual(3, sum(a.startswith("pod=web-") for a in answers), answers)
        h.wait_for(
            "who names it", lambda: f"Service {other}/taker (externalIPs)" in h.kubectl("get", "pools", "-o", "yaml")
        )

    def assert_both_policies_serve_from_everywhere(self):
        """A dual-stack Service of each policy on the backend web answers the LAN, two nodes and its own pods."""
        for policy in ("Cluster", "Local"):
            found = self.make_service(
                name=policy.lower(), app="web", policy=policy, families="RequireDualStack", addresses=2
            )
            for address in found:
                for kind in ("tcp", "udp"):
                    with self.subTest(policy=policy, address=address, kind=kind):
                        report = h.requests(kind, address, 80, 10)
                        self.assertEqual(0, report["failed"], report["failures"])
                        if policy == "Local":
                            self.assertEqual([h.CLIENT_ADDRESS[6 if ":" in address else 4]], list(report["clients"]))
                for node in ("node1", "node2"):
                    with self.subTest(policy=policy, address=address, source=node):
                        report = h.requests("tcp", address, 80, 4, via=lambda *c, n=node: h.on_node(n, *c))
                        self.assertEqual(0, report["failed"], report["failures"])
                for pod in h.pods("app=web", self.ns):
                    with self.subTest(policy=policy, address=address, source=pod["metadata"]["name"]):
                        answers = self.ask_from_pod(pod["metadata"]["name"], address, count=3)
                        self.assertEqual(3, sum(a.startswith("pod=web-") for a in answers), answers)
