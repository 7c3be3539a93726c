// SPDX-License-Identifier: Apache-2.0
#include "view/traffic.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "barevip/model/forwarding.h"

#include "fakes/builders/view_cluster.h"

namespace barevip::view {
namespace {

using barevip::test::slice;
using test::ClusterBuilder;
using testing::ElementsAre;
using testing::IsEmpty;

ClusterBuilder served() {
  return ClusterBuilder()
      .node("n1")
      .node("n2")
      .pool("a", "10.0.0.0/28", 14, 1)
      .served("web", "10.0.0.1", "a", "n1");
}

std::vector<VipTraffic> trafficOf(const ClusterBuilder& builder) {
  return view::trafficOf(builder.cluster, forwardingOf(builder.cluster));
}

TEST(TheTraffic, LeadsToTheOwnerAndToReadyEndpointsWithTheirNodes) {
  auto builder = served();
  builder.add(
      builder.cluster.state.slices,
      slice("web", {{"10.1.0.1", "n1"}, {"10.1.0.2", ""}, barevip::test::unready("10.1.0.3")}));
  const std::vector<VipTraffic> expected{
      {"10.0.0.1",
       "n1",
       {{"default/web", "80/TCP", false, 2, {{"10.1.0.1:8080", "n1"}, {"10.1.0.2:8080", ""}}}}}};
  EXPECT_EQ(trafficOf(builder), expected);
}

TEST(TheTraffic, OfAServiceWithoutEndpointsHasNoBackends) {
  const auto traffic = trafficOf(served());
  ASSERT_EQ(traffic.size(), 1U);
  ASSERT_EQ(traffic[0].ports.size(), 1U);
  EXPECT_EQ(traffic[0].ports[0].total, 0U);
  EXPECT_THAT(traffic[0].ports[0].backends, IsEmpty());
}

TEST(TheTraffic, CountsAllBackendsAndNamesTheFirst) {
  auto builder = served();
  model::EndpointSlice many = slice("web", {});
  for (std::size_t i = 0; i < kMostBackends + 6; ++i) {
    many.endpoints.push_back(
        {{barevip::test::ip("10.1.1." + std::to_string(i))}, "n1", true, true, false});
  }
  builder.add(builder.cluster.state.slices, std::move(many));
  const auto traffic = trafficOf(builder);
  EXPECT_EQ(traffic.at(0).ports.at(0).total, kMostBackends + 6);
  EXPECT_EQ(traffic.at(0).ports.at(0).backends.size(), kMostBackends);
}

TEST(TheTraffic, KeepsThePortsOfEachVipApart) {
  const auto builder = served().served("db", "10.0.0.2", "a", "n2");
  std::vector<std::string> texts;
  for (const VipTraffic& vip : trafficOf(builder)) {
    for (const PortTraffic& port : vip.ports) texts.push_back(vip.address + " " + port.service);
  }
  EXPECT_THAT(texts, ElementsAre("10.0.0.1 default/web", "10.0.0.2 default/db"));
}

TEST(TheTraffic, ByKubeProxyHasNoPortsOfIpvs) {
  auto builder = served();
  auto& web = builder.cluster.state.services[0];
  model::Service proxied = *web;
  proxied.forward = model::ForwardMode::kKubeProxy;
  proxied.ingress[0].ipMode = model::kIpModeVip;
  web = std::make_shared<const model::Service>(std::move(proxied));
  const std::vector<VipTraffic> expected{{"10.0.0.1", "n1", {}, true}};
  EXPECT_EQ(trafficOf(builder), expected);
}

TEST(TheTraffic, OfAVipThatNoNodeMayAnnounceHasNoOwner) {
  const auto builder =
      ClusterBuilder().pool("a", "10.0.0.0/28", 14, 1).served("web", "10.0.0.1", "a", "");
  EXPECT_EQ(trafficOf(builder).at(0).owner, "");
}

}  // namespace
}  // namespace barevip::view
