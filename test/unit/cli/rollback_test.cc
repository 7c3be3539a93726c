// SPDX-License-Identifier: Apache-2.0
#include "cli/view/rollback.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

namespace barevip::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

SavedService service(const std::string& name, const std::string& address,
                     const std::string& mode = "") {
  SavedService saved;
  saved.key = {"shop", name};
  if (!address.empty()) saved.ingress = {{address, "", mode}};
  return saved;
}

/// As barevip leaves it.
LiveService claimed(const SavedService& now) {
  return {now, "uid", true, {{"shop", now.key.name.str() + "-ip"}}};
}

TEST(AStepBack, WritesTheAddressesOfBeforeAndDeletesTheIpObjectAway) {
  const auto before = service("web", "10.0.0.5");
  const auto step = stepBack(&before, claimed(service("web", "10.0.0.9", "Proxy")));
  EXPECT_EQ(step.ingress, before.ingress);
  EXPECT_THAT(step.records, ElementsAre(kube::ObjectKey{"shop", "web-ip"}));
  EXPECT_THAT(step.shows, ElementsAre("10.0.0.9"));
  EXPECT_EQ(step.obstacle, "");
}

TEST(AStepBack, DeletesTheIpObjectOfAnAddressAwayThatStayed) {
  const auto before = service("web", "10.0.0.5");
  const auto step = stepBack(&before, claimed(service("web", "10.0.0.5", "Proxy")));
  EXPECT_EQ(step.ingress, before.ingress) << "without the mode Proxy";
}

TEST(AStepBack, PutsBackWhatTheOtherLoadBalancerWasAskedFor) {
  auto before = service("web", "10.0.0.5");
  before.requests = {{"metallb.io/address-pool", "edge"}, {"metallb.io/allow-shared-ip", "k"}};
  before.loadBalancerIp = "10.0.0.5";
  auto now = service("web", "10.0.0.5");
  now.requests = {{"metallb.io/loadBalancerIPs", "10.0.0.5"}, {"metallb.io/allow-shared-ip", "k"}};
  const auto step = stepBack(&before, claimed(now));
  EXPECT_THAT(step.annotations,
              ElementsAre(Pair("metallb.io/address-pool", std::optional<std::string>("edge")),
                          Pair("metallb.io/loadBalancerIPs", std::nullopt)));
  EXPECT_EQ(step.loadBalancerIp, "10.0.0.5");
}

TEST(AStepBack, ChangesNothingASecondTime) {
  const auto before = service("web", "10.0.0.5");
  const LiveService after{before, "uid", false};
  EXPECT_FALSE(stepBack(&before, after).changes());
}

TEST(AStepBack, DeletesTheIpObjectsThatAnInterruptedOneLeft) {
  const auto before = service("web", "10.0.0.5");
  const LiveService half{before, "uid", false, {{"shop", "web-ip"}}};
  EXPECT_THAT(stepBack(&before, half).records, ElementsAre(kube::ObjectKey{"shop", "web-ip"}));
}

TEST(AStepBack, GivesAServiceWithoutAddressTheOneOfBefore) {
  const auto before = service("web", "10.0.0.5");
  const LiveService empty{service("web", ""), "uid", false};
  EXPECT_EQ(stepBack(&before, empty).ingress, before.ingress);
}

TEST(AStepBack, LeavesAddressesThatAnotherControllerWrote) {
  const auto before = service("web", "10.0.0.5");
  const auto step = stepBack(&before, {service("web", "10.0.0.9"), "uid", false});
  EXPECT_FALSE(step.changes());
  EXPECT_THAT(step.obstacle, HasSubstr("another controller wrote them"));
  const LiveService known{service("web", "10.0.0.9"), "uid", false, {}, "speaker"};
  EXPECT_THAT(stepBack(&before, known).obstacle, HasSubstr("so \"speaker\" wrote them"));
}

TEST(AStepBack, LeavesAServiceWhoseClassIsAnotherOne) {
  const auto before = service("web", "10.0.0.5");
  auto now = service("web", "10.0.0.5");
  now.loadBalancerClass = "barevip.dev/barevip";
  const auto step = stepBack(&before, claimed(now));
  EXPECT_FALSE(step.changes());
  EXPECT_THAT(step.obstacle, HasSubstr("was \"\" and is \"barevip.dev/barevip\" now"));
}

TEST(AStepBack, LetsAServiceThatCameLaterKeepItsAddressesWithoutTheIpObject) {
  const auto step = stepBack(nullptr, claimed(service("new", "10.0.0.7", "Proxy")));
  ASSERT_TRUE(step.ingress);
  EXPECT_EQ(*step.ingress, service("new", "10.0.0.7").ingress);
  EXPECT_FALSE(step.saved);
}

TEST(ARollback, HasAStepForEachServiceThatWasSavedOrIsClaimed) {
  const SavedServices saved{"", {service("gone", "10.0.0.4"), service("web", "10.0.0.5")}};
  const auto plan = planRollback(saved, {claimed(service("web", "10.0.0.5", "Proxy")),
                                         claimed(service("new", "10.0.0.7", "Proxy")),
                                         {service("foreign", "10.0.0.8"), "uid", false}});
  std::vector<std::string> names;
  for (const auto& each : plan) names.push_back(each.service.name);
  EXPECT_THAT(names, ElementsAre("gone", "new", "web"));
  EXPECT_THAT(plan[0].obstacle, HasSubstr("no such Service"));
}

TEST(ARollback, OfNothingIsEmpty) { EXPECT_THAT(planRollback({}, {}), IsEmpty()); }

}  // namespace
}  // namespace barevip::cli
