// SPDX-License-Identifier: Apache-2.0
#include "assigner/allocation/pool_holders.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/assigner/builders.h"

namespace barevip::assigner {
namespace {

using test::ip;
using test::pool;
using test::takeUp;
using testing::ElementsAre;
using testing::IsEmpty;

const kube::ObjectKey kWeb{"default", "web"};

std::vector<std::string> names(const std::vector<PoolHolder>& holders) {
  std::vector<std::string> result;
  for (const PoolHolder& each : holders) {
    result.push_back(each.address.toString() + " " + each.holder.toString());
  }
  return result;
}

std::vector<std::string> holders(const Allocator& allocator, const std::string& name) {
  return names(holdersOf(allocator.holds(), allocator.ofPool(name)));
}

TEST(PoolHolders, AreServicesAndReservationsButNotWhatOthersGave) {
  Allocator allocator = test::allocatorWith({pool("a", {"10.0.0.0/24"})});
  takeUp(allocator, kWeb, "10.0.0.1");
  allocator.takeUpReservation({"default", "front-door"}, ip("10.0.0.2"), "a", "", {{kWeb, {}}});
  allocator.setForeign({"default", "foreign"}, {ip("10.0.0.3")});
  EXPECT_THAT(holders(allocator, "a"),
              ElementsAre("10.0.0.1 Service default/web", "10.0.0.2 IP default/front-door"));
  EXPECT_EQ(holdersOf(allocator.holds(), allocator.ofPool("a"))[1].users, std::vector{kWeb});
}

TEST(PoolHolders, AreAllWhoShareAnAddress) {
  Allocator allocator = test::allocatorWith({pool("a", {"10.0.0.0/24"})});
  for (const auto& [name, port] : {std::pair{"web", 80}, std::pair{"tls", 443}}) {
    const Terms terms{"key", {{model::Protocol::kTcp, static_cast<std::uint16_t>(port)}}, {}};
    allocator.takeUp({{"default", name}, terms, "a"}, ip("10.0.0.1"), Allocator::Proof::kGranted);
  }
  EXPECT_THAT(holders(allocator, "a"),
              ElementsAre("10.0.0.1 Service default/tls", "10.0.0.1 Service default/web"));
}

TEST(PoolHolders, ThoseOutsideOfAShrunkPoolCountForIt) {
  Allocator allocator = test::allocatorWith({pool("a", {"10.0.0.0/24"})});
  takeUp(allocator, kWeb, "10.0.0.1");
  allocator.setPools(planPools({pool("a", {"10.9.0.0/24"})}));
  EXPECT_THAT(holders(allocator, "a"), ElementsAre("10.0.0.1 Service default/web"));
}

TEST(PoolHolders, ThoseOfAPoolThatIsBeingDeletedCountForTheOneThatHasTheAddress) {
  Allocator allocator = test::allocatorWith({pool("a", {"10.0.0.0/24"})});
  takeUp(allocator, kWeb, "10.0.0.1");
  model::Pool going = pool("a", {"10.0.0.0/24"});
  going.deleting = true;
  allocator.setPools(planPools({going}));
  EXPECT_THAT(holders(allocator, "a"), ElementsAre("10.0.0.1 Service default/web"));
  allocator.setPools(planPools({going, pool("b", {"10.0.0.0/28"})}));
  EXPECT_THAT(holders(allocator, "a"), IsEmpty());
  EXPECT_THAT(holders(allocator, "b"), ElementsAre("10.0.0.1 Service default/web"));
}

TEST(PoolHolders, AChangeConcernsThoseWhoseAddressCameFromThePoolOrIsInIt) {
  Allocator allocator =
      test::allocatorWith({pool("a", {"10.0.0.0/24"}), pool("b", {"10.1.0.0/24"})});
  takeUp(allocator, kWeb, "10.0.0.1");
  takeUp(allocator, {"default", "other"}, "10.1.0.1", "b");
  takeUp(allocator, {"default", "moved"}, "10.1.0.2");
  allocator.setForeign({"default", "foreign"}, {ip("10.0.0.3")});
  const auto concerned = [&](const std::set<std::string>& changed) {
    return names(concernedBy(allocator.pools(), allocator.holds(), changed));
  };
  EXPECT_THAT(concerned({"a"}),
              ElementsAre("10.0.0.1 Service default/web", "10.0.0.3 Service default/foreign",
                          "10.1.0.2 Service default/moved"));
  EXPECT_THAT(concerned({"b"}),
              ElementsAre("10.1.0.1 Service default/other", "10.1.0.2 Service default/moved"));
  EXPECT_THAT(concerned({"gone"}), IsEmpty());
}

}  // namespace
}  // namespace barevip::assigner
