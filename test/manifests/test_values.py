# SPDX-License-Identifier: Apache-2.0
"""Wrong values are refused with a message that names them; every flag of the programs has a value."""

import concurrent.futures
import json
import os
import re
import subprocess
import unittest

from manifests import rendering
from tools.lab import barevip

OPERATOR, NODE = ("Deployment", "barevip-operator"), ("DaemonSet", "barevip-node")


def refusal(*arguments):
    """What helm says when it refuses values, in one line; empty if it takes them."""
    done = rendering.helm("template", "barevip", rendering.CHART, *arguments, check=False)
    return " ".join(done.stderr.split()) if done.returncode else ""


class Schema(unittest.TestCase):
    # The setting, and what the message must say of it.
    REFUSED = [
        ("imageRegisty=x", "imageRegisty"),
        ("imageRegistry=http://registry.example", "/imageRegistry"),
        ("imagePullSecrets[0]=regcred", "/imagePullSecrets/0"),
        ("imagePullSecrets[0].nam=regcred", "/imagePullSecrets/0"),
        ("global.imageRegistry=UPPER CASE", "/global/imageRegistry"),
        ("crds.install=maybe", "/crds/install"),
        ("crds.keep=false", "keep"),
        ("namespace.create=1", "/namespace/create"),
        ("namespace.name=x", "name"),
        ("hooks=true", "/hooks"),
        ("uninstall.timeoutSeconds=241", "/uninstall/timeoutSeconds"),
        ("requireClass=barevip.dev/barevip", "/requireClass"),
        ("forward=clusterip", "/forward"),
        ("podDisruptionBudget.minAvailable=1", "minAvailable"),
        ("networkPolicy.enabled=null-ish", "/networkPolicy/enabled"),
        ("networkPolicy.from[0].podSelektor.x=y", "podSelektor"),
        ("networkPolicy.egress[0].port=6443", "port"),
        ("flowSchema.enable=false", "enable"),
        ("userRoles.enabled=nobody", "/userRoles/enabled"),
        ("metrics.secure=self-signed", "/metrics/secure"),
        ("metrics.certificateSecret=Metrics", "/metrics/certificateSecret"),
        ("metrics.certFile=/tls.crt", "certFile"),
        ("monitoring=true", "/monitoring"),
        ("monitoring.enabled=yes-please", "/monitoring/enabled"),
        ("monitoring.namespace=a.b", "/monitoring/namespace"),
        ("monitoring.labels.release=1", "/monitoring/labels/release"),
        ("monitoring.interval=30", "/monitoring/interval"),
        ("monitoring.relabelings[0].sourceLabel=x", "sourceLabel"),
        ("monitoring.tokenSecret=a b", "/monitoring/tokenSecret"),
        ("monitoring.scrapeClass=own token", "/monitoring/scrapeClass"),
        ("monitoring.tlsConfig.caFile=/ca.crt", "caFile"),
        ("monitoring.tlsConfig.ca.secret.name=x", "/monitoring/tlsConfig/ca/secret"),
        ("monitoring.alerts.runbookUrl=docs/troubleshooting.md#alerts", "/monitoring/alerts/runbookUrl"),
        ("monitoring.alerts.disabled=BarevipNodeSlow", "/monitoring/alerts/disabled"),
        ("monitoring.alerts.severity=critical", "severity"),
        ("monitoring.dashboards.labels.x=y", "labels"),
        ("operator.replicas=two", "/operator/replicas"),
        ("operator.replicas=-1", "/operator/replicas"),
        ("operator.replicaCount=3", "replicaCount"),
        ("operator.image=registry.example/barevip-operator:1", "/operator/image"),
        ("operator.image.repository=Barevip", "/operator/image/repository"),
        ("operator.image.tag=a b", "/operator/image/tag"),
        ("operator.image.digest=0123456789abcdef", "/operator/image/digest"),
        ("operator.image.pullPolicy=always", "/operator/image/pullPolicy"),
        ("operator.leaderElection=true", "/operator/leaderElection"),
        ("operator.leaderElection.leaseName=Lead", "/operator/leaderElection/leaseName"),
        ("operator.leaderElection.leaseNamespace=a.b", "/operator/leaderElection/leaseNamespace"),
        ("operator.workers=0", "/operator/workers"),
        ("operator.workers=257", "/operator/workers"),
        ("operator.adopt=metallb", "/operator/adopt"),
        ("operator.compat=purelb", "/operator/compat"),
        ("operator.metricsAddress=8080", "/operator/metricsAddress"),
        ("operator.statusAddress=8081", "/operator/statusAddress"),
        ("operator.dashboardUrl=javascript:alert(1)", "/operator/dashboardUrl"),
        ("operator.dashboardUrl=https://grafana.example/?orgId=1", "/operator/dashboardUrl"),
        ("operator.logLevel=verbose", "/operator/logLevel"),
        ("operator.placement=host", "placement"),
        ("operator.extraArgs=--adopt", "/operator/extraArgs"),
        ("operator.extraArgs[0]=adopt", "/operator/extraArgs/0"),
        ("operator.extraEnv[0].value=x", "/operator/extraEnv/0"),
        ("operator.extraEnv[0].nam=x", "/operator/extraEnv/0"),
        ("operator.podLabels.team=1", "/operator/podLabels/team"),
        ("operator.nodeSelector=linux", "/operator/nodeSelector"),
        ("operator.affinity.nodeAffinty.x=y", "nodeAffinty"),
        ("operator.tolerations[0].operator=exists", "/operator/tolerations/0/operator"),
        ("operator.tolerations[0].efect=NoSchedule", "efect"),
        ("operator.topologySpreadConstraints[0].maxSkew=1", "/operator/topologySpreadConstraints/0"),
        ("operator.priorityClassName=7", "/operator/priorityClassName"),
        ("operator.terminationGracePeriodSeconds=-5", "/operator/terminationGracePeriodSeconds"),
        ("operator.resources.limit.cpu=1", "limit"),
        ("operator.resources.limits.memory=128MiB", "/operator/resources/limits/memory"),
        ("node.bindInterface=eth0/1", "/node/bindInterface"),
        ("node.bindInterface=eth0\\,", "/node/bindInterface"),
        ("node.bindInterface=a-name-of-sixteen", "/node/bindInterface"),
        ("node.placement=director-namespace", "/node/placement"),
        ("node.scheduler=random", "/node/scheduler"),
        ("node.syncPeriod=30", "/node/syncPeriod"),
        ("node.drainTimeout=forever", "/node/drainTimeout"),
        ("node.ipvsTcpTimeout=7260", "/node/ipvsTcpTimeout"),
        ("node.handoverOnStop=2", "/node/handoverOnStop"),
        ("node.metricsAddress=localhost", "/node/metricsAddress"),
        ("node.requireClass=true", "requireClass"),
        ("node.updateStrategy.type=Recreate", "/node/updateStrategy/type"),
        ("node.updateStrategy.maxUnavailable=200%", "/node/updateStrategy/maxUnavailable"),
    ]

    def test_a_wrong_value_is_refused_by_a_message_that_names_it(self):
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            messages = list(pool.map(lambda case: refusal(f"--set={case[0]}"), self.REFUSED))
        for (setting, named), message in zip(self.REFUSED, messages):
            with self.subTest(setting):
                self.assertIn("values don't meet the specifications of the schema", message)
                self.assertIn(f"'{named}'", message)

    def test_null_takes_a_list_or_a_map_away_and_is_refused_for_every_other_value(self):
        def paths(values, path=()):
            for name, value in values.items():
                yield (*path, name), value
                if isinstance(value, dict) and name != "resources":
                    yield from paths(value, (*path, name))

        cases = list(paths(rendering.read_yaml("deploy", "helm", "barevip", "values.yaml")[0]))
        described = {".".join(path) for path, _ in cases} & set(
            rendering.script("deploy", "helm", "document").comments(
                rendering.read("deploy", "helm", "barevip", "values.yaml")
            )
        )
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            messages = list(pool.map(lambda case: refusal(f"--set={'.'.join(case[0])}=null"), cases))
        for (path, value), message in zip(cases, messages):
            with self.subTest(".".join(path)):
                optional = isinstance(value, (list, dict)) and ".".join(path) in described
                self.assertRegex(message, "^$" if optional else f"missing propert.*'{path[-1]}'")

    def test_no_object_of_the_schema_is_open_but_the_global_values(self):
        schema = json.loads(rendering.read("deploy", "helm", "barevip", "values.schema.json"))
        found = []

        def look(node, path):
            if isinstance(node, dict):
                if node.get("type") == "object" and node.get("additionalProperties", True) is True:
                    found.append(path)
                for name, child in node.items():
                    look(child, f"{path}/{name}")

        look(schema, "")
        self.assertEqual(found, ["/properties/global"])

    def test_the_values_of_another_chart_under_the_global_ones_are_no_error(self):
        self.assertEqual(refusal("--set=global.theirs.enabled=true"), "")


class Contradictions(unittest.TestCase):
    def assert_refused(self, settings, sentence):
        self.assertIn(sentence, refusal(*(f"--set={setting}" for setting in settings)))

    def test_replicas_without_leader_election(self):
        self.assert_refused(
            ["operator.replicas=3", "operator.leaderElection.enabled=false"],
            "operator.replicas is 3, but operator.leaderElection.enabled is false: replicas that all work "
            "assign one address twice. Write operator.leaderElection.enabled: true, or operator.replicas: 1",
        )
        self.assertEqual(refusal("--set=operator.replicas=1", "--set=operator.leaderElection.enabled=false"), "")

    def test_a_namespace_of_a_lease_that_nobody_takes(self):
        self.assert_refused(
            [
                "operator.replicas=1",
                "operator.leaderElection.enabled=false",
                "operator.leaderElection.leaseNamespace=elsewhere",
            ],
            'operator.leaderElection.leaseNamespace is "elsewhere", but operator.leaderElection.enabled is '
            "false, so there is no Lease. Write enabled: true, or leave leaseNamespace out",
        )

    def test_forwarding_to_cluster_ips_from_the_host(self):
        self.assert_refused(
            ["forward=cluster-ip", "node.placement=host"],
            'forward is "cluster-ip", but node.placement is "host", where no packet gets from IPVS to a clusterIP. '
            "Write forward: masquerade or kube-proxy, or leave node.placement out",
        )

    def test_a_metrics_address_that_the_probes_do_not_reach(self):
        for host in ("127.0.0.1", "localhost", "[::1]"):
            self.assert_refused(
                [f"operator.metricsAddress={host}:8080"],
                'which the kubelet\'s probes of the pod do not reach. Write ":8080"',
            )

    def test_dashboards_that_no_page_links_to(self):
        self.assert_refused(
            ["operator.dashboardUrl=https://grafana.example"],
            'operator.dashboardUrl is "https://grafana.example", but operator.statusAddress is empty, so there is no '
            "page that links to it. Write operator.statusAddress: 127.0.0.1:8081",
        )

    def test_a_metrics_address_of_the_node_that_prometheus_does_not_reach(self):
        for host in ("127.0.0.1", "localhost", "[::1]"):
            self.assert_refused(
                ["monitoring.enabled=true", f"node.metricsAddress={host}:7481"],
                f'monitoring.enabled is true, but node.metricsAddress is "{host}:7481", which Prometheus does not '
                'reach. Write "node:7481", the address of the node',
            )
        for address in ("node:7480", ":7480", "0.0.0.0:7480"):
            self.assertEqual(refusal("--set=monitoring.enabled=true", f"--set=node.metricsAddress={address}"), "")

    def test_a_certificate_for_metrics_without_tls(self):
        self.assert_refused(
            ["metrics.certificateSecret=metrics-tls"],
            'metrics.certificateSecret is "metrics-tls", but metrics.secure is false, so there is no TLS. '
            "Write metrics.secure: true",
        )

    def test_two_tokens_for_one_monitor(self):
        self.assert_refused(
            ["monitoring.scrapeClass=own-token", "monitoring.tokenSecret=token"],
            'monitoring.scrapeClass is "own-token", but monitoring.tokenSecret is "token": a monitor has the token of '
            "one of them. Leave one out",
        )

    def test_an_alert_to_leave_out_that_does_not_exist(self):
        self.assert_refused(
            ["monitoring.alerts.disabled={BarevipNodeFast}"],
            'monitoring.alerts.disabled names "BarevipNodeFast", which is not an alert. '
            "Write one of BarevipOperatorWithoutLeader, ",
        )

    def test_a_port_that_does_not_exist(self):
        self.assert_refused(
            ["operator.metricsAddress=:70000"], 'operator.metricsAddress is ":70000", but ports are 1 to 65535'
        )
        self.assert_refused(
            ["operator.statusAddress=127.0.0.1:0"], 'operator.statusAddress is "127.0.0.1:0", but ports are 1 to 65535'
        )
        self.assert_refused(
            ["operator.statusAddress=:8080"], "but operator.metricsAddress has that port. Write 127.0.0.1:8081"
        )
        self.assert_refused(
            ["node.metricsAddress=127.0.0.1:0"], 'node.metricsAddress is "127.0.0.1:0", but ports are 1 to 65535'
        )

    def test_a_flag_twice(self):
        for argument, value in (
            ("operator.extraArgs={--workers=4}", "operator.workers"),
            ("operator.extraArgs={--require-class}", "requireClass"),
            ("node.extraArgs={--placement=host}", "node.placement"),
            ("node.extraArgs={--bind-iface=eth1}", "node.bindInterface"),
        ):
            self.assert_refused(
                [argument],
                f"extraArgs repeats the flag of the value {value}, and the program refuses a flag "
                f"that is given twice. Set {value} instead",
            )

    def test_an_environment_variable_twice(self):
        self.assert_refused(
            ["node.extraEnv[0].name=NODE_NAME", "node.extraEnv[0].value=x"],
            "node.extraEnv sets NODE_NAME, which the chart sets. Leave it out",
        )
        self.assert_refused(
            ["operator.extraEnv[0].name=POD_UID", "operator.extraEnv[0].value=x"],
            "operator.extraEnv sets POD_UID, which the chart sets. Leave it out",
        )

    def test_a_label_that_selects_the_pods(self):
        self.assert_refused(
            [r"operator.podLabels.app\.kubernetes\.io/name=mine"],
            "operator.podLabels sets app.kubernetes.io/name, which the chart sets. Leave it out",
        )

    def test_a_duration_out_of_range(self):
        self.assert_refused(
            ["node.syncPeriod=500ms"], 'node.syncPeriod is "500ms", which is out of range. Write 1s to 1h'
        )
        self.assert_refused(["node.syncPeriod=2h"], 'node.syncPeriod is "2h", which is out of range. Write 1s to 1h')
        self.assert_refused(
            ["node.drainTimeout=25h"], 'node.drainTimeout is "25h", which is out of range. Write 0s to 24h'
        )

        self.assert_refused(
            ["node.ipvsTcpTimeout=0s"], 'node.ipvsTcpTimeout is "0s", which is out of range. Write 1s to 576h'
        )
        self.assert_refused(
            ["node.ipvsUdpTimeout=577h"], 'node.ipvsUdpTimeout is "577h", which is out of range. Write 1s to 576h'
        )

    def test_times_of_the_lease_that_make_two_leaders_or_none(self):
        self.assert_refused(
            ["operator.leaderElection.leaseDuration=10s"],
            'operator.leaderElection.leaseDuration is "10s", but renewDeadline is "10s": a leader would not know that '
            "it lost the Lease before another one has it. Write at least 1s more",
        )
        self.assert_refused(
            ["operator.leaderElection.retryPeriod=9s"],
            'operator.leaderElection.renewDeadline is "10s", but retryPeriod is "9s": there would be no second try. '
            "Write more than 1.2 times that",
        )
        self.assert_refused(
            ["operator.leaderElection.retryPeriod=0s"],
            'operator.leaderElection.retryPeriod is "0s", which is out of range. Write 1s to 10m',
        )

    def test_a_kubernetes_without_what_the_programs_need(self):
        self.assertIn(
            "chart requires kubeVersion: >=1.32.0-0 which is incompatible with Kubernetes v1.31.9",
            refusal("--kube-version=1.31.9"),
        )
        for version in ("1.32.0", "1.33.4-gke.100", "1.37.2+k3s1"):
            self.assertEqual(refusal(f"--kube-version={version}"), "")


class Flags(unittest.TestCase):
    """What the programs say by --help is what the values offer."""

    # flag -> value, another than the default, what the container's argument is then
    SECURE_METRICS = {
        "--metrics-secure": ("metrics.secure", "true", "--metrics-secure"),
        "--metrics-cert-file": (
            "metrics.certificateSecret",
            "tls,metrics.secure=true",
            "--metrics-cert-file=/etc/barevip/metrics/tls.crt",
        ),
        "--metrics-key-file": (
            "metrics.certificateSecret",
            "tls,metrics.secure=true",
            "--metrics-key-file=/etc/barevip/metrics/tls.key",
        ),
    }
    OPERATOR = {
        "--leader-elect": ("operator.leaderElection.enabled", "true", "--leader-elect"),
        "--lease-namespace": ("operator.leaderElection.leaseNamespace", "lease", "--lease-namespace=lease"),
        "--lease-name": ("operator.leaderElection.leaseName", "lead", "--lease-name=lead"),
        "--lease-duration": ("operator.leaderElection.leaseDuration", "1m", "--lease-duration=1m"),
        "--renew-deadline": ("operator.leaderElection.renewDeadline", "12s", "--renew-deadline=12s"),
        "--retry-period": ("operator.leaderElection.retryPeriod", "1s", "--retry-period=1s"),
        "--workers": ("operator.workers", "16", "--workers=16"),
        "--class": ("classes", "example.com/lb", "--class=example.com/lb"),
        "--require-class": ("requireClass", "true", "--require-class"),
        "--adopt": ("operator.adopt", "true", "--adopt"),
        "--forward": ("forward", "cluster-ip", "--forward=cluster-ip"),
        "--compat": ("operator.compat", "metallb", "--compat=metallb"),
        "--metrics-address": ("operator.metricsAddress", ":9090", "--metrics-address=:9090"),
        "--dashboard-url": (
            "operator.dashboardUrl",
            "https://grafana.example,operator.statusAddress=127.0.0.1:8081",
            "--dashboard-url=https://grafana.example",
        ),
        **SECURE_METRICS,
        "--status-address": ("operator.statusAddress", "127.0.0.1:8081", "--status-address=127.0.0.1:8081"),
        "--log-level": ("operator.logLevel", "debug", "--log-level=debug"),
    }
    INIT = {
        "--bind-iface": ("node.bindInterface", "eth1", "--bind-iface=eth1"),
        "--placement": ("node.placement", "host", "--placement=host"),
        "--log-level": ("node.logLevel", "error", "--log-level=error"),
    }
    NODE = {
        **INIT,
        "--forward": ("forward", "kube-proxy", "--forward=kube-proxy"),
        "--scheduler": ("node.scheduler", "mh", "--scheduler=mh"),
        "--sync-period": ("node.syncPeriod", "10s", "--sync-period=10s"),
        "--drain-timeout": ("node.drainTimeout", "0s", "--drain-timeout=0s"),
        "--ipvs-tcp-timeout": ("node.ipvsTcpTimeout", "24h", "--ipvs-tcp-timeout=24h"),
        "--ipvs-tcpfin-timeout": ("node.ipvsTcpFinTimeout", "1m", "--ipvs-tcpfin-timeout=1m"),
        "--ipvs-udp-timeout": ("node.ipvsUdpTimeout", "30s", "--ipvs-udp-timeout=30s"),
        "--trust-endpoints-of": ("node.trustEndpointsOf", "ops", "--trust-endpoints-of=ops"),
        "--handover-on-stop": ("node.handoverOnStop", "true", "--handover-on-stop"),
        "--class": ("classes", "example.com/lb", "--class=example.com/lb"),
        "--require-class": ("requireClass", "true", "--require-class"),
        "--metrics-address": ("node.metricsAddress", "127.0.0.1:7481", "--metrics-address=127.0.0.1:7481"),
        **SECURE_METRICS,
    }
    # For people, not for pods; or what a pod has from its environment.
    WITHOUT_VALUE = {
        "--help",
        "--version",
        "--dump",
        "--output",
        "--kubeconfig",
        "--identity",
        "--node-name",
        "--namespace",
    }

    @staticmethod
    def run_program(program, *arguments):
        return subprocess.run(
            [os.path.join(barevip.binaries_folder(), program), *arguments], capture_output=True, text=True, check=False
        )

    def flags_of(self, program, *command):
        """What --help lists, as {flag: default}; None for one that takes no argument."""
        shown = self.run_program(program, *command, "--help").stdout
        found = {}
        for flag, text, default in re.findall(r"^\s+(?:-h,)?(--[a-z-]+)( TEXT)?(?:=(\S+))?", shown, re.MULTILINE):
            found[flag] = default if text else None
        self.assertGreater(len(found), 2, shown)
        return found

    @staticmethod
    def value_of(values, path):
        for step in path.split("."):
            values = values[step]
        return values

    def assert_reachable(self, table, flags, arguments_of):
        self.assertEqual(flags.keys() - self.WITHOUT_VALUE, table.keys(), "each flag needs a value of the chart")
        values = rendering.read_yaml("deploy", "helm", "barevip", "values.yaml")[0]
        for flag, (path, other, argument) in table.items():
            with self.subTest(flag):
                default = self.value_of(values, path)
                if flags[flag] is None:
                    self.assertIsInstance(default, bool)
                else:
                    self.assertEqual(str(default), flags[flag] or "", "the default of the value is that of the program")
                if argument:
                    self.assertIn(argument, arguments_of(rendering.template(f"--set={path}={other}")))

    def test_every_flag_of_the_operator_is_reachable_by_a_value_with_the_same_default(self):
        flags = self.flags_of("barevip-operator")
        flags["--lease-namespace"] = ""  # that of the pod
        self.assert_reachable(self.OPERATOR, flags, lambda r: rendering.container_of(r, *OPERATOR)["args"])

    def test_every_flag_of_the_node_daemon_is_reachable_by_a_value_with_the_same_default(self):
        self.assert_reachable(
            self.NODE, self.flags_of("barevip-node"), lambda r: rendering.container_of(r, *NODE)["args"]
        )

    def test_every_flag_of_the_init_container_is_reachable_by_a_value_with_the_same_default(self):
        self.assert_reachable(
            self.INIT,
            self.flags_of("barevip-node", "init"),
            lambda r: rendering.pod_of(r, *NODE)["initContainers"][0]["args"],
        )

    def test_the_programs_take_the_arguments_that_every_values_file_of_the_matrix_renders(self):
        for name, file in rendering.values_files().items():
            rendered = rendering.template(f"--values={file}")
            for workload in (OPERATOR, NODE):
                with self.subTest(name, workload=workload[1]):
                    arguments = rendering.container_of(rendered, *workload)["args"]
                    done = self.run_program(workload[1], *arguments, "--version")
                    self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_a_flag_is_not_rendered_where_the_program_takes_the_same_without_it(self):
        rendered = rendering.template()
        self.assertEqual(
            rendering.container_of(rendered, *OPERATOR)["args"], ["--leader-elect", "--metrics-address=:8080"]
        )
        self.assertEqual(
            rendering.container_of(rendered, *NODE)["args"], ["--bind-iface=auto", "--metrics-address=127.0.0.1:7480"]
        )


class Images(unittest.TestCase):
    DIGEST = "sha256:" + "0123456789abcdef" * 4

    def image(self, *settings):
        return rendering.container_of(rendering.template(*(f"--set={s}" for s in settings)), *OPERATOR)["image"]

    def test_an_image_is_registry_repository_and_the_version_of_the_programs(self):
        self.assertEqual(self.image(), "localhost/barevip-operator:0.1.0")
        self.assertEqual(
            self.image("imageRegistry=registry.example/team"), "registry.example/team/barevip-operator:0.1.0"
        )
        self.assertEqual(self.image("imageRegistry="), "barevip-operator:0.1.0")

    def test_the_registry_of_the_image_goes_before_the_global_one_and_that_before_the_one_of_the_chart(self):
        self.assertEqual(self.image("imageRegistry=a", "global.imageRegistry=b"), "b/barevip-operator:0.1.0")
        self.assertEqual(
            self.image("imageRegistry=a", "global.imageRegistry=b", "operator.image.registry=c:5000"),
            "c:5000/barevip-operator:0.1.0",
        )

    def test_a_digest_goes_before_a_tag(self):
        self.assertEqual(self.image("operator.image.tag=v2"), "localhost/barevip-operator:v2")
        self.assertEqual(
            self.image("operator.image.tag=v2", f"operator.image.digest={self.DIGEST}"),
            f"localhost/barevip-operator@{self.DIGEST}",
        )
