// SPDX-License-Identifier: Apache-2.0
#include "common/model/service_cidr_json.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace barevip::model {
namespace {

using nlohmann::json;

TEST(ServiceCidrJson, HasTheRangesOfBothFamilies) {
  const auto cidr = decodeServiceCidr(json::parse(R"({
      "apiVersion": "networking.k8s.io/v1", "kind": "ServiceCIDR",
      "metadata": {"name": "kubernetes", "resourceVersion": "7"},
      "spec": {"cidrs": ["10.96.0.0/12", "fd00:96::/108"]},
      "status": {"conditions": [{"type": "Ready", "status": "True"}]}})"));
  ASSERT_TRUE(cidr);
  EXPECT_EQ(cidr->key, (kube::ObjectKey{"", "kubernetes"}));
  EXPECT_EQ(cidr->ranges, (std::vector<IpRange>{*IpRange::parse("10.96.0.0/12"),
                                                *IpRange::parse("fd00:96::/108")}));
  EXPECT_TRUE(cidr->malformed.empty());
}

TEST(ServiceCidrJson, AMalformedEntryLeavesTheOthers) {
  const auto cidr = decodeServiceCidr(json::parse(R"({
      "metadata": {"name": "odd"},
      "spec": {"cidrs": ["nonsense", "10.96.0.7/12", 7, "10.0.0.0-10.0.0.9", "10.0.0.0/33"]}})"));
  ASSERT_TRUE(cidr);
  EXPECT_EQ(cidr->ranges, (std::vector<IpRange>{*IpRange::parse("10.96.0.0/12")}));
  EXPECT_EQ(cidr->malformed,
            (std::vector<std::string>{"nonsense", "10.0.0.0-10.0.0.9", "10.0.0.0/33"}));
}

TEST(ServiceCidrJson, WithoutEntriesThereIsNoRange) {
  for (const char* spec : {"{}", "null", R"({"cidrs": null})", R"({"cidrs": "10.96.0.0/12"})"}) {
    const auto cidr = decodeServiceCidr(
        json::parse(R"({"metadata": {"name": "a"}, "spec": )" + std::string(spec) + "}"));
    ASSERT_TRUE(cidr) << spec;
    EXPECT_TRUE(cidr->ranges.empty()) << spec;
  }
  EXPECT_FALSE(decodeServiceCidr(json("text")));
}

}  // namespace
}  // namespace barevip::model
