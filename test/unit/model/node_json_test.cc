// SPDX-License-Identifier: Apache-2.0
#include "common/model/node_json.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace barevip::model {
namespace {

using nlohmann::json;

TEST(NodeJson, DecodesWhatAnApiServerSends) {
  const auto node = decodeNode(json::parse(R"({
      "metadata": {"name": "node-1", "uid": "u1", "labels": {"zone": "a"}},
      "spec": {"podCIDR": "10.244.1.0/24", "podCIDRs": ["10.244.1.0/24", "fd00:1::/64", "not one"]},
      "status": {
        "addresses": [{"type": "InternalIP", "address": "192.0.2.1"},
                      {"type": "InternalIP", "address": "2001:db8::1"},
                      {"type": "ExternalIP", "address": "198.51.100.1"},
                      {"type": "Hostname", "address": "node-1"},
                      {"type": "InternalIP", "address": "not one"}],
        "conditions": [{"type": "Ready", "status": "True"},
                       {"type": "NetworkUnavailable", "status": "False"}]}})"));
  ASSERT_TRUE(node);
  EXPECT_EQ(node->key, (kube::ObjectKey{"", "node-1"}));
  EXPECT_EQ(node->uid, "u1");
  EXPECT_EQ(node->labels, (StringMap{{"zone", "a"}}));
  EXPECT_EQ(node->internalIps, (std::vector<IpAddress>{*IpAddress::parse("192.0.2.1"),
                                                       *IpAddress::parse("2001:db8::1")}));
  EXPECT_EQ(node->externalIps, (std::vector<IpAddress>{*IpAddress::parse("198.51.100.1")}));
  EXPECT_EQ(node->podRanges, (std::vector<IpRange>{*IpRange::parse("10.244.1.0/24"),
                                                   *IpRange::parse("fd00:1::/64")}));
  EXPECT_TRUE(node->ready);
  EXPECT_FALSE(node->networkUnavailable);
}

TEST(NodeJson, IsNotReadyUnlessItSaysSo) {
  for (const char* status : {"{}", R"({"conditions": [{"type": "Ready", "status": "Unknown"}]})",
                             R"({"conditions": [{"type": "Ready", "status": "False"}]})"}) {
    const auto node = decodeNode(
        json::parse(R"({"metadata": {"name": "n"}, "status": )" + std::string(status) + "}"));
    ASSERT_TRUE(node);
    EXPECT_FALSE(node->ready) << status;
  }
}

TEST(NamespaceJson, KeepsTheLabels) {
  const auto ns =
      decodeNamespace(json::parse(R"({"metadata": {"name": "a", "labels": {"t": "x"}}})"));
  ASSERT_TRUE(ns);
  EXPECT_EQ(ns->key, (kube::ObjectKey{"", "a"}));
  EXPECT_EQ(ns->labels, (StringMap{{"t", "x"}}));
}

TEST(LeaseJson, ComesBackAsItWas) {
  Lease lease;
  lease.key = {"barevip-system", "node-1"};
  lease.resourceVersion = "9";
  lease.labels = {{"a", "1"}};
  lease.annotations = {{"b", "2"}};
  lease.holder = "node-1";
  lease.durationSeconds = 10;
  lease.renewTime = "2024-01-01T00:00:00.000001Z";
  lease.acquireTime = "2024-01-01T00:00:00.000000Z";
  lease.transitions = 3;
  const auto back = decodeLease(encodeLease(lease));
  ASSERT_TRUE(back);
  EXPECT_EQ(*back, lease);
}

TEST(LeaseJson, LeavesOutWhatIsEmpty) {
  Lease lease;
  lease.key = {"barevip-system", "leader"};
  const json encoded = encodeLease(lease);
  for (const char* name : {"holderIdentity", "renewTime", "acquireTime", "leaseDurationSeconds"}) {
    EXPECT_FALSE(encoded["spec"].contains(name)) << name;
  }
  EXPECT_FALSE(encoded["metadata"].contains("resourceVersion"));
}

}  // namespace
}  // namespace barevip::model
