# SPDX-License-Identifier: Apache-2.0
"""What barevip is allowed: enough for everything that it does, and nothing besides."""

import contextlib
import json

from e2e import harness as h
from e2e.case import TrafficTest
from e2e.rights import asked, grants, without

OPERATOR, NODE = "barevip-operator", "barevip-node"
EXCLUDED = "node.kubernetes.io/exclude-from-external-load-balancers"
# What an API server is asked that streams no lists: the daemon's lists, and the operator's of nodes and ServiceCIDRs.
PAGES = "ReflectorTest.FillsTheStoreAndFollowsChanges/InPages"
# Asked for only then, or when a connection breaks or a watch is behind; the unit test that shows it.
RARE = {
    (OPERATOR, "get", "ips"): "ServiceReconcilerTest.ACreateThatReachedTheServerTwiceIsOurs",
    (OPERATOR, "get", "namespaces"): "ServiceLifeTest.ANamespaceThatTheWatchDoesNotShowYetDecidesAboutThePool",
    **{(OPERATOR, "list", kind): PAGES for kind in ("nodes", "servicecidrs")},
    **{(NODE, "list", kind): PAGES for kind in ("endpointslices", "ips", "leases", "nodes", "pools", "services")},
}


def roles_of(account):
    """The roles that are bound to one of barevip's accounts, as (kind, name, namespace)."""
    found = []
    for binding in h.objects("clusterrolebindings") + h.objects("rolebindings", "-A"):
        if {"kind": "ServiceAccount", "name": account, "namespace": h.SYSTEM} in binding.get("subjects", []):
            reference = binding["roleRef"]
            found.append(
                (reference["kind"].lower(), reference["name"], binding["metadata"].get("namespace", "default"))
            )
    return found


class Privileges(TrafficTest):
    replicas = 2
    refuses = True

    def prepare(self):
        super().prepare()
        self.pool = self.make_pool("10.99.0.128/29", "fd99::200/120")

    def exercise(self):
        """Makes barevip do each thing that takes a right."""
        self.make_service(families="RequireDualStack", addresses=2)
        h.apply(
            "{apiVersion: barevip.dev/v1alpha1, kind: IP, "
            f"metadata: {{name: kept, namespace: {self.ns}}}, spec: {{}}}}"
        )
        h.wait_for("the reservation", lambda: h.get("ip", "kept", self.ns).get("status", {}).get("phase") == "Bound")
        for _ in range(2):
            h.kubectl("annotate", "service", "web", "-n", self.ns, "barevip.dev/address=nonsense", "--overwrite")
            h.wait_for("a refusal", lambda: "BadRequest" in json.dumps(self.conditions("web")))
            h.kubectl("annotate", "service", "web", "-n", self.ns, "barevip.dev/address-")
            h.wait_for("its end", lambda: "BadRequest" not in json.dumps(self.conditions("web")))
        self.wait_for_repetition("BadRequest")
        h.kubectl("annotate", "service", "web", "-n", self.ns, "barevip.dev/share=together")
        h.wait_for("the key in the record", lambda: "together" in json.dumps(h.objects("ips", "-n", self.ns)))
        address = "10.99.0.134"  # the record of the one before it goes
        h.kubectl("annotate", "service", "web", "-n", self.ns, f"barevip.dev/address={address},fd99::207")
        h.wait_for("the move", lambda: address in h.addresses("web", self.ns))
        # Leases are made where they are missing.
        h.kubectl("scale", f"deployment/{OPERATOR}", "-n", h.SYSTEM, "--replicas=0")
        h.wait_for("no operator", lambda: not h.pods(f"app.kubernetes.io/name={OPERATOR}", h.SYSTEM))
        h.kubectl("delete", "leases", "-n", h.SYSTEM, "--all")
        h.kubectl("scale", f"deployment/{OPERATOR}", "-n", h.SYSTEM, "--replicas=2")
        h.kubectl("rollout", "restart", f"daemonset/{NODE}", "-n", h.SYSTEM)
        h.rollout("deployment", OPERATOR, h.SYSTEM)
        h.rollout("daemonset", NODE, h.SYSTEM)
        for node in (n["metadata"] for n in h.objects("nodes")):
            h.wait_for(
                f"a Lease that goes with {node['name']}",
                lambda n=node: (
                    n["uid"]
                    in json.dumps(
                        h.objects("leases", "-n", h.SYSTEM, f"--field-selector=metadata.name={NODE}-{n['name']}")
                    )
                ),
            )
        for _ in range(4):
            node = h.wait_for_owner(address, self.ns)
            h.kubectl("label", "node", node, f"{EXCLUDED}=")
            self.addCleanup(h.kubectl, "label", "node", node, f"{EXCLUDED}-")
            h.wait_for_owner(address, self.ns, other_than=node)
            h.kubectl("label", "node", node, f"{EXCLUDED}-")
        self.wait_for_repetition("Announced")
        self._free_addresses()

    def wait_for_repetition(self, reason):
        """What is said again is counted in the event that is there."""
        h.wait_for(
            f"an event {reason} that was counted",
            lambda: any(
                e["reason"] == reason and e.get("series") for e in h.objects("events.events.k8s.io", "-n", self.ns)
            ),
        )

    def test_each_right_is_needed_and_without_it_a_request_of_barevip_is_refused(self):
        self.exercise()
        made = h.audit(self.audited)[0]
        # What was refused up to here is an error, what is refused from here on is the aim.
        self._assert_that_rights_suffice()
        self.addCleanup(lambda: setattr(type(self), "audited", h.audit()[1]))
        for account in (OPERATOR, NODE):
            for kind, name, namespace in roles_of(account):
                role = h.get(kind, name, namespace)
                for grant in grants(role):
                    _, group, resource, verb, only = grant
                    with self.subTest(role=name, group=group, resource=resource, verb=verb):
                        self.assertTrue(
                            asked(made, account, group, resource, verb, only) or (account, verb, resource) in RARE,
                            "nothing asks for it: take it out of the role",
                        )
                        with self.changed(role, without(role, grant)):
                            h.wait_for(
                                "the refusal", lambda: not self.may(account, verb, group, resource, only, namespace), 10
                            )

    @contextlib.contextmanager
    def changed(self, role, other):
        """A role is another one while the block runs."""
        kept = {
            "apiVersion": role["apiVersion"],
            "kind": role["kind"],
            "metadata": {
                k: v for k, v in role["metadata"].items() if k in ("name", "namespace", "labels", "annotations")
            },
        }
        h.kubectl("replace", "-f", "-", text=json.dumps({**kept, "rules": other["rules"]}))
        try:
            yield
        finally:
            h.kubectl("replace", "-f", "-", text=json.dumps({**kept, "rules": role["rules"]}))

    @staticmethod
    def may(account, verb, group, resource, name, namespace):
        """What the API server's authorizer says, asked by its administrator."""
        main, _, subresource = resource.partition("/")
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SubjectAccessReview",
            "spec": {
                "user": f"system:serviceaccount:{h.SYSTEM}:{account}",
                "groups": ["system:serviceaccounts", f"system:serviceaccounts:{h.SYSTEM}", "system:authenticated"],
                "resourceAttributes": {
                    "namespace": namespace,
                    "verb": verb,
                    "group": group,
                    "resource": main,
                    "subresource": subresource,
                    "name": name,
                },
            },
        }
        return json.loads(h.kubectl("create", "-f", "-", "-o", "json", text=json.dumps(review)))["status"]["allowed"]

    def test_the_daemon_of_a_node_writes_its_own_lease_alone(self):
        def touch(lease):
            return h.patch_as(
                NODE,
                "node1",
                f"apis/coordination.k8s.io/v1/namespaces/{h.SYSTEM}/leases/{lease}",
                {"metadata": {"annotations": {"test": "touched"}}},
            )

        self.assertEqual("Lease", touch("barevip-node-node1")["kind"])
        for lease in ("barevip-node-node2", OPERATOR):
            with self.subTest(lease=lease):
                self.assertIn(
                    f'daemon of node "node1" may write the Lease "barevip-node-node1" alone, not "{lease}"',
                    touch(lease)["message"],
                )

    def test_the_daemon_of_a_node_writes_its_own_name_alone_into_the_status_of_an_ip_object(self):
        address = self.make_service()[0]
        owner = h.wait_for_owner(address, self.ns)
        other = "node1" if owner == "node2" else "node2"
        ip = next(i["metadata"]["name"] for i in h.objects("ips", "-n", self.ns) if i["status"]["address"] == address)

        def write(as_node, **status):
            return h.patch_as(
                NODE, as_node, f"apis/barevip.dev/v1alpha1/namespaces/{self.ns}/ips/{ip}/status", {"status": status}
            )

        self.assertIn(f'not change "{owner}" to "node9"', write(owner, node="node9")["message"])
        self.assertIn(f'not change "{owner}" to "{other}"', write(owner, node=other)["message"])
        self.assertIn(f'not change "{owner}" to ""', write(other, node=None)["message"])
        self.assertIn("may write the field node and the condition", write(owner, address="10.99.0.135")["message"])
        self.assertIn("may write the field node and the condition", write(owner, services=["another"])["message"])
        self.assertIn("may write the field node and the condition", write(owner, observedGeneration=99)["message"])
        self.assertIn("may write the condition Announced", write(owner, conditions=[])["message"])
        self.assertEqual("IP", write(owner, node=owner)["kind"])

    def test_the_operators_pod_meets_the_restricted_pod_security_standard(self):
        namespace = f"{self.ns}-restricted"
        h.apply(
            f"{{apiVersion: v1, kind: Namespace, metadata: {{name: {namespace}, "
            "labels: {pod-security.kubernetes.io/enforce: restricted}}}"
        )
        self.addCleanup(h.kubectl, "delete", "namespace", namespace, "--wait=false")
        h.wait_for("its service account", lambda: h.objects("serviceaccounts", "-n", namespace))
        template = h.get("deployment", OPERATOR, h.SYSTEM)["spec"]["template"]
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "operator", "namespace": namespace},
            "spec": {**template["spec"], "serviceAccountName": "default", "serviceAccount": "default"},
        }
        h.kubectl("create", "--dry-run=server", "-f", "-", text=json.dumps(pod))
