# SPDX-License-Identifier: Apache-2.0
"""What the pods and roles may do is what they need, whatever values are set."""

import re
import unittest

from manifests import rendering

OPERATOR, NODE = ("Deployment", "barevip-operator"), ("DaemonSet", "barevip-node")


def restricted_violations(pod):
    """What the level "restricted" of the Pod Security Standards refuses in a pod, one sentence each."""
    said = [f"{field} is set" for field in ("hostNetwork", "hostPID", "hostIPC") if pod.get(field)]
    of_pod = pod.get("securityContext", {})
    allowed = {
        "configMap",
        "csi",
        "downwardAPI",
        "emptyDir",
        "ephemeral",
        "persistentVolumeClaim",
        "projected",
        "secret",
    }
    for volume in pod.get("volumes", []):
        said += [f"volume {volume['name']} is a {kind}" for kind in volume.keys() - {"name"} - allowed]
    if of_pod.get("sysctls"):
        said.append("sysctls are set")
    for container in pod.get("initContainers", []) + pod["containers"]:
        name, own = container["name"], container.get("securityContext", {})
        merged = {**of_pod, **own}
        if own.get("privileged"):
            said.append(f"{name} is privileged")
        if own.get("allowPrivilegeEscalation") is not False:
            said.append(f"{name} may gain privileges")
        if merged.get("runAsNonRoot") is not True:
            said.append(f"{name} may run as root")
        if merged.get("runAsUser") == 0:
            said.append(f"{name} runs as user 0")
        if merged.get("seccompProfile", {}).get("type") not in ("RuntimeDefault", "Localhost"):
            said.append(f"{name} has no seccomp profile")
        capabilities = own.get("capabilities", {})
        if "ALL" not in capabilities.get("drop", []):
            said.append(f"{name} keeps capabilities")
        if set(capabilities.get("add", [])) - {"NET_BIND_SERVICE"}:
            said.append(f"{name} adds capabilities")
        if own.get("procMount", "Default") != "Default":
            said.append(f"{name} unmasks /proc")
        said += [f"{name} has the host port {p['hostPort']}" for p in container.get("ports", []) if p.get("hostPort")]
    return said


class PodSecurity(unittest.TestCase):
    def test_the_operator_satisfies_restricted_with_each_values_file_of_the_matrix(self):
        for name, file in rendering.values_files().items():
            with self.subTest(name):
                pod = rendering.pod_of(rendering.template(f"--values={file}"), *OPERATOR)
                self.assertEqual(restricted_violations(pod), [])
                self.assertTrue(pod["containers"][0]["securityContext"]["readOnlyRootFilesystem"])

    def test_the_node_daemon_departs_from_restricted_only_by_what_its_work_takes(self):
        pod = rendering.pod_of(rendering.template(), *NODE)
        self.assertEqual(
            sorted(v for v in restricted_violations(pod) if not v.startswith(("init ", "volume "))),
            ["hostNetwork is set", "node adds capabilities", "node may gain privileges", "node may run as root"],
        )
        daemon = pod["containers"][0]
        self.assertEqual(
            daemon["securityContext"]["capabilities"], {"drop": ["ALL"], "add": ["NET_ADMIN", "NET_RAW", "SYS_ADMIN"]}
        )
        self.assertEqual(daemon["securityContext"]["seccompProfile"], {"type": "RuntimeDefault"})
        self.assertEqual({m["mountPath"] for m in daemon["volumeMounts"]}, {"/run/barevip", "/run/xtables.lock"})

    def test_the_check_itself_finds_each_violation(self):
        pod = rendering.pod_of(rendering.template(), *NODE)
        found = "\n".join(restricted_violations(pod))
        for words in (
            "hostNetwork is set",
            "init is privileged",
            "init may run as root",
            "init has no seccomp profile",
            "init keeps capabilities",
            "node adds capabilities",
            "volume run is a hostPath",
        ):
            self.assertIn(words, found)


class Roles(unittest.TestCase):
    def rules(self, name):
        return {
            (resource, verb)
            for rule in rendering.find(rendering.template(), "ClusterRole", name)["rules"]
            for resource in rule["resources"]
            for verb in rule["verbs"]
        }

    def labels(self, name):
        found = rendering.find(rendering.template(), "ClusterRole", name)["metadata"]["labels"]
        return {label for label in found if label.startswith("rbac.authorization.k8s.io/")}

    def test_who_views_a_namespace_reads_and_who_edits_it_reserves_addresses(self):
        self.assertEqual(self.labels("barevip-view"), {"rbac.authorization.k8s.io/aggregate-to-view"})
        self.assertEqual({verb for _, verb in self.rules("barevip-view")}, {"get", "list", "watch"})
        self.assertEqual(self.labels("barevip-edit"), {"rbac.authorization.k8s.io/aggregate-to-edit"})
        self.assertEqual({resource for resource, _ in self.rules("barevip-edit")}, {"ips"})

    def test_no_role_of_kubernetes_gets_to_write_pools(self):
        self.assertEqual(self.labels("barevip-admin"), set())
        self.assertIn(("pools", "create"), self.rules("barevip-admin"))
        for name in ("barevip-view", "barevip-edit"):
            self.assertEqual(
                [
                    verb
                    for resource, verb in self.rules(name)
                    if resource == "pools" and verb not in ("get", "list", "watch")
                ],
                [],
            )

    def test_the_operator_writes_the_lease_where_it_is_told_to_be_and_nowhere_else(self):
        rendered = rendering.template(
            "--set=operator.leaderElection.leaseNamespace=lease", "--set=operator.leaderElection.leaseName=lead"
        )
        for kind in ("Role", "RoleBinding"):
            self.assertEqual(rendering.find(rendered, kind, "barevip-operator")["metadata"]["namespace"], "lease")
            self.assertEqual(rendering.find(rendered, kind, "barevip-node")["metadata"]["namespace"], "barevip-system")
        names = [
            rule["resourceNames"]
            for rule in rendering.find(rendered, "Role", "barevip-operator")["rules"]
            if "resourceNames" in rule
        ]
        self.assertEqual(names, [["lead"]])


class StatusOfAnIp(unittest.TestCase):
    def test_the_node_daemon_may_change_no_field_but_its_own_name_and_the_conditions(self):
        policy = rendering.find(rendering.template(), "ValidatingAdmissionPolicy", "barevip-node-ip-status")
        rule = next(each["expression"] for each in policy["spec"]["validations"] if ".all(field" in each["expression"])
        (crd,) = rendering.read_yaml("crds", "ip.yaml")
        fields = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["status"]["properties"]
        self.assertEqual(
            set(re.findall(r"'(\w+)'", rule.split(".all(field")[0])), fields.keys() - {"node", "conditions"}
        )


class Tenants(unittest.TestCase):
    """What RBAC of a namespace may allow, policies refuse."""

    POLICIES = {
        "barevip-ip-status",
        "barevip-node-ip-status",
        "barevip-node-leases",
        "barevip-pool-deletion",
        "barevip-pool-entries",
        "barevip-pool-finalizer",
        "barevip-service-status",
    }

    @staticmethod
    def policy(name, rendered=None):
        return rendering.find(rendered or rendering.template(), "ValidatingAdmissionPolicy", name)["spec"]

    @staticmethod
    def rights(role):
        rules = rendering.find(rendering.template(), "ClusterRole", role)["rules"]
        return {f"{verb} {resource}" for rule in rules for resource in rule["resources"] for verb in rule["verbs"]}

    def test_each_policy_is_bound_and_denies_unless_the_value_leaves_them_out(self):
        rendered = rendering.template()
        kinds = ("ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding")
        for kind in kinds:
            self.assertEqual({o["metadata"]["name"] for o in rendered if o["kind"] == kind}, self.POLICIES)
        for name in self.POLICIES:
            bound = rendering.find(rendered, kinds[1], name)["spec"]
            self.assertEqual(bound, {"policyName": name, "validationActions": ["Deny"]})
        without = rendering.template("--set=admissionPolicies.enabled=false")
        self.assertEqual([o for o in without if o["kind"] in kinds], [])

    def test_what_barevip_trusts_is_closed_if_a_policy_cannot_be_evaluated(self):
        for name in self.POLICIES - {"barevip-pool-entries"}:
            self.assertEqual(self.policy(name)["failurePolicy"], "Fail", name)

    def test_statuses_of_other_services_and_pools_pass_a_policy_unread(self):
        for name in ("barevip-service-status", "barevip-pool-finalizer", "barevip-pool-deletion"):
            self.assertTrue(self.policy(name)["matchConditions"], name)

    def test_the_programs_have_the_rights_that_the_policies_ask_for_and_users_of_a_namespace_do_not(self):
        asked = set()
        for name in ("barevip-ip-status", "barevip-pool-finalizer", "barevip-service-status"):
            for rule in self.policy(name)["validations"]:
                asked |= set(re.findall(r"resource\('(\w+)'\)\.subresource\('status'\)", rule["expression"]))
        needed = {f"patch {resource}/status" for resource in asked}
        self.assertEqual(needed, {"patch ips/status", "patch pools/status", "patch services/status"})
        self.assertLessEqual(needed, self.rights("barevip-operator"))
        self.assertEqual(needed & self.rights("barevip-node"), {"patch ips/status"})
        for role in ("barevip-view", "barevip-edit", "barevip-admin"):
            self.assertEqual([right for right in self.rights(role) if "/status" in right or "*" in right], [], role)

    def test_the_uninstall_removes_finalizers_under_the_name_that_the_policy_knows(self):
        rendered = rendering.template(rendering.WITH_HOOKS, namespace="elsewhere")
        account = rendering.find(rendered, "ServiceAccount", "barevip-uninstall")["metadata"]
        (rule,) = self.policy("barevip-pool-finalizer", rendered)["validations"]
        self.assertEqual(
            re.findall(r"system:serviceaccount:[\w:-]+", rule["expression"]),
            [f"system:serviceaccount:{account['namespace']}:{account['name']}"],
        )

    def test_policies_and_programs_agree_on_names(self):
        finalizer = re.search(r'kPoolFinalizer = "([^"]+)"', rendering.read("include", "barevip", "model", "pool.h"))
        matches = self.policy("barevip-pool-finalizer")["matchConditions"][0]["expression"]
        self.assertEqual(set(re.findall(r"'(barevip[^']+)'", matches)), {finalizer.group(1)})
        status = rendering.read("src", "assigner", "allocation", "service_status.h")
        condition = re.search(r'kAddressAssigned = "([^"]+)"', status)
        matches = self.policy("barevip-service-status")["matchConditions"][0]["expression"]
        (prefix,) = re.findall(r"startsWith\('([^']+)'\)", matches)
        self.assertTrue(condition.group(1).startswith(prefix))


class Surroundings(unittest.TestCase):
    def test_only_the_port_of_probes_and_metrics_of_the_operator_is_reachable(self):
        rendered = rendering.template("--set=operator.metricsAddress=:9090")
        policy = rendering.find(rendered, "NetworkPolicy", "barevip-operator")["spec"]
        self.assertEqual(policy["policyTypes"], ["Ingress"])
        self.assertEqual(policy["ingress"], [{"ports": [{"port": "metrics", "protocol": "TCP"}]}])
        self.assertEqual(
            rendering.container_of(rendered, *OPERATOR)["ports"], [{"name": "metrics", "containerPort": 9090}]
        )

    def test_the_status_page_is_reachable_only_for_peers_that_are_named(self):
        peers = '--set-json=networkPolicy.statusFrom=[{"podSelector": {}}]'
        for address, policies in (("", 1), ("127.0.0.1:8081", 1), ("[::1]:8081", 1), (":8081", 2)):
            with self.subTest(address):
                rendered = rendering.template(f"--set=operator.statusAddress={address}", peers)
                policy = rendering.find(rendered, "NetworkPolicy", "barevip-operator")["spec"]
                self.assertEqual(len(policy["ingress"]), policies)
        self.assertEqual(
            policy["ingress"][1], {"ports": [{"port": "status", "protocol": "TCP"}], "from": [{"podSelector": {}}]}
        )
        unnamed = rendering.find(
            rendering.template("--set=operator.statusAddress=:8081"), "NetworkPolicy", "barevip-operator"
        )
        self.assertEqual(len(unnamed["spec"]["ingress"]), 1)

    def test_the_operator_reads_endpoints_and_leases_of_nodes_only_for_the_status_page(self):
        for address, more in (("", 0), ("127.0.0.1:8081", 1)):
            rendered = rendering.template(f"--set=operator.statusAddress={address}")
            rules = rendering.find(rendered, "ClusterRole", "barevip-operator")["rules"]
            self.assertEqual(len([rule for rule in rules if rule["resources"] == ["endpointslices"]]), more)
            roles = [item for item in rendered if item["metadata"]["name"] == "barevip-operator-status"]
            self.assertEqual([item["kind"] for item in roles], ["Role", "RoleBinding"] * more)

    def test_the_programs_ask_for_accounts_and_their_rights_only_to_serve_metrics_by_tls(self):
        reviews = [
            {"apiGroups": ["authentication.k8s.io"], "resources": ["tokenreviews"], "verbs": ["create"]},
            {"apiGroups": ["authorization.k8s.io"], "resources": ["subjectaccessreviews"], "verbs": ["create"]},
        ]
        for secure, expected in (("false", []), ("true", reviews)):
            rendered = rendering.template(f"--set=metrics.secure={secure}")
            for name in ("barevip-operator", "barevip-node"):
                with self.subTest(name, secure=secure):
                    rules = rendering.find(rendered, "ClusterRole", name)["rules"]
                    self.assertEqual([rule for rule in rules if "reviews" in str(rule)], expected)
            roles = [item for item in rendered if item["metadata"]["name"] == "barevip-metrics-reader"]
            self.assertEqual([item["kind"] for item in roles], ["ClusterRole"] if expected else [])

    def test_probes_speak_tls_where_the_programs_do(self):
        for secure, scheme in (("false", None), ("true", "HTTPS")):
            rendered = rendering.template(f"--set=metrics.secure={secure}")
            for kind, name in (("Deployment", "barevip-operator"), ("DaemonSet", "barevip-node")):
                container = rendering.container_of(rendered, kind, name)
                for probe in ("livenessProbe", "readinessProbe"):
                    with self.subTest(name, probe=probe, secure=secure):
                        self.assertEqual(container[probe]["httpGet"].get("scheme"), scheme)

    def test_the_certificate_of_the_metrics_is_read_from_a_folder_that_follows_its_secret(self):
        rendered = rendering.template("--set=metrics.secure=true,metrics.certificateSecret=metrics-tls")
        for kind, name in (("Deployment", "barevip-operator"), ("DaemonSet", "barevip-node")):
            with self.subTest(name):
                self.assertIn(
                    {"name": "metrics", "secret": {"secretName": "metrics-tls"}},
                    rendering.pod_of(rendered, kind, name)["volumes"],
                )
                # A mount with subPath would keep the first certificate for ever.
                self.assertIn(
                    {"name": "metrics", "mountPath": "/etc/barevip/metrics", "readOnly": True},
                    rendering.container_of(rendered, kind, name)["volumeMounts"],
                )

    def test_a_policy_of_egress_is_one_only_if_peers_are_named(self):
        rendered = rendering.template("--set=networkPolicy.egress[0].ports[0].port=6443")
        policy = rendering.find(rendered, "NetworkPolicy", "barevip-operator")["spec"]
        self.assertEqual(
            (policy["policyTypes"], policy["egress"]), (["Ingress", "Egress"], [{"ports": [{"port": 6443}]}])
        )

    def test_leases_have_the_priority_of_leader_election_for_exactly_the_accounts_of_barevip(self):
        rendered = rendering.template("--set=operator.leaderElection.leaseNamespace=lease", namespace="elsewhere")
        leases = rendering.find(rendered, "FlowSchema", "barevip-leases")["spec"]
        others = rendering.find(rendered, "FlowSchema", "barevip")["spec"]
        self.assertEqual(
            [leases["priorityLevelConfiguration"], others["priorityLevelConfiguration"]],
            [{"name": "leader-election"}, {"name": "workload-high"}],
        )
        self.assertLess(leases["matchingPrecedence"], others["matchingPrecedence"])
        self.assertEqual(leases["rules"][0]["resourceRules"][0]["namespaces"], ["elsewhere", "lease"])
        accounts = [
            {"kind": "ServiceAccount", "serviceAccount": {"name": name, "namespace": "elsewhere"}}
            for name in ("barevip-operator", "barevip-node")
        ]
        for schema in (leases, others):
            self.assertEqual(schema["rules"][0]["subjects"], accounts)

    def test_reviews_that_strangers_can_cause_do_not_have_the_priority_of_what_traffic_needs(self):
        rendered = rendering.template("--set=metrics.secure=true")
        reviews = rendering.find(rendered, "FlowSchema", "barevip-reviews")["spec"]
        others = rendering.find(rendered, "FlowSchema", "barevip")["spec"]
        self.assertEqual(reviews["priorityLevelConfiguration"], {"name": "workload-low"})
        self.assertLess(reviews["matchingPrecedence"], others["matchingPrecedence"], "the first that matches counts")
        self.assertEqual(reviews["rules"][0]["subjects"], others["rules"][0]["subjects"])
        matched = [rule["resources"] for rule in reviews["rules"][0]["resourceRules"]]
        granted = [
            rule["resources"]
            for rule in rendering.find(rendered, "ClusterRole", "barevip-node")["rules"]
            if rule["verbs"] == ["create"] and rule["resources"][0].endswith("reviews")
        ]
        self.assertEqual(matched, granted)
        for without in ((), ("--set=metrics.secure=true", "--set=flowSchema.enabled=false")):
            names = [item["metadata"]["name"] for item in rendering.template(*without) if item["kind"] == "FlowSchema"]
            self.assertNotIn("barevip-reviews", names)

    def test_probes_reach_the_address_that_the_daemon_listens_on(self):
        for address, host in (
            ("127.0.0.1:7480", "127.0.0.1"),
            (":7480", "127.0.0.1"),
            ("0.0.0.0:7480", "127.0.0.1"),
            ("[::]:7480", "::1"),
            ("[fd00::1]:7480", "fd00::1"),
            ("192.0.2.1:7480", "192.0.2.1"),
        ):
            daemon = rendering.container_of(rendering.template(f"--set=node.metricsAddress={address}"), *NODE)
            for probe in ("livenessProbe", "readinessProbe"):
                self.assertEqual((daemon[probe]["httpGet"]["host"], daemon[probe]["httpGet"]["port"]), (host, 7480))
