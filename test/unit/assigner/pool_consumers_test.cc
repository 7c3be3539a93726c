// SPDX-License-Identifier: Apache-2.0
#include "assigner/allocation/pool_consumers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/assigner/builders.h"

namespace barevip::assigner {
namespace {

using test::ip;
using test::pool;
using test::restore;
using testing::ElementsAre;
using testing::IsEmpty;

const kube::ObjectKey kWeb{"default", "web"};

std::vector<std::string> names(const std::vector<PoolConsumer>& consumers) {
  std::vector<std::string> result;
  for (const PoolConsumer& each : consumers) {
    result.push_back(each.address.toString() + " " + each.consumer.toString());
  }
  return result;
}

std::vector<std::string> consumers(const Allocator& allocator, const std::string& name) {
  return names(consumersIn(allocator.allocations(), allocator.ofPool(name)));
}

TEST(PoolConsumers, AreServicesAndReservationsButNotWhatOthersGave) {
  Allocator allocator = test::allocatorWith({pool("a", {"10.0.0.0/24"})});
  restore(allocator, kWeb, "10.0.0.1");
  allocator.restoreReservation({"default", "front-door"}, ip("10.0.0.2"), "a", "", {{kWeb, {}}});
  allocator.setForeign({"default", "foreign"}, {ip("10.0.0.3")});
  EXPECT_THAT(consumers(allocator, "a"),
              ElementsAre("10.0.0.1 Service default/web", "10.0.0.2 IP default/front-door"));
  EXPECT_EQ(consumersIn(allocator.allocations(), allocator.ofPool("a"))[1].users,
            std::vector{kWeb});
}

TEST(PoolConsumers, AreAllWhoShareAnAddress) {
  Allocator allocator = test::allocatorWith({pool("a", {"10.0.0.0/24"})});
  for (const auto& [name, port] : {std::pair{"web", 80}, std::pair{"tls", 443}}) {
    const SharingTerms terms{
        "key", {{model::Protocol::kTcp, static_cast<std::uint16_t>(port)}}, {}};
    allocator.restore({{"default", name}, terms, "a"}, ip("10.0.0.1"),
                      Allocator::Evidence::kRecorded);
  }
  EXPECT_THAT(consumers(allocator, "a"),
              ElementsAre("10.0.0.1 Service default/tls", "10.0.0.1 Service default/web"));
}

TEST(PoolConsumers, ThoseOutsideOfAShrunkPoolCountForIt) {
  Allocator allocator = test::allocatorWith({pool("a", {"10.0.0.0/24"})});
  restore(allocator, kWeb, "10.0.0.1");
  allocator.setPools(planPools({pool("a", {"10.9.0.0/24"})}));
  EXPECT_THAT(consumers(allocator, "a"), ElementsAre("10.0.0.1 Service default/web"));
}

TEST(PoolConsumers, ThoseOfAPoolThatIsBeingDeletedCountForTheOneThatHasTheAddress) {
  Allocator allocator = test::allocatorWith({pool("a", {"10.0.0.0/24"})});
  restore(allocator, kWeb, "10.0.0.1");
  model::Pool going = pool("a", {"10.0.0.0/24"});
  going.deleting = true;
  allocator.setPools(planPools({going}));
  EXPECT_THAT(consumers(allocator, "a"), ElementsAre("10.0.0.1 Service default/web"));
  allocator.setPools(planPools({going, pool("b", {"10.0.0.0/28"})}));
  EXPECT_THAT(consumers(allocator, "a"), IsEmpty());
  EXPECT_THAT(consumers(allocator, "b"), ElementsAre("10.0.0.1 Service default/web"));
}

TEST(PoolConsumers, AChangeConcernsThoseWhoseAddressCameFromThePoolOrIsInIt) {
  Allocator allocator =
      test::allocatorWith({pool("a", {"10.0.0.0/24"}), pool("b", {"10.1.0.0/24"})});
  restore(allocator, kWeb, "10.0.0.1");
  restore(allocator, {"default", "other"}, "10.1.0.1", "b");
  restore(allocator, {"default", "moved"}, "10.1.0.2");
  allocator.setForeign({"default", "foreign"}, {ip("10.0.0.3")});
  const auto concerned = [&](const std::set<std::string>& changed) {
    return names(consumersAffectedBy(allocator.pools(), allocator.allocations(), changed));
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
