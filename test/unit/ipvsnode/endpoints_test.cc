// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/desired/endpoints.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/ipvsnode/builders.h"

namespace barevip::node::test {
namespace {

using model::TrafficPolicy;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

const model::ServicePort kHttp{"http", model::Protocol::kTcp, 80, 0};

EndpointChoice choose(const std::vector<model::EndpointSlice>& slices,
                      TrafficPolicy policy = TrafficPolicy::kCluster, Family family = Family::kIpv4,
                      const std::set<IpAddress>& vips = {},
                      const model::ServicePort& port = kHttp) {
  std::vector<const model::EndpointSlice*> pointers;
  for (const auto& one : slices) pointers.push_back(&one);
  model::Service web = service("web", {});
  web.externalTrafficPolicy = policy;
  const ClusterState nobodyElse;
  const std::set<std::string> nobody;
  EndpointAdmission admission(nobodyElse, vips, nobody);
  return chooseEndpoints(pointers, {web, family, port, "n1"}, admission);
}

// The truth table. "here" is n1.
struct Row {
  const char* promise;
  TrafficPolicy policy;
  std::vector<EndpointSpec> endpoints;
  std::vector<std::string> chosen;
  bool localOnly;
};

class TruthTable : public testing::TestWithParam<Row> {};

TEST_P(TruthTable, Holds) {
  model::EndpointSlice one = slice("web", {});
  for (const EndpointSpec& spec : GetParam().endpoints) {
    one.endpoints.push_back(
        {{ip(spec.address)}, spec.node, spec.ready, spec.serving, spec.terminating});
  }
  const EndpointChoice choice = choose({one}, GetParam().policy);
  std::vector<ipvs::RealServerKey> expected;
  for (const auto& address : GetParam().chosen) expected.push_back(real(address));
  EXPECT_EQ(choice.realServers, expected);
  EXPECT_EQ(choice.localOnly, GetParam().localOnly);
}

INSTANTIATE_TEST_SUITE_P(
    Endpoints, TruthTable,
    testing::Values(Row{"cluster_takes_ready_ones_of_all_nodes",
                        TrafficPolicy::kCluster,
                        {{"10.1.0.2", "n2"}, {"10.1.0.1", "n1"}},
                        {"10.1.0.1", "10.1.0.2"},
                        false},
                    Row{"cluster_leaves_out_unready_and_terminating_ones",
                        TrafficPolicy::kCluster,
                        {{"10.1.0.1"}, unready("10.1.0.2"), terminating("10.1.0.3")},
                        {"10.1.0.1"},
                        false},
                    Row{"cluster_falls_back_to_serving_and_terminating",
                        TrafficPolicy::kCluster,
                        {unready("10.1.0.2"), terminating("10.1.0.3")},
                        {"10.1.0.3"},
                        false},
                    Row{"terminating_that_serves_no_more_is_never_taken",
                        TrafficPolicy::kCluster,
                        {{"10.1.0.1", "n1", false, false, true}},
                        {},
                        false},
                    Row{"serving_but_not_terminating_is_not_taken",
                        TrafficPolicy::kCluster,
                        {{"10.1.0.1", "n1", false, true, false}},
                        {},
                        false},
                    Row{"none_at_all", TrafficPolicy::kCluster, {}, {}, false},
                    Row{"local_takes_ready_ones_of_this_node_only",
                        TrafficPolicy::kLocal,
                        {{"10.1.0.1", "n1"}, {"10.1.0.2", "n2"}},
                        {"10.1.0.1"},
                        true},
                    Row{"local_prefers_own_terminating_to_remote_ready",
                        TrafficPolicy::kLocal,
                        {terminating("10.1.0.1", "n1"), {"10.1.0.2", "n2"}},
                        {"10.1.0.1"},
                        true},
                    Row{"local_without_own_ones_serves_the_inside_by_all",
                        TrafficPolicy::kLocal,
                        {{"10.1.0.2", "n2"}, {"10.1.0.3", "n3"}},
                        {"10.1.0.2", "10.1.0.3"},
                        false},
                    Row{"local_without_own_ones_falls_back_too",
                        TrafficPolicy::kLocal,
                        {terminating("10.1.0.2", "n2")},
                        {"10.1.0.2"},
                        false},
                    Row{"endpoint_of_no_known_node_is_not_local",
                        TrafficPolicy::kLocal,
                        {{"10.1.0.1", ""}},
                        {"10.1.0.1"},
                        false}),
    [](const auto& test) { return test.param.promise; });

TEST(Endpoints, AreMatchedByPortNameAndProtocol) {
  model::EndpointSlice one = slice("web", {{"10.1.0.1"}});
  one.ports = {{"http", model::Protocol::kTcp, 8080},
               {"http", model::Protocol::kUdp, 8081},
               {"admin", model::Protocol::kTcp, 9090}};
  EXPECT_THAT(choose({one}).realServers, ElementsAre(real("10.1.0.1", 8080)));
  const model::ServicePort unnamed{"", model::Protocol::kTcp, 80, 0};
  EXPECT_THAT(choose({one}, TrafficPolicy::kCluster, Family::kIpv4, {}, unnamed).realServers,
              IsEmpty());
}

TEST(Endpoints, OfTheOtherFamilyAreNotMixedIn) {
  const std::vector<model::EndpointSlice> slices{slice("web", {{"10.1.0.1"}}),
                                                 slice("web", {{"fd00:1::1"}}, Family::kIpv6)};
  EXPECT_THAT(choose(slices).realServers, ElementsAre(real("10.1.0.1")));
  EXPECT_THAT(choose(slices, TrafficPolicy::kCluster, Family::kIpv6).realServers,
              ElementsAre(real("fd00:1::1")));
}

TEST(Endpoints, InSeveralSlicesCountOnce) {
  EXPECT_THAT(choose({slice("web", {{"10.1.0.2"}, {"10.1.0.1"}}), slice("web", {{"10.1.0.1"}})})
                  .realServers,
              ElementsAre(real("10.1.0.1"), real("10.1.0.2")));
}

TEST(Endpoints, OnlyTheFirstAddressOfAnEndpointCounts) {
  model::EndpointSlice one = slice("web", {{"10.1.0.1"}});
  one.endpoints[0].addresses.push_back(ip("10.1.0.9"));
  EXPECT_THAT(choose({one}).realServers, ElementsAre(real("10.1.0.1")));
}

TEST(Endpoints, ThatNoPodCanHaveAreRefusedAndCounted) {
  const EndpointChoice choice = choose({slice("web", {{"127.0.0.1"},
                                                      {"169.254.169.254"},
                                                      {"224.0.0.1"},
                                                      {"0.0.0.0"},
                                                      {"192.0.2.1"},
                                                      {"10.1.0.1"}})},
                                       TrafficPolicy::kCluster, Family::kIpv4, {ip("192.0.2.1")});
  EXPECT_THAT(choice.realServers, ElementsAre(real("10.1.0.1")));
  EXPECT_EQ(choice.refused.count, 5U);
  EXPECT_EQ(choice.refused.first, ip("127.0.0.1"));
  EXPECT_EQ(choice.refused.what, "not a unicast address that others can reach");
}

TEST(Endpoints, WithoutAddressOrPortDoNotCount) {
  model::EndpointSlice one = slice("web", {{"10.1.0.1"}});
  one.endpoints.push_back({});
  one.ports.push_back({"http", model::Protocol::kTcp, 0});
  EXPECT_THAT(choose({one}).realServers, ElementsAre(real("10.1.0.1")));
}

TEST(Endpoints, BelongToTheServiceThatTheSliceNames) {
  ClusterBuilder cluster;
  cluster.add(slice("web", {{"10.1.0.1"}})).add(slice("other", {{"10.1.0.2"}}));
  model::EndpointSlice elsewhere = slice("web", {{"10.1.0.3"}});
  elsewhere.key.ns = "shop";
  cluster.add(elsewhere).add(slice("", {{"10.1.0.4"}}));
  const EndpointIndex index(cluster.state.slices);
  ASSERT_EQ(index.of({"default", "web"}).size(), 1U);
  EXPECT_EQ(index.of({"default", "web"})[0]->endpoints[0].addresses[0], ip("10.1.0.1"));
  EXPECT_TRUE(index.of({"default", "nobody"}).empty());
}

std::set<std::string> nodesOf(const model::EndpointSlice& one) {
  const std::vector<const model::EndpointSlice*> pointers{&one};
  const ClusterState nobodyElse;
  const std::set<std::string> nobody;
  const std::set<IpAddress> vips{ip("192.0.2.1")};
  EndpointAdmission admission(nobodyElse, vips, nobody);
  return nodesWithEndpoints(pointers, service("web", {}), Family::kIpv4, admission);
}

TEST(Endpoints, NodesWithReadyOnesAreThePlacesForLocal) {
  EXPECT_THAT(nodesOf(slice("web", {{"10.1.0.1", "n1"},
                                    {"10.1.0.2", "n2"},
                                    terminating("10.1.0.3", "n3"),
                                    {"10.1.0.4", ""}})),
              UnorderedElementsAre("n1", "n2"));
  EXPECT_THAT(nodesOf(slice("web", {unready("10.1.0.1", "n1"), terminating("10.1.0.3", "n3")})),
              UnorderedElementsAre("n3"));
  EXPECT_THAT(nodesOf(slice("web", {})), IsEmpty());
}

TEST(Endpoints, ThatAreRefusedMakeNoNodeAPlaceForLocal) {
  EXPECT_THAT(nodesOf(slice("web", {{"192.0.2.1", "n1"}, {"10.1.0.1", "n2"}})),
              UnorderedElementsAre("n2"));
}

}  // namespace
}  // namespace barevip::node::test
