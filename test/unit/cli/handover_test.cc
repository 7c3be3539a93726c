// SPDX-License-Identifier: Apache-2.0
#include "cli/view/handover.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <string>

#include "fakes/builders/view_cluster.h"

namespace barevip::cli {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using view::test::ClusterBuilder;

ClusterBuilder twoVipsOfN1() {
  ClusterBuilder builder;
  builder.node("n1").node("n2").pool("a", "10.0.0.0/29", 6, 3);
  builder.served("db", "10.0.0.1", "a", "n1").served("web", "10.0.0.2", "a", "n1");
  return builder.served("www", "10.0.0.3", "a", "n2");
}

TEST(AHandover, ConcernsTheVipsOfTheNode) {
  const Announcers announcers = announcersOf(twoVipsOfN1().cluster.state.ipObjects);
  EXPECT_THAT(announcedBy(announcers, "n1"), ElementsAre("10.0.0.1", "10.0.0.2"));
  EXPECT_THAT(announcedBy(announcers, "n3"), IsEmpty());
}

TEST(AHandover, ConcernsNoVipThatNobodyShouldAnnounce) {
  ClusterBuilder builder = twoVipsOfN1();
  EXPECT_THAT(announcedIn(builder.cluster), ElementsAre("10.0.0.1", "10.0.0.2", "10.0.0.3"));
  auto& service = builder.cluster.state.services.front();
  model::Service refused = *service;
  refused.forward = model::ForwardMode::kUnknown;
  service = std::make_shared<const model::Service>(std::move(refused));
  EXPECT_THAT(announcedIn(builder.cluster), ElementsAre("10.0.0.2", "10.0.0.3"));
  for (auto& pool : builder.cluster.state.pools) {
    model::Pool silent = *pool;
    silent.announce.mode = model::AnnounceMode::kNone;
    pool = std::make_shared<const model::Pool>(std::move(silent));
  }
  EXPECT_THAT(announcedIn(builder.cluster), IsEmpty());
}

TEST(AHandover, StrandsNothingThatAnotherNodeMayAnnounce) {
  EXPECT_THAT(strandedWithout(twoVipsOfN1().cluster, "n1", {"10.0.0.1", "10.0.0.2"}, 9), IsEmpty());
}

TEST(AHandover, NamesWhatKeepsEachOtherNodeFromAVip) {
  ClusterBuilder builder = twoVipsOfN1();
  builder.cluster.daemons[1].silent = true;
  builder.node("n3", {.says = {}, .leaving = true});
  const auto stranded = strandedWithout(builder.cluster, "n1", {"10.0.0.2"}, 9);
  ASSERT_EQ(stranded.size(), 1U);
  EXPECT_EQ(stranded[0].address, "10.0.0.2");
  EXPECT_EQ(stranded[0].services, "default/web");
  EXPECT_EQ(stranded[0].why,
            "n2 is silent: its node daemon does not renew its Lease; n3 asks other nodes to take "
            "over");
}

TEST(AHandover, OfTheOnlyNodeStrandsAll) {
  auto builder = ClusterBuilder()
                     .node("n1")
                     .pool("a", "10.0.0.0/29", 6, 1)
                     .served("web", "10.0.0.1", "a", "n1");
  const auto stranded = strandedWithout(builder.cluster, "n1", {"10.0.0.1"}, 9);
  ASSERT_EQ(stranded.size(), 1U);
  EXPECT_EQ(stranded[0].why, "there is no other node");
}

TEST(AHandover, ExplainsNoMoreVipsThanAreNamed) {
  ClusterBuilder builder = twoVipsOfN1();
  builder.cluster.daemons[1].silent = true;
  const auto stranded = strandedWithout(builder.cluster, "n1", {"10.0.0.1", "10.0.0.2"}, 1);
  ASSERT_EQ(stranded.size(), 2U);
  EXPECT_NE(stranded[0].why, "");
  EXPECT_EQ(stranded[1].address, "10.0.0.2");
  EXPECT_EQ(stranded[1].why, "");
}

TEST(AHandover, LeavesTheVipsThatNoOtherNodeAnnouncesYet) {
  struct Case {
    const char* what;
    const char* announcer;  ///< null: there is no IP object any more
    bool left;
  };
  const Case cases[] = {
      {"the node announces it", "n1", true},
      {"none announces it yet", "", true},
      {"another node announces it", "n2", false},
      {"it was released", nullptr, false},
  };
  for (const Case& each : cases) {
    Announcers announcers{{"10.0.0.9", "n1"}};
    if (each.announcer != nullptr) announcers["10.0.0.1"] = each.announcer;
    EXPECT_EQ(leftOf({"10.0.0.1"}, announcers, "n1").size(), each.left ? 1U : 0U) << each.what;
  }
}

TEST(AHandover, KnowsTheLabelThatDrainSetFromOthers) {
  EXPECT_EQ(exclusionOf({}), Exclusion::kNone);
  EXPECT_EQ(exclusionOf({{kExcludeLabel, ""}}), Exclusion::kForeign);
  EXPECT_EQ(exclusionOf({{kExcludeLabel, "true"}}), Exclusion::kForeign);
  EXPECT_EQ(exclusionOf({{kExcludeLabel, kDrainValue}}), Exclusion::kDrained);
}

}  // namespace
}  // namespace barevip::cli
