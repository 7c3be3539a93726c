// SPDX-License-Identifier: Apache-2.0
// The DaemonSet barevip-node as an API server has it, with what it fills in.
#pragma once

#include <nlohmann/json.hpp>

namespace barevip::controlplane::test {

inline nlohmann::json daemonSet() {
  return nlohmann::json::parse(R"({
    "metadata": {"name": "barevip-node", "namespace": "barevip-system"},
    "spec": {
      "selector": {"matchLabels": {"app.kubernetes.io/name": "barevip-node"}},
      "updateStrategy": {"type": "RollingUpdate",
                         "rollingUpdate": {"maxUnavailable": 1, "maxSurge": 0}},
      "revisionHistoryLimit": 10,
      "template": {
        "metadata": {"labels": {"app.kubernetes.io/name": "barevip-node"}},
        "spec": {
          "serviceAccountName": "barevip-node",
          "imagePullSecrets": [{"name": "registry"}],
          "hostNetwork": true,
          "tolerations": [{"operator": "Exists"}],
          "volumes": [{"name": "netns", "hostPath": {"path": "/run/netns"}}],
          "initContainers": [
            {"name": "wait", "image": "registry.example/wait:1", "args": ["--for=disk"]},
            {"name": "init", "image": "registry.example/barevip-node:1",
             "args": ["init", "--bind-iface=eth1", "--placement=host"],
             "terminationMessagePolicy": "File",
             "securityContext": {"privileged": true},
             "volumeMounts": [{"name": "netns", "mountPath": "/run/netns",
                               "mountPropagation": "Bidirectional"}]}],
          "containers": [
            {"name": "node", "image": "registry.example/barevip-node:1",
             "args": ["--bind-iface=eth1"],
             "env": [{"name": "EXTRA", "value": "1"}],
             "livenessProbe": {"httpGet": {"port": 7480}},
             "readinessProbe": {"httpGet": {"port": 7480}},
             "startupProbe": {"httpGet": {"port": 7480}},
             "lifecycle": {"preStop": {"sleep": {"seconds": 1}}},
             "resources": {"limits": {"memory": "128Mi"}},
             "securityContext": {"capabilities": {"add": ["NET_ADMIN"]}},
             "volumeMounts": [{"name": "netns", "mountPath": "/run/netns"}]},
            {"name": "sidecar", "image": "registry.example/sidecar:1"}]}}},
    "status": {"desiredNumberScheduled": 0}})");
}

}  // namespace barevip::controlplane::test
