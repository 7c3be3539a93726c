// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/plan/drift.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "unit/ipvsnode/builders.h"

namespace barevip::node::test {
namespace {

KernelState mirror() {
  KernelState state;
  const auto key = tcp("192.0.2.1", 80);
  state.virtualServers[key] = {key, {}, {{real("10.1.0.1")}, {real("10.1.0.2")}}};
  state.nodeObjects = {net::ProxyNeighbour{ip("192.0.2.1"), "eth0"},
                       net::Route{*IpPrefix::parse("192.0.2.1/32"), 254, ip("169.254.77.2"), "d"},
                       net::Rule{Family::kIpv4, 100, 7, "", 0, 0}};
  state.balancerObjects = {net::BoundAddress{ip("192.0.2.1"), "lo"}};
  return state;
}

ipvs::VirtualServer& web(KernelState& state) {
  return state.virtualServers.at(tcp("192.0.2.1", 80));
}

struct DriftCase {
  const char* name;
  std::function<void(KernelState&)> change;
  Drift expected;
};

class DriftTest : public testing::TestWithParam<DriftCase> {};

TEST_P(DriftTest, IsCountedByKind) {
  const KernelState before = mirror();
  KernelState found = mirror();
  GetParam().change(found);
  Drift drift;
  const auto ours = [](const auto& key) { return key.vip != ip("192.0.2.99"); };
  addIpvsDrift(before, found, ours, drift);
  addLinkDrift(before.nodeObjects, found.nodeObjects, drift);
  addLinkDrift(before.balancerObjects, found.balancerObjects, drift);
  EXPECT_EQ(drift, GetParam().expected);
}

const auto kSecond = tcp("192.0.2.2", 80);
const auto kForeign = tcp("192.0.2.99", 80);

INSTANTIATE_TEST_SUITE_P(
    All, DriftTest,
    testing::Values(DriftCase{"Nothing", [](KernelState&) {}, {}},
                    DriftCase{"ConnectionsAreNone",
                              [](KernelState& k) { web(k).realServers[0].activeConnections = 5; },
                              {}},
                    DriftCase{"AVirtualServerThatIsGoneIsOne",
                              [](KernelState& k) { k.virtualServers.clear(); },
                              {{"virtual_server", 1}}},
                    DriftCase{"AVirtualServerThatCameIsOne",
                              [](KernelState& k) {
                                k.virtualServers[kSecond] = {kSecond, {}, {{real("10.1.0.1")}}};
                              },
                              {{"virtual_server", 1}}},
                    DriftCase{"OneOfAnotherProgramIsNone",
                              [](KernelState& k) {
                                k.virtualServers[kForeign] = {kForeign, {}, {}};
                              },
                              {}},
                    DriftCase{"AnotherSchedulerIsOne",
                              [](KernelState& k) { web(k).options.scheduler = "lc"; },
                              {{"virtual_server", 1}}},
                    DriftCase{"ARealServerThatIsGoneIsOne",
                              [](KernelState& k) { web(k).realServers.pop_back(); },
                              {{"real_server", 1}}},
                    DriftCase{"AWeightIsOne",
                              [](KernelState& k) { web(k).realServers[1].weight = 7; },
                              {{"real_server", 1}}},
                    DriftCase{"ARealServerInThePlaceOfAnotherIsTwo",
                              [](KernelState& k) { web(k).realServers[0].key = real("10.1.0.0"); },
                              {{"real_server", 2}}},
                    DriftCase{"ItemsAreNamed",
                              [](KernelState& k) {
                                k.nodeObjects.clear();
                                k.balancerObjects.clear();
                              },
                              {{"address", 1}, {"neighbour", 1}, {"route", 1}, {"rule", 1}}}),
    [](const auto& parameters) { return parameters.param.name; });

}  // namespace
}  // namespace barevip::node::test
