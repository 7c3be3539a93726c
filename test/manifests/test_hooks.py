# SPDX-License-Identifier: Apache-2.0
"""Hooks are rendered where Helm runs them; the check runs on the nodes that would get a daemon and can run it."""

import concurrent.futures
import json
import os
import unittest

from manifests import api_server, rendering
from manifests.test_security import restricted_violations

_HOOK = "helm.sh/hook"
_WORKER = "node-role.kubernetes.io/worker"
_CONTROL_PLANE = {"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}
_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"


def namespace(name, **labels):
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


def enforcing(level):
    return namespace(rendering.NAMESPACE, **{"pod-security.kubernetes.io/enforce": level})


def node(name, labels=None, ready="True", taints=(), unschedulable=False):
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": labels or {}},
        "spec": {"taints": list(taints), "unschedulable": unschedulable},
        "status": {"conditions": [{"type": "DiskPressure", "status": "False"}, {"type": "Ready", "status": ready}]},
    }


KUBE_SYSTEM = namespace("kube-system")


def setting(path, value):
    return f"--set-json={path}={json.dumps(value)}"


def is_hook(item):
    return _HOOK in item["metadata"].get("annotations", {})


def hooks(rendered):
    return sorted((item["kind"], item["metadata"]["name"]) for item in rendered if is_hook(item))


def install(*objects, arguments=()):
    """How `helm install` ends in a cluster that has these objects."""
    known = rendering.template(rendering.WITH_HOOKS)
    with api_server.serving([KUBE_SYSTEM, *objects], known) as kubeconfig:
        return rendering.install(kubeconfig, *arguments, check=False)


def installed(*objects, arguments=()):
    """The objects that `helm install` would create there."""
    done = install(*objects, arguments=arguments)
    if done.returncode:
        raise AssertionError(done.stderr)
    shown = done.stdout.partition("\nNOTES:\n")[0]
    return [
        item
        for document in shown.split("\n---\n")[1:]
        for item in rendering.objects(document.partition("\nMANIFEST:")[0])
    ]


def refusal(*objects, arguments=()):
    """What `helm install` says when it fails, in one line; empty if it does not."""
    done = install(*objects, arguments=arguments)
    return " ".join(done.stderr.split()) if done.returncode else ""


class WhereHelmRunsThem(unittest.TestCase):
    def test_helm_template_renders_no_hook_so_that_kubectl_apply_uninstalls_nothing(self):
        self.assertEqual(hooks(rendering.template()), [])
        for name in ("barevip-uninstall", "barevip-check", "barevip-selftest"):
            self.assertNotIn(name, [item["metadata"]["name"] for item in rendering.template()])

    def test_always_renders_every_hook_without_a_cluster(self):
        rights = ("ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding", "ServiceAccount")
        self.assertEqual(
            hooks(rendering.template(rendering.WITH_HOOKS)),
            sorted(
                [
                    ("Job", "barevip-check"),
                    ("Job", "barevip-uninstall"),
                    ("Pod", "barevip-selftest"),
                    *((kind, f"barevip-{hook}") for kind in rights for hook in ("selftest", "uninstall")),
                ]
            ),
        )

    def test_hooks_change_nothing_else(self):
        self.assertEqual(
            [item for item in rendering.template(rendering.WITH_HOOKS) if not is_hook(item)], rendering.template()
        )

    def test_an_installation_into_a_cluster_has_every_hook(self):
        self.assertEqual(hooks(installed(node("a"))), hooks(rendering.template(rendering.WITH_HOOKS)))

    def test_never_leaves_all_out_in_a_cluster_too(self):
        rendered = installed(node("a"), arguments=["--set=hooks=never"])
        self.assertEqual(hooks(rendered), [])
        self.assertTrue(rendered)

    def test_one_hook_can_be_left_out(self):
        for hook in ("check", "uninstall"):
            rendered = hooks(rendering.template(rendering.WITH_HOOKS, f"--set={hook}.enabled=false"))
            self.assertTrue(rendered)
            self.assertEqual([name for _, name in rendered if name == f"barevip-{hook}"], [])

    def test_an_upgrade_does_not_look_at_nodes_again(self):
        rendered = rendering.template(rendering.WITH_HOOKS, "--is-upgrade")
        self.assertNotIn(("Job", "barevip-check"), hooks(rendered))
        self.assertIn(("Job", "barevip-uninstall"), hooks(rendered))


class NodesOfTheCheck(unittest.TestCase):
    def check(self, *nodes, arguments=()):
        return rendering.find(installed(*nodes, arguments=arguments), "Job", "barevip-check")["spec"]

    def chosen(self, *nodes, arguments=()):
        """Where the pods must run, one each."""
        spec = self.check(*nodes, arguments=arguments)
        affinity = spec["template"]["spec"]["affinity"]
        names = []
        for term in affinity["nodeAffinity"][_REQUIRED]["nodeSelectorTerms"]:
            (field,) = term.pop("matchFields")
            self.assertEqual(
                (term, field["key"], field["operator"], len(field["values"])), ({}, "metadata.name", "In", 1)
            )
            names += field["values"]
        self.assertEqual((spec["completions"], spec["parallelism"]), (len(names), len(names)))
        (apart,) = affinity["podAntiAffinity"][_REQUIRED]
        self.assertEqual(apart["topologyKey"], "kubernetes.io/hostname")
        self.assertEqual(
            apart["labelSelector"]["matchLabels"].items() - spec["template"]["metadata"]["labels"].items(), set()
        )
        return names

    def test_each_good_node_gets_one_pod(self):
        self.assertEqual(self.chosen(node("a"), node("b", taints=[_CONTROL_PLANE]), node("1001")), ["a", "b", "1001"])

    def test_a_node_that_is_not_ready_or_cordoned_gets_none(self):
        self.assertEqual(
            self.chosen(node("a"), node("b", ready="False"), node("c", ready="Unknown"), node("d", unschedulable=True)),
            ["a"],
        )

    def test_a_node_without_a_ready_condition_gets_none(self):
        new = node("new")
        new["status"] = {}
        self.assertEqual(self.chosen(node("a"), new), ["a"])

    def test_a_node_of_another_operating_system_gets_none(self):
        label = "kubernetes.io/os"
        self.assertEqual(self.chosen(node("a", {label: "linux"}), node("b", {label: "windows"}), node("c")), ["a", "c"])

    def test_a_missing_label_is_not_an_empty_one(self):
        nodes = [node("a", {_WORKER: ""}), node("b"), node("c", {_WORKER: "true"})]
        self.assertEqual(self.chosen(*nodes, arguments=[setting("node.nodeSelector", {_WORKER: ""})]), ["a"])

    def test_every_label_of_the_selector_must_match(self):
        nodes = [node("a", {"x": "1", "y": "1"}), node("b", {"x": "1", "y": "2"}), node("c", {"x": "1"})]
        self.assertEqual(self.chosen(*nodes, arguments=[setting("node.nodeSelector", {"x": "1", "y": "1"})]), ["a"])

    def test_taints_are_tolerated_by_the_rule_of_kubernetes(self):
        taint = {"key": "dedicated", "value": "network", "effect": "NoSchedule"}
        bare = {"key": "dedicated", "effect": "NoExecute"}
        level = {"key": "sla", "value": "900", "effect": "NoSchedule"}
        exists, equal = {"operator": "Exists"}, {"key": "dedicated", "operator": "Equal", "value": "network"}
        cases = [
            (taint, [], False),
            (taint, [exists], True),
            (taint, [{**exists, "effect": "NoExecute"}], False),
            (taint, [{**exists, "key": "dedicated"}], True),
            (taint, [{**exists, "key": "other"}], False),
            (taint, [{**exists, "key": "other"}, exists], True),
            (taint, [{"key": "dedicated", "value": "network"}], True),
            (taint, [{"key": "dedicated", "value": "web"}], False),
            (taint, [{"key": "dedicated"}], False),
            (taint, [{**equal, "effect": "NoSchedule"}], True),
            (taint, [{**equal, "effect": "NoExecute"}], False),
            (bare, [{"key": "dedicated"}], True),
            (level, [{"key": "sla", "operator": "Gt", "value": "750"}], True),
            (level, [{"key": "sla", "operator": "Lt", "value": "750"}], False),
            ({**level, "value": "high"}, [{"key": "sla", "operator": "Gt", "value": "-1"}], False),
            ({**taint, "effect": "PreferNoSchedule"}, [], True),
        ]
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            chosen = list(
                pool.map(
                    lambda case: self.chosen(
                        node("plain"),
                        node("tainted", taints=[case[0]]),
                        arguments=[setting("node.tolerations", case[1])],
                    ),
                    cases,
                )
            )
        for (refusing, tolerations, tolerated), names in zip(cases, chosen):
            with self.subTest(taint=refusing, tolerations=tolerations):
                self.assertEqual(names, ["plain", "tainted"] if tolerated else ["plain"])

    def test_every_taint_of_a_node_must_be_tolerated(self):
        other = {"key": "other", "effect": "NoExecute"}
        self.assertEqual(
            self.chosen(
                node("a"),
                node("b", taints=[_CONTROL_PLANE, other]),
                arguments=[setting("node.tolerations", [{**_CONTROL_PLANE, "operator": "Exists"}])],
            ),
            ["a"],
        )

    def test_under_an_affinity_of_the_values_one_pod_runs_where_it_admits(self):
        affinity = {
            "nodeAffinity": {
                _REQUIRED: {"nodeSelectorTerms": [{"matchExpressions": [{"key": "x", "operator": "Exists"}]}]}
            }
        }
        spec = self.check(node("a"), node("b"), arguments=[setting("node.affinity", affinity)])
        self.assertEqual(
            (spec["completions"], spec["parallelism"], spec["template"]["spec"]["affinity"]), (1, 1, affinity)
        )

    def test_without_nodes_to_see_one_pod_runs_anywhere(self):
        for rendered in (rendering.template(rendering.WITH_HOOKS), installed()):
            spec = rendering.find(rendered, "Job", "barevip-check")["spec"]
            self.assertEqual((spec["completions"], "affinity" in spec["template"]["spec"]), (1, False))


class Refusals(unittest.TestCase):
    def test_a_selector_that_no_node_matches_is_named(self):
        self.assertIn(
            'node.nodeSelector is {"role":"edge"}, but no Linux node of this cluster has these labels. Label a node, '
            "or change node.nodeSelector",
            refusal(node("a"), arguments=[setting("node.nodeSelector", {"role": "edge"})]),
        )

    def test_the_taints_that_no_toleration_admits_are_named_once(self):
        dedicated = {"key": "dedicated", "value": "web", "effect": "NoExecute"}
        said = refusal(
            node("a", taints=[_CONTROL_PLANE]),
            node("b", taints=[_CONTROL_PLANE, dedicated]),
            arguments=[setting("node.tolerations", [])],
        )
        self.assertIn(
            "node.tolerations admits no node: the Ready nodes that node.nodeSelector selects have the taints "
            "node-role.kubernetes.io/control-plane:NoSchedule, dedicated=web:NoExecute. Tolerate one of them",
            said,
        )

    def test_nodes_that_cannot_run_a_pod_now_are_named_as_such(self):
        self.assertIn(
            "each node that node.nodeSelector selects is cordoned or not Ready, so the check cannot run there. Make "
            "one Ready and uncordon it, or write check.enabled: false",
            refusal(node("a", ready="False"), node("b", unschedulable=True)),
        )

    def test_a_cluster_without_linux_is_named(self):
        self.assertIn("no node of this cluster runs Linux", refusal(node("a", {"kubernetes.io/os": "windows"})))

    def test_no_node_is_looked_at_without_the_check(self):
        for argument in ("--set=check.enabled=false", "--set=hooks=never"):
            self.assertEqual(refusal(node("a", ready="False"), arguments=[argument]), "")

    def test_a_namespace_whose_pod_security_refuses_the_daemon_is_refused_with_the_command_that_allows_it(self):
        for level in ("baseline", "restricted"):
            for argument in ("--set=hooks=auto", "--set=hooks=never"):
                self.assertIn(
                    f'Pod Security in the namespace barevip-system enforces "{level}", so the API server refuses the '
                    "pods of the node daemon. Allow them: kubectl label --overwrite namespace barevip-system "
                    "pod-security.kubernetes.io/enforce=privileged",
                    refusal(enforcing(level), node("a"), arguments=[argument]),
                )
        self.assertEqual(refusal(enforcing("privileged"), node("a")), "")
        self.assertEqual(refusal(namespace(rendering.NAMESPACE), node("a")), "")


class Pods(unittest.TestCase):
    @staticmethod
    def pods(*arguments):
        """Pod template or pod of each hook, by its name."""
        rendered = rendering.template(rendering.WITH_HOOKS, *arguments)
        found = {
            name: rendering.find(rendered, "Job", f"barevip-{name}")["spec"]["template"]
            for name in ("check", "uninstall")
        }
        return {**found, "selftest": rendering.find(rendered, "Pod", "barevip-selftest")}

    def test_hook_pods_get_what_the_values_give_the_pods_of_their_program(self):
        values = [
            argument
            for program in ("operator", "node")
            for argument in (
                setting(f"{program}.extraEnv", [{"name": "HTTPS_PROXY", "value": program}]),
                setting(f"{program}.podAnnotations", {"example.com/team": program, _HOOK: "post-install"}),
                setting(f"{program}.podLabels", {"team": program, "app.kubernetes.io/component": "mine"}),
                setting(f"{program}.resources", {"limits": {"memory": f"{len(program)}Mi"}}),
            )
        ]
        for name, pod in self.pods(*values).items():
            with self.subTest(name):
                program = "node" if name == "check" else "operator"
                (container,) = pod["spec"]["containers"]
                self.assertIn({"name": "HTTPS_PROXY", "value": program}, container["env"])
                self.assertEqual(container["resources"]["limits"], {"memory": f"{len(program)}Mi"})
                self.assertEqual(pod["metadata"]["annotations"]["example.com/team"], program)
                self.assertEqual(pod["metadata"]["labels"]["team"], program)
                self.assertEqual(pod["metadata"]["labels"]["app.kubernetes.io/name"], f"barevip-{name}")
                if name == "selftest":
                    self.assertEqual(pod["metadata"]["annotations"][_HOOK], "test")

    def test_hook_pods_have_the_default_resources_of_their_program(self):
        for name, pod in self.pods().items():
            self.assertEqual(pod["spec"]["containers"][0]["resources"]["limits"], {"memory": "128Mi"}, name)

    def test_the_operators_hooks_satisfy_restricted_and_the_check_takes_the_network_of_the_node_alone(self):
        pods = self.pods()
        self.assertEqual(
            restricted_violations(pods["uninstall"]["spec"]) + restricted_violations(pods["selftest"]["spec"]), []
        )
        self.assertEqual(
            restricted_violations(pods["check"]["spec"]),
            ["hostNetwork is set", "volume modules is a hostPath", "check may run as root"],
        )

    def test_the_check_has_no_token_and_asks_no_api_server(self):
        pod = self.pods()["check"]["spec"]
        self.assertIs(pod["automountServiceAccountToken"], False)
        self.assertEqual(pod["containers"][0]["args"][:2], ["check", "--without-api"])

    def test_a_failed_check_stays_to_be_described_until_the_next_install_or_for_an_hour(self):
        check = rendering.find(rendering.template(rendering.WITH_HOOKS), "Job", "barevip-check")
        self.assertEqual(
            check["metadata"]["annotations"]["helm.sh/hook-delete-policy"], "before-hook-creation,hook-succeeded"
        )
        self.assertEqual(check["spec"]["ttlSecondsAfterFinished"], 3600)

    def test_the_uninstall_ends_before_helm_gives_up(self):
        rendered = rendering.template(rendering.WITH_HOOKS, "--set=uninstall.timeoutSeconds=240")
        self.assertLess(rendering.find(rendered, "Job", "barevip-uninstall")["spec"]["activeDeadlineSeconds"], 300)
