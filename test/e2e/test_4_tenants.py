# SPDX-License-Identifier: Apache-2.0
"""What tenants cannot write, whatever a role of their namespace allows, and which Pools are refused."""

import json

from e2e import harness as h
from e2e.case import ClusterTest

CONDITION = "barevip.dev/AddressAssigned"
FINALIZER = "barevip.dev/in-use"
IN_USE = "barevip.dev/delete-in-use"


def role(kind, name, namespace, *rules):
    """A role and its binding to the user of the same name."""
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    group = "rbac.authorization.k8s.io"
    return [
        {"apiVersion": f"{group}/v1", "kind": kind, "metadata": metadata, "rules": list(rules)},
        {
            "apiVersion": f"{group}/v1",
            "kind": f"{kind}Binding",
            "metadata": metadata,
            "roleRef": {"apiGroup": group, "kind": kind, "name": name},
            "subjects": [{"apiGroup": group, "kind": "User", "name": name}],
        },
    ]


class Tenants(ClusterTest):
    """The tenant may do everything in its namespace, the owner of Pools what the role barevip-admin allows."""

    def prepare(self):
        super().prepare()
        self.tenant, self.owner_of_pools, self.backup = (f"{self.ns}-{who}" for who in ("tenant", "pools", "backup"))
        everything = {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}
        statuses = [
            {"apiGroups": [""], "resources": ["services/status"], "verbs": ["get", "patch"]},
            {"apiGroups": ["barevip.dev"], "resources": ["ips/status", "pools/status"], "verbs": ["get", "patch"]},
        ]
        self.make(
            *role("Role", self.tenant, self.ns, everything),
            *role("ClusterRole", self.owner_of_pools, "", *h.get("clusterrole", "barevip-admin")["rules"]),
            *role("ClusterRole", self.backup, "", *statuses),
        )
        self.pool = self.make_pool("10.99.0.128/29")
        h.apply(h.service("web", namespace=self.ns))
        self.address = h.wait_for_addresses("web", 1, self.ns)[0]
        h.wait_for("the condition", lambda: CONDITION in self.conditions("web"))

    def make(self, *objects):
        for made in objects:
            h.kubectl("apply", "-f", "-", text=json.dumps(made))
            kind, metadata = made["kind"].lower(), made["metadata"]
            self.addCleanup(h.kubectl, "delete", kind, metadata["name"], "-n", metadata.get("namespace", "default"))

    def said(self, user, *arguments, **kwargs):
        """What kubectl prints to that user, success or not."""
        return h.kubectl(*arguments, f"--as={user}", check=False, everything=True, **kwargs)

    def patch(self, user, kind, name, change, *arguments):
        namespace = [] if kind == "pool" else ["-n", self.ns]
        return self.said(user, "patch", kind, name, *namespace, "--type=merge", "-p", json.dumps(change), *arguments)

    def write_status(self, user, **status):
        return self.patch(user, "service", "web", {"status": status}, "--subresource=status")

    def test_a_tenant_writes_neither_a_condition_of_barevip_nor_an_address_under_it(self):
        ours = self.conditions("web")[CONDITION]
        for what, conditions in {
            "changed": [{**ours, "message": "another"}],
            "removed": [],
            "added": [ours, {**ours, "type": "barevip.dev/Another"}],
        }.items():
            with self.subTest(what):
                self.assertIn(
                    f'are written by barevip, not by "{self.tenant}"',
                    self.write_status(self.tenant, conditions=conditions),
                )
        self.assertIn(
            f'status.loadBalancer of Service "{self.ns}/web" is written by barevip',
            self.write_status(self.tenant, loadBalancer={"ingress": [{"ip": "10.99.0.135"}]}),
        )
        self.assertEqual([self.address], h.addresses("web", self.ns))

    def test_a_tenant_writes_conditions_of_its_own_and_addresses_where_barevip_wrote_none(self):
        ours = self.conditions("web")[CONDITION]
        own = {**ours, "type": "tenant.example/Checked"}
        self.assertIn("patched", self.write_status(self.tenant, conditions=[own, ours]))
        extra = "loadBalancerClass: tenant.example/own"
        h.apply(h.service("other", namespace=self.ns, extra=extra))
        change = {"status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}}
        self.assertIn("patched", self.patch(self.tenant, "service", "other", change, "--subresource=status"))

    def test_who_may_write_statuses_in_the_whole_cluster_restores_a_condition(self):
        other = {**self.conditions("web")[CONDITION], "message": "from a backup"}
        self.assertIn("patched", self.write_status(self.backup, conditions=[other]))
        h.wait_for("the repair", lambda: self.conditions("web")[CONDITION]["message"] != "from a backup")

    def test_a_tenant_writes_no_status_of_an_ip_object(self):
        record = h.objects("ips", "-n", self.ns)[0]["metadata"]["name"]
        change = {"status": {"phase": "Bound", "address": "10.99.0.135"}}
        self.assertIn(
            f'The status of IP "{self.ns}/{record}" is written by barevip, not by "{self.tenant}"',
            self.patch(self.tenant, "ip", record, change, "--subresource=status"),
        )

    def test_the_finalizer_of_a_pool_is_removed_neither_by_its_owner_nor_with_it(self):
        h.wait_for("the finalizer", lambda: FINALIZER in h.get("pool", self.pool)["metadata"].get("finalizers", []))
        refusal = f'not by "{self.owner_of_pools}"'
        change = {"metadata": {"finalizers": None}}
        self.assertIn(refusal, self.patch(self.owner_of_pools, "pool", self.pool, change))
        whole = h.pool(self.pool, "10.99.0.128/29", namespaces=[self.ns])
        self.assertIn(refusal, self.said(self.owner_of_pools, "replace", "-f", "-", text=whole))
        self.assertIn(
            "configured", self.said(self.owner_of_pools, "apply", "-f", "-", text=whole.replace("/29", "/28"))
        )

    def test_a_pool_in_use_is_deleted_with_the_annotation_only(self):
        h.wait_for("the count", lambda: h.get("pool", self.pool)["status"]["inUse"] == "1")
        every, delete = "/apis/barevip.dev/v1alpha1/pools", ("delete", "pool", self.pool, "--wait=false")
        for what, arguments in {
            "kubectl": delete,
            "all": ("delete", "--raw", f"{every}?fieldSelector=metadata.name={self.pool}"),
        }.items():
            with self.subTest(what):
                said = self.said(self.owner_of_pools, *arguments)
                self.assertIn(f'Pool "{self.pool}" is not deleted, because that cannot be undone', said)
                self.assertIn(f"annotate the Pool with {IN_USE}=true", said)
        self.assertNotIn("deletionTimestamp", h.get("pool", self.pool)["metadata"])
        self.said(self.owner_of_pools, "annotate", "pool", self.pool, f"{IN_USE}=true")
        self.assertIn("deleted", self.said(self.owner_of_pools, *delete))
        h.kubectl("delete", "service", "web", "-n", self.ns)
        self.wait_until_gone(self.pool)

    def test_a_pool_whose_entries_overlap_is_refused(self):
        for entries in (
            ("10.99.1.0/29", "10.99.1.4"),
            ("10.99.1.1-10.99.1.9", "10.99.1.9-10.99.1.12"),
            ("fd99::300/120", "fd99::3ff"),
        ):
            with self.subTest(entries):
                said = self.said(self.owner_of_pools, "create", "-f", "-", text=h.pool(f"{self.ns}-twice", *entries))
                self.assertIn(f"Two entries of spec.addresses have {entries[1].split('-')[0]}", said)
