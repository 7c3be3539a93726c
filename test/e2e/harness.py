# SPDX-License-Identifier: Apache-2.0
"""What the cluster tests and the demo are written in: commands, conditions, traffic."""

import contextlib
import json
import os
import shlex
import subprocess
import textwrap

from tools.lab.waiting import wait_for

REPO = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
CLUSTER = os.path.join(REPO, "test", "cluster")
REQUEST_LOOP = os.path.join(REPO, "test", "e2e", "request_loop.py")
CLIENT_ADDRESS = {4: "10.99.0.100", 6: "fd99::100"}
SYSTEM = "barevip-system"
DIRECTOR = "barevip"
NIC = "vec0"


class CommandFailed(AssertionError):
    """A command that had to succeed did not."""


def cluster(*arguments, text=None, check=True, show=False, everything=False):
    """Runs test/cluster and returns its standard output, or everything that it says; show prints it as it comes."""
    done = subprocess.run(
        [CLUSTER, *arguments],
        input=text,
        stdin=None if text is not None else subprocess.DEVNULL,
        stdout=None if show else subprocess.PIPE,
        stderr=None if show else subprocess.STDOUT if everything else subprocess.PIPE,
        text=True,
        errors="replace",
        check=False,
    )
    if check and done.returncode != 0:
        raise CommandFailed(
            f"test/cluster {' '.join(arguments)} ended with {done.returncode}: "
            f"{(done.stderr or '').strip()} {(done.stdout or '').strip()}"
        )
    return done.stdout or ""


def kubectl(*arguments, **kwargs):
    return cluster("kubectl", *arguments, **kwargs)


def helm(*arguments, **kwargs):
    return cluster("helm", *arguments, **kwargs)


def audit(start=0):
    """What barevip's accounts asked of the API server since that byte of its audit log: (requests, end of the log)."""
    found = json.loads(cluster("audit", "--from", str(start), "-o", "json"))
    return found["requests"], found["end"]


def objects(kind, *arguments):
    """The items of `kubectl get KIND -o json`."""
    return json.loads(kubectl("get", kind, "-o", "json", *arguments))["items"]


def get(kind, name, namespace="default"):
    return json.loads(kubectl("get", kind, name, "-n", namespace, "-o", "json"))


def apply(manifest):
    return kubectl("apply", "-f", "-", text=textwrap.dedent(manifest))


def on_node(node, *command, check=True):
    return cluster("exec", node, *command, check=check)


def in_director(node, *command, check=True):
    return on_node(node, "ip", "netns", "exec", DIRECTOR, *command, check=check)


def admin_kubeconfig():
    """The administrator's kubeconfig, a path on every node."""
    return cluster("kubeconfig").strip()


def account_kubeconfig(account, node):
    """A kubeconfig with the token that a pod of one of barevip's accounts has on a node."""
    return cluster("kubeconfig", f"--account={SYSTEM}/{account}", f"--node={node}").strip()


def patch_as(account, node, path, change):
    """A merge patch with that token, without the read that kubectl does first; returns the object, or why not."""
    with open(account_kubeconfig(account, node), encoding="utf-8") as file:
        token = file.read().split("token: ")[1].split()[0]
    return json.loads(
        client(
            "curl",
            "-sk",
            "-X",
            "PATCH",
            "-H",
            f"Authorization: Bearer {token}",
            "-H",
            "Content-Type: application/merge-patch+json",
            "-d",
            json.dumps(change),
            f"https://10.99.0.1:6443/{path}",
        )
    )


def program(node, name, *arguments, wrapper=""):
    """Runs a program of this build on a node, by a wrapper like timeout; returns its output and its exit status."""
    command = f"{wrapper} {shlex.join([os.path.join(REPO, 'build/release/bin', name), *arguments])}"
    said, _, status = cluster("exec", node, f"{command} 2>&1; echo status=$?").rpartition("status=")
    return said, int(status)


def client(*command, check=True):
    return cluster("client", *command, check=check)


def addresses(service, namespace="default"):
    """The addresses that a Service shows."""
    status = get("service", service, namespace).get("status", {})
    return [entry["ip"] for entry in status.get("loadBalancer", {}).get("ingress", [])]


def wait_for_addresses(service, count=1, namespace="default", seconds=30):
    return wait_for(
        f"{count} address(es) of Service {service}",
        lambda: (found := addresses(service, namespace)) and len(found) == count and found,
        seconds,
    )


def wait_for_endpoints(service, count, namespace="default", seconds=30):
    """A rollout ends when the pods are ready: the EndpointSlices of a Service name them a moment later."""

    def ready():
        slices = objects("endpointslices", "-n", namespace, "-l", f"kubernetes.io/service-name={service}")
        found = [e for s in slices for e in s.get("endpoints") or [] if e.get("conditions", {}).get("ready")]
        return len(found) == count and found

    return wait_for(f"{count} ready endpoint(s) of Service {service}", ready, seconds)


def owner(address, namespace="default"):
    """The node that the IP object of an address names as its announcer, or nothing."""
    for ip in objects("ips", "-n", namespace):
        if ip.get("status", {}).get("address") == address:
            return ip["status"].get("node")
    return None


def wait_for_owner(address, namespace="default", other_than=None, seconds=30):
    def seen():
        name = owner(address, namespace)
        return name if name and name != other_than else None

    return wait_for(f"an owner of {address}" + (f" other than {other_than}" if other_than else ""), seen, seconds)


def requests(kind, address, port, count, timeout=3, via=client):
    """Sends that many requests from the LAN's client (or by via) and returns the report."""
    return json.loads(via("python3", REQUEST_LOOP, kind, address, str(port), "0", str(timeout), str(count)))


def answers(address, port=80, kind="tcp"):
    """True if one request is answered."""
    return requests(kind, address, port, 1, timeout=2)["failed"] == 0


@contextlib.contextmanager
def traffic(kind, address, port, interval=0.05, timeout=3):
    """Requests from the LAN's client while the block runs; yields a dict that is filled with the report at its end."""
    report: dict = {}
    process = subprocess.Popen(
        [CLUSTER, "client", "python3", REQUEST_LOOP, kind, address, str(port), str(interval), str(timeout)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield report
    finally:
        out, _ = process.communicate(timeout=60)
        report.update(json.loads(out))


def pods(selector, namespace="default"):
    return objects("pods", "-n", namespace, "-l", selector)


def daemon_pod(node):
    """The pod of the node daemon on a node."""
    for pod in pods("app.kubernetes.io/name=barevip-node", SYSTEM):
        if pod["spec"].get("nodeName") == node and "deletionTimestamp" not in pod["metadata"]:
            return pod["metadata"]["name"]
    raise AssertionError(f"no node daemon runs on {node}")


# What the names and numbers of all that barevip makes in a kernel contain.
TRACES = ("barevip", "bvip", "11801", "11802")
# Releases before decision 32 made chains of iptables, too.
FORMER_TRACES = (*TRACES, "BAREVIP")


def kernel_of(node):
    """What the kernel of a node has of all that barevip makes, and the files that say so, as text."""
    kernel = "".join(
        on_node(node, *command, check=False)
        for command in (
            ("ip", "netns"),
            ("ls", "-A", "/run/barevip"),
            ("ip", "-d", "link"),
            ("ip", "rule"),
            ("ip", "-6", "rule"),
            ("ip", "route", "show", "table", "all"),
            ("ip", "-6", "route", "show", "table", "all"),
            ("ip", "neigh", "show", "proxy"),
            ("ip", "-6", "neigh", "show", "proxy"),
            ("ipvsadm", "-Ln"),
            ("iptables-legacy-save",),
            ("ip6tables-legacy-save",),
            ("iptables-nft-save",),
            ("ip6tables-nft-save",),
            ("ipset", "list", "-n"),
            ("nft", "list", "tables"),
            ("find", "/etc/sysctl.d", "/run/sysctl.d", "-name", "*barevip*"),
        )
    )
    if NIC not in kernel:
        raise AssertionError(f"{node} does not answer: {kernel}")
    return kernel


def pids(node, program):
    """The pids of a program on a node, by the name of its process."""
    return on_node(node, "pidof", program, check=False).split()


def metric(node, name):
    """One value of the node daemon's metrics; the name may say the labels."""
    for line in on_node(node, "curl", "-s", "--max-time", "3", "http://127.0.0.1:7480/metrics").splitlines():
        series = line.rpartition(" ")[0]
        if name in (series, series.split("{")[0]):
            return float(line.split(" ")[-1])
    raise AssertionError(f"the node daemon of {node} has no metric {name}")


def backend(name, replicas=4, namespace="default", node=None, grace=0):
    """Manifest of a Deployment of the test backend, whose pods serve on for so many seconds after SIGTERM."""
    return textwrap.dedent(f"""
        apiVersion: apps/v1
        kind: Deployment
        metadata: {{name: {name}, namespace: {namespace}}}
        spec:
          replicas: {replicas}
          selector: {{matchLabels: {{app: {name}}}}}
          template:
            metadata: {{labels: {{app: {name}}}}}
            spec:
              {f"nodeName: {node}" if node else "restartPolicy: Always"}
              terminationGracePeriodSeconds: 5
              topologySpreadConstraints:
              - maxSkew: 1
                topologyKey: kubernetes.io/hostname
                whenUnsatisfiable: ScheduleAnyway
                labelSelector: {{matchLabels: {{app: {name}}}}}
              containers:
              - name: backend
                image: localhost/barevip-backend:1
                imagePullPolicy: Never
                env:
                - {{name: POD_NAME, valueFrom: {{fieldRef: {{fieldPath: metadata.name}}}}}}
                - {{name: NODE_NAME, valueFrom: {{fieldRef: {{fieldPath: spec.nodeName}}}}}}
                - {{name: GRACE_SECONDS, value: "{grace}"}}
                ports: [{{containerPort: 8080}}]
                readinessProbe: {{httpGet: {{path: /ready, port: 8080}}, periodSeconds: 1}}
        """)


def service(name, app=None, namespace="default", policy="Cluster", families="SingleStack", extra="", annotations=""):
    """Manifest of a LoadBalancer Service with TCP port 80 and UDP port 80 of the backend."""
    return textwrap.dedent(f"""
        apiVersion: v1
        kind: Service
        metadata: {{name: {name}, namespace: {namespace}, annotations: {{{annotations}}}}}
        spec:
          type: LoadBalancer
          externalTrafficPolicy: {policy}
          ipFamilyPolicy: {families}
          selector: {{app: {app or name}}}
          ports:
          - {{name: http, port: 80, targetPort: 8080, protocol: TCP}}
          - {{name: echo, port: 80, targetPort: 8080, protocol: UDP}}
        """) + textwrap.indent(textwrap.dedent(extra), "  ")


def pool(name, *entries, **spec):
    """Manifest of a Pool that gives all of its addresses, and at once: tests follow each other on the same ones."""
    return json.dumps(
        {
            "apiVersion": "barevip.dev/v1alpha1",
            "kind": "Pool",
            "metadata": {"name": name},
            "spec": {"addresses": list(entries), "allowFirstLast": True, "reuseDelay": "0", **spec},
        }
    )


def delete_pool(name, *arguments, **kwargs):
    """Deletes a Pool that may be in use, as docs/how-to.md says."""
    kubectl("annotate", "pool", name, "barevip.dev/delete-in-use=true", "--overwrite", **kwargs)
    kubectl("delete", "pool", name, *arguments, **kwargs)


def rollout(kind, name, namespace="default", seconds=180):
    kubectl("rollout", "status", f"{kind}/{name}", "-n", namespace, f"--timeout={seconds}s")
