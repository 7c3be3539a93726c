// SPDX-License-Identifier: Apache-2.0
#include "cli/view/verify.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "fakes/builders/view_cluster.h"

namespace barevip::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using view::test::assigned;
using view::test::ClusterBuilder;
using Kind = ServiceVerdict::Kind;

SavedService saved(const std::string& name, const std::vector<std::string>& addresses) {
  SavedService service;
  service.key = {"default", name};
  for (const std::string& each : addresses) service.ingress.push_back({each, "", ""});
  return service;
}

ClusterBuilder clusterWithAPool() {
  ClusterBuilder builder;
  return builder.node("n1").pool("a", "10.0.0.0/29", 6, 1);
}

/// What another load balancer wrote.
void shows(ClusterBuilder& builder, const std::string& name, const std::string& address) {
  model::Service service = barevip::test::service(name, {});
  service.uid = "uid-" + name;
  service.conditions.clear();
  service.ipFamilies = {Family::kIpv4};
  if (!address.empty()) service.ingress = {{address, "", "VIP"}};
  builder.add(builder.cluster.state.services, std::move(service));
}

ServiceVerdict verdictOn(const SavedService& service, const ClusterBuilder& builder,
                         std::vector<OtherBalancer> others = {}) {
  return verifyMigration({"", {service}}, builder.cluster, std::move(others)).services.at(0);
}

TEST(AVerification, OfAnAddressThatBarevipServesIsKept) {
  auto builder = clusterWithAPool().served("web", "10.0.0.2", "a", "n1");
  const auto verdict = verdictOn(saved("web", {"10.0.0.2"}), builder);
  EXPECT_EQ(verdict, (ServiceVerdict{"default/web", {"10.0.0.2"}, {"10.0.0.2"}, Kind::kKept, ""}));
}

TEST(AVerification, ComparesAddressesAndNotTexts) {
  auto builder = clusterWithAPool();
  builder.pool("b", "2001:db8::/125", 6, 1).served("web", "2001:db8::2", "b", "n1");
  EXPECT_EQ(verdictOn(saved("web", {"2001:DB8:0::2"}), builder).kind, Kind::kKept);
}

TEST(AVerification, NamesBothAddressesOfAServiceThatMoved) {
  auto builder = clusterWithAPool().served("web", "10.0.0.2", "a", "n1");
  const auto verdict = verdictOn(saved("web", {"192.0.2.9"}), builder);
  EXPECT_EQ(verdict.kind, Kind::kMoved);
  EXPECT_THAT(verdict.before, ElementsAre("192.0.2.9"));
  EXPECT_THAT(verdict.now, ElementsAre("10.0.0.2"));
  EXPECT_EQ(verdict.why, "no Pool that is ready has 192.0.2.9");
}

TEST(AVerification, OfAServiceThatWaitsHasTheReasonOfItsCondition) {
  auto builder = clusterWithAPool().service(
      "web", "", assigned("False", "PoolExhausted", "no free IPv4 address"));
  const auto verdict = verdictOn(saved("web", {"10.0.0.2"}), builder);
  EXPECT_EQ(verdict.kind, Kind::kLost);
  EXPECT_EQ(verdict.why, "no free IPv4 address");
}

TEST(AVerification, OfAServiceThatIsGoneIsLost) {
  const auto verdict = verdictOn(saved("web", {"10.0.0.2"}), clusterWithAPool());
  EXPECT_EQ(verdict.kind, Kind::kLost);
  EXPECT_EQ(verdict.why, "the Service does not exist any more");
}

TEST(AVerification, TellsTheAddressesOfAnotherLoadBalancerFromThoseOfBarevip) {
  auto builder = clusterWithAPool();
  shows(builder, "web", "10.0.0.2");
  const auto verdict = verdictOn(saved("web", {"10.0.0.2"}), builder);
  EXPECT_EQ(verdict.kind, Kind::kOther);
  EXPECT_THAT(verdict.why, HasSubstr("the operator runs without --adopt"));
  builder.cluster.rules.adopt = true;
  EXPECT_EQ(verdictOn(saved("web", {"10.0.0.2"}), builder).why, "barevip has not adopted it");
  builder.cluster.rules.classes.required = true;
  EXPECT_EQ(verdictOn(saved("web", {"10.0.0.2"}), builder).why,
            "it has no class, and the operator requires one");
}

TEST(AVerification, WarnsOfTwoWritersWhileTheOtherLoadBalancerRuns) {
  auto builder = clusterWithAPool().served("web", "10.0.0.2", "a", "n1");
  const std::vector<OtherBalancer> others{{"MetalLB", "Deployment metallb-system/controller"}};
  const auto verdict = verdictOn(saved("web", {"10.0.0.2"}), builder, others);
  EXPECT_EQ(verdict.kind, Kind::kTwoWriters);
  EXPECT_EQ(verdict.why, "MetalLB runs and may write its status, too");
}

TEST(AVerification, KnowsThatAnotherLoadBalancerLeavesTheClassOfBarevipAlone) {
  auto builder = clusterWithAPool().served("web", "10.0.0.2", "a", "n1");
  auto& service = builder.cluster.state.services.front();
  model::Service classed = *service;
  classed.loadBalancerClass = model::kLoadBalancerClass;
  service = std::make_shared<const model::Service>(std::move(classed));
  const std::vector<OtherBalancer> others{{"MetalLB", "Deployment metallb-system/controller"}};
  EXPECT_EQ(verdictOn(saved("web", {"10.0.0.2"}), builder, others).kind, Kind::kKept);
}

TEST(AVerification, HasNoProblemWithAServiceThatHadNoAddress) {
  auto builder = clusterWithAPool().served("new", "10.0.0.2", "a", "n1");
  shows(builder, "old", "");
  const Verification all = verifyMigration(
      {"", {saved("new", {}), saved("old", {}), saved("gone", {})}}, builder.cluster, {});
  EXPECT_FALSE(all.hasProblem());
}

TEST(AVerification, OfNothingHasNoProblem) {
  const Verification none = verifyMigration({}, clusterWithAPool().cluster, {});
  EXPECT_THAT(none.services, IsEmpty());
  EXPECT_FALSE(none.hasProblem());
}

}  // namespace
}  // namespace barevip::cli
