// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/desired/endpoint_admission.h"

#include <gtest/gtest.h>

#include "unit/ipvsnode/builders.h"

namespace barevip::node::test {
namespace {

model::Service selecting(model::Service service) {
  service.selects = true;
  return service;
}

model::EndpointSlice derived(model::EndpointSlice slice) {
  slice.byController = true;
  return slice;
}

template <class Object>
Object in(const std::string& ns, Object object) {
  object.key.ns = ns;
  return object;
}

/// Nodes, the API server, a Service with a clusterIP, and pods of the namespaces default and shop.
ClusterState busyCluster() {
  model::Service internal = selecting(in("shop", service("db", {})));
  internal.clusterIps = {ip("10.96.0.7"), ip("fd00:96::7")};
  model::Node edge = node("n1", "172.18.0.2");
  edge.externalIps = {ip("203.0.113.2")};
  model::EndpointSlice api = slice("kubernetes", {{"172.18.0.9", ""}});
  api.key.name = "kubernetes";
  ClusterBuilder cluster;
  cluster.add(edge).add(internal).add(api);
  cluster.add(derived(in("shop", slice("db", {{"10.1.0.7"}, {"10.1.0.8"}}))));
  cluster.add(selecting(service("own", {}))).add(derived(slice("own", {{"10.1.0.1"}})));
  // Somebody writes another one's pod into a slice that says who keeps it.
  cluster.add(service("forged", {})).add(derived(slice("forged", {{"10.1.0.8"}})));
  return cluster.state;
}

struct Row {
  const char* promise;
  std::string address;
  bool byHand = true;
  std::string what;  ///< empty: it may be a real server
  std::string ns = "default";
};

class WhatEndpointsMayLeadTo : public testing::TestWithParam<Row> {};

TEST_P(WhatEndpointsMayLeadTo, Holds) {
  const auto [promise, address, byHand, what, ns] = GetParam();
  model::EndpointSlice one = in(ns, slice("web", {{address}}));
  one.byController = !byHand;
  ClusterState cluster = busyCluster();
  cluster.slices.push_back(std::make_shared<model::EndpointSlice>(one));
  const std::set<IpAddress> vips{ip("192.0.2.1")};
  const std::set<std::string> trusted{"ops"};
  EndpointAdmission admission(cluster, vips, trusted);
  const auto refusal = admission.refusal(in(ns, selecting(service("web", {}))), one, ip(address));
  EXPECT_EQ(refusal.value_or(""), what);
}

INSTANTIATE_TEST_SUITE_P(
    EndpointAdmission, WhatEndpointsMayLeadTo,
    testing::Values(
        Row{"a_machine_beyond_the_cluster_may_be_an_endpoint", "198.51.100.7", true, ""},
        Row{"a_node_is_no_endpoint_by_hand", "172.18.0.2", true, "the address of node n1"},
        Row{"nor_by_its_external_address", "203.0.113.2", true, "the address of node n1"},
        Row{"a_pod_may_have_the_network_of_its_node", "172.18.0.2", false, ""},
        Row{"an_api_server_is_no_endpoint_by_hand", "172.18.0.9", true,
            "the address of an API server"},
        Row{"a_cluster_ip_is_no_endpoint_by_hand", "10.96.0.7", true, "the clusterIP of a Service"},
        Row{"nor_is_one_of_ipv6", "fd00:96::7", true, "the clusterIP of a Service"},
        Row{"a_pod_of_another_namespace_is_none_by_hand", "10.1.0.7", true,
            "a pod of another namespace"},
        Row{"a_pod_of_the_own_namespace_may_be_written_by_hand", "10.1.0.1", true, ""},
        Row{"a_forged_slice_makes_no_pod_an_own_one", "10.1.0.8", true,
            "a pod of another namespace"},
        Row{"a_pod_that_nobody_selects_may_be_written_by_hand", "10.1.0.99", true, ""},
        Row{"a_namespace_that_is_trusted_may_lead_anywhere", "172.18.0.2", true, "", "ops"},
        Row{"but_not_to_a_vip", "192.0.2.1", true, "the address of a load balancer", "ops"},
        Row{"a_vip_is_never_an_endpoint", "192.0.2.1", false, "the address of a load balancer"},
        Row{"the_loopback_is_never_an_endpoint", "127.0.0.1", false,
            "not a unicast address that others can reach"}),
    [](const auto& test) { return test.param.promise; });

TEST(EndpointAdmission, BelievesTheControlPlaneOnlyOfAServiceWithASelector) {
  // Without one it leaves alone what says that it keeps it.
  EXPECT_TRUE(
      EndpointAdmission::isDerived(selecting(service("web", {})), derived(slice("web", {}))));
  EXPECT_FALSE(EndpointAdmission::isDerived(service("web", {}), derived(slice("web", {}))));
  EXPECT_FALSE(EndpointAdmission::isDerived(selecting(service("web", {})), slice("web", {})));
}

}  // namespace
}  // namespace barevip::node::test
