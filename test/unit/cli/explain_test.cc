// SPDX-License-Identifier: Apache-2.0
#include "cli/view/explain.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>
#include <string>

#include "cli/print/documents.h"
#include "cli/print/explain_print.h"
#include "fakes/builders/view_cluster.h"

namespace barevip::cli {
namespace {

using testing::HasSubstr;
using view::test::assigned;
using view::test::ClusterBuilder;

ServiceExplanation explained(const ClusterBuilder& builder, const std::string& name) {
  return explainService(builder.cluster, {"default", name}).value();
}

std::string printed(const ClusterBuilder& builder, const std::string& name) {
  std::ostringstream out;
  printExplanation(explained(builder, name), {}, out);
  return "\n" + out.str();
}

ClusterBuilder cluster() {
  ClusterBuilder builder;
  builder.node("n1").node("n2").pool("a", "10.0.0.0/30", 2, 1).served("web", "10.0.0.1", "a", "n1");
  builder.add(builder.cluster.state.slices,
              barevip::test::slice("web", {{"10.1.0.1", "n1"}, {"10.1.0.2", "n2"}}));
  return builder;
}

TEST(AnExplanation, LeadsFromTheRequestToTheBackends) {
  EXPECT_EQ(printed(cluster(), "web"), R"(
Service default/web shows 10.0.0.1.

It asks for
  forwarding: masquerade
  families: IPv4

Pools, in the order in which they are tried
  a: the Service has 10.0.0.1 from it

10.0.0.1 (Pool a): the Service has it, and keeps it.
  recorded by the IP object default/web-10.0.0.1
  owner: n1, announced by: n1
    node n1 announces it already, and keeps it
    node n2 is a candidate

The owner forwards
  TCP 10.0.0.1:80 -> 10.1.0.1:8080, 10.1.0.2:8080
)");
}

TEST(AnExplanation, OfAPendingServiceNamesTheRefusalOfEachPool) {
  auto builder = ClusterBuilder()
                     .node("n1")
                     .pool("a", "10.0.0.1", 1, 1)
                     .pool("b", "10.0.1.0/30", 2, 0)
                     .served("web", "10.0.0.1", "a", "n1")
                     .service("db", "", assigned("False", "PoolExhausted", ""));
  model::Pool kept = *builder.cluster.state.pools[1];
  kept.namespaces = {"shop"};
  builder.cluster.state.pools[1] = std::make_shared<model::Pool>(kept);
  const ServiceExplanation explanation = explained(builder, "db");
  EXPECT_EQ(explanation.reason, "PoolExhausted");
  EXPECT_EQ(explanation.message, "no free IPv4 address in Pool \"a\"");
  ASSERT_EQ(explanation.pools.size(), 2U);
  EXPECT_EQ(explanation.pools[0].what, "b");
  EXPECT_THAT(explanation.pools[0].verdict, HasSubstr("does not admit this"));
  EXPECT_EQ(explanation.pools[1].verdict, "has no free IPv4 address");
}

TEST(AnExplanation, ShowsTheAddressThatAServiceWouldGetNext) {
  auto builder = ClusterBuilder().node("n1").pool("a", "10.0.0.8/30", 4, 0);
  model::Service fresh = barevip::test::service("new", {});
  fresh.ipFamilies = {Family::kIpv4};
  fresh.conditions.clear();
  builder.add(builder.cluster.state.services, std::move(fresh));
  const ServiceExplanation explanation = explained(builder, "new");
  ASSERT_EQ(explanation.addresses.size(), 1U);
  EXPECT_TRUE(explanation.addresses[0].isNew);
  EXPECT_EQ(explanation.reason, "");
}

TEST(AnExplanation, SaysWhyBarevipDoesNotServeAService) {
  auto builder = cluster();
  model::Service other = barevip::test::service("other", {});
  other.conditions.clear();
  other.loadBalancerClass = "example.com/other";
  builder.add(builder.cluster.state.services, other);
  other.key.name = "plain";
  other.type = "ClusterIP";
  builder.add(builder.cluster.state.services, other);
  EXPECT_EQ(explained(builder, "other").reason, "ClassNotServed");
  EXPECT_THAT(explained(builder, "other").message,
              HasSubstr("does not serve the spec.loadBalancerClass \"example.com/other\""));
  EXPECT_EQ(explained(builder, "plain").reason, "NotLoadBalancer");
  builder.cluster.rules.classes.required = true;
  other.key.name = "classless";
  other.type = "LoadBalancer";
  other.loadBalancerClass = "";
  builder.add(builder.cluster.state.services, other);
  EXPECT_THAT(explained(builder, "classless").message,
              HasSubstr("has no spec.loadBalancerClass, and the operator requires one"));
}

TEST(AnExplanation, SaysWhyANodeIsNotACandidate) {
  auto builder = cluster();
  view::Daemon daemon;
  daemon.says.eligibility.serving = false;
  builder.node("n3", daemon).node("n4", {.says = {}, .silent = true});
  model::Node excluded = *builder.cluster.state.nodes[1];
  excluded.labels["node.kubernetes.io/exclude-from-external-load-balancers"] = "";
  builder.cluster.state.nodes[1] = std::make_shared<model::Node>(excluded);
  const std::string text = printed(builder, "web");
  EXPECT_THAT(text, HasSubstr("node n2 has the label node.kubernetes.io/exclude"));
  EXPECT_THAT(text, HasSubstr("node n3 reports that it cannot announce it"));
  EXPECT_THAT(text, HasSubstr("node n4 is silent"));
}

TEST(AnExplanation, SaysWhyAPortHasNoBackend) {
  auto builder = ClusterBuilder()
                     .node("n1")
                     .pool("a", "10.0.0.0/30", 2, 1)
                     .served("web", "10.0.0.1", "a", "n1");
  EXPECT_THAT(printed(builder, "web"),
              HasSubstr("TCP 10.0.0.1:80 -> nothing: the Service has no EndpointSlice for IPv4"));
  builder.add(builder.cluster.state.slices,
              barevip::test::slice("web", {barevip::test::unready("10.1.0.1")}));
  EXPECT_THAT(printed(builder, "web"), HasSubstr("none of its 1 endpoints is ready"));
}

TEST(AnExplanation, NamesAnEndpointThatNoPodHas) {
  auto builder = ClusterBuilder()
                     .node("n1")
                     .pool("a", "10.0.0.0/30", 2, 1)
                     .served("web", "10.0.0.1", "a", "n1");
  builder.add(builder.cluster.state.slices, barevip::test::slice("web", {{"10.0.0.1"}}));
  EXPECT_THAT(printed(builder, "web"),
              HasSubstr("nothing: endpoint 10.0.0.1 is left out: it is the address of a load "
                        "balancer"));
}

TEST(AnExplanation, OfAServiceThatIsNotThereSaysHowToNameIt) {
  const auto nothing = explainService(cluster().cluster, {"default", "wbe"});
  ASSERT_FALSE(nothing);
  EXPECT_EQ(nothing.error().message,
            "there is no Service \"wbe\" in namespace \"default\": name the namespace with -n");
}

TEST(AnExplanation, IsThereForPrograms) {
  const std::string text = toJson(explained(cluster(), "web"));
  EXPECT_THAT(text, HasSubstr("\"owner\": \"n1\""));
  EXPECT_THAT(toYaml(explained(cluster(), "web")), HasSubstr("service: \"default/web\""));
}

}  // namespace
}  // namespace barevip::cli
