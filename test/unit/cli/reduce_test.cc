// SPDX-License-Identifier: Apache-2.0
#include "cli/bundle/reduce.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace barevip::cli {
namespace {

using nlohmann::json;

TEST(AReducedObject, HasTheAnnotationsOfBarevipAndKubernetesAlone) {
  const json object = json::parse(R"({
    "metadata": {"name": "web", "managedFields": [{}], "annotations": {
      "barevip.dev/pool": "a", "node.barevip.dev/x": "1", "deployment.kubernetes.io/revision": "2",
      "kubectl.kubernetes.io/last-applied-configuration": "{}", "example.com/key": "k",
      "evil-barevip.dev/x": "1", "plain": "p", "nginx.ingress.kubernetes.io/auth-secret": "s",
      "external-dns.alpha.kubernetes.io/hostname": "h", "operator.k8s.io/token": "t"}},
    "spec": {"template": {"metadata": {"annotations": {"example.com/key": "k"}}}}})");
  EXPECT_EQ(reduced(object), json::parse(R"({
    "metadata": {"name": "web", "annotations": {
      "barevip.dev/pool": "a", "node.barevip.dev/x": "1", "deployment.kubernetes.io/revision": "2"}},
    "spec": {"template": {"metadata": {"annotations": {}}}}})"));
}

TEST(AReducedObject, HasNoValuesOfEnvironmentVariablesAndNoCredentials) {
  const json object = json::parse(R"({"spec": {"containers": [{
    "args": ["--leader-elect", "--token=abc"],
    "env": [{"name": "HTTPS_PROXY", "value": "x"},
            {"name": "NODE", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}]}]}})");
  EXPECT_EQ(reduced(object), json::parse(R"({"spec": {"containers": [{
    "args": ["--leader-elect", "--token=[redacted]"],
    "env": [{"name": "HTTPS_PROXY", "value": "[redacted]"},
            {"name": "NODE", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}]}]}})"));
}

TEST(AReducedObject, MayHaveAnyForm) {
  for (const char* const text :
       {"null", "1", R"("x")", "[]", R"({"metadata": 1})", R"({"metadata": {"annotations": 2}})",
        R"({"env": {"value": "x"}})", R"({"env": [1, null]})"}) {
    EXPECT_EQ(reduced(json::parse(text)), json::parse(text));
    EXPECT_TRUE(reducedNode(json::parse(text)).is_object());
    EXPECT_TRUE(reducedDefinition(json::parse(text)).is_object());
  }
}

TEST(AReducedNode, SaysWhatAnnouncingDependsOnAndNoMore) {
  const json node = json::parse(R"({
    "metadata": {"name": "n1", "labels": {"a": "b"}},
    "spec": {"podCIDRs": ["10.1.0.0/24"], "providerID": "x", "unschedulable": true},
    "status": {"addresses": [{"type": "InternalIP", "address": "192.0.2.1"}], "images": [{}],
               "conditions": [], "nodeInfo": {"kernelVersion": "6.1", "machineID": "m"}}})");
  EXPECT_EQ(reducedNode(node), json::parse(R"({
    "metadata": {"name": "n1", "labels": {"a": "b"}},
    "spec": {"podCIDRs": ["10.1.0.0/24"], "unschedulable": true},
    "status": {"addresses": [{"type": "InternalIP", "address": "192.0.2.1"}],
               "conditions": [], "nodeInfo": {"kernelVersion": "6.1"}}})"));
}

TEST(AReducedDefinition, HasVersionsWithoutSchemas) {
  const json definition = json::parse(R"({
    "metadata": {"name": "pools.barevip.dev"},
    "spec": {"versions": [{"name": "v1alpha1", "served": true, "storage": true, "schema": {}}]},
    "status": {"storedVersions": ["v1alpha1"]}})");
  EXPECT_EQ(reducedDefinition(definition), json::parse(R"({
    "metadata": {"name": "pools.barevip.dev"},
    "spec": {"versions": [{"name": "v1alpha1", "served": true, "storage": true}]},
    "status": {"storedVersions": ["v1alpha1"]}})"));
}

}  // namespace
}  // namespace barevip::cli
