// SPDX-License-Identifier: Apache-2.0
#include "operator/pool/pool_status.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/assigner/builders.h"

namespace barevip::controlplane {
namespace {

using assigner::Allocator;
using assigner::test::assign;
using assigner::test::ip;
using assigner::test::pool;
using testing::HasSubstr;

model::Pool::Status statusOf(Allocator& allocator, const model::Pool& pool) {
  const std::string& name = pool.key.name;
  return poolStatus(pool, {allocator.pools().find(name)->plan, allocator.usage(name), {}, {}},
                    WallTime{});
}

std::string ready(const model::Pool::Status& status) {
  const model::Condition* const condition = model::findCondition(status.conditions, "Ready");
  return condition->status + " " + condition->reason;
}

TEST(PoolStatus, CountsPerFamilyAsText) {
  const model::Pool both = pool("a", {"10.0.0.0/30", "2001:db8::/64"});
  Allocator allocator = assigner::test::allocatorWith({both});
  assign(allocator, assigner::test::request("web"));
  const auto status = statusOf(allocator, both);
  EXPECT_EQ(status.capacity, (model::Pool::Counts{"4", "18446744073709551616"}));
  EXPECT_EQ(status.allocated, (model::Pool::Counts{"1", "0"}));
  EXPECT_EQ(status.available, (model::Pool::Counts{"3", "18446744073709551616"}));
  EXPECT_EQ(status.inUse, "1 IPv4, 0 IPv6");
  EXPECT_EQ(status.free, "3 IPv4, 1.8e+19 IPv6");
  EXPECT_EQ(ready(status), "True Ready");
}

TEST(PoolStatus, OfOneFamilyIsBrief) {
  const model::Pool four = pool("a", {"10.0.0.0/30"});
  Allocator allocator = assigner::test::allocatorWith({four});
  EXPECT_EQ(statusOf(allocator, four).free, "4");
}

TEST(PoolStatus, NamesTheBadEntry) {
  const model::Pool bad = pool("a", {"10.0.0.0/30", "oops"});
  Allocator allocator = assigner::test::allocatorWith({bad});
  const auto status = statusOf(allocator, bad);
  EXPECT_EQ(ready(status), "False BadEntry");
  EXPECT_THAT(model::findCondition(status.conditions, "Ready")->message,
              HasSubstr("spec.addresses[1]: \"oops\""));
}

TEST(PoolStatus, TellsBothPoolsThatTheyOverlap) {
  model::Pool old = pool("old", {"10.0.0.0/24"});
  model::Pool young = pool("young", {"10.0.0.128/25"});
  young.creationSeconds = 1;
  Allocator allocator = assigner::test::allocatorWith({old, young});
  const auto first = statusOf(allocator, old);
  const auto second = statusOf(allocator, young);
  EXPECT_EQ(ready(first), "True Ready");
  EXPECT_EQ(model::findCondition(first.conditions, "Overlapping")->status, "True");
  EXPECT_EQ(ready(second), "False Overlapping");
  EXPECT_EQ(model::findCondition(second.conditions, "Overlapping")->status, "True");
}

TEST(PoolStatus, NamesConsumersOutsideOfAShrunkPool) {
  model::Pool shrunk = pool("a", {"10.0.0.0/24"});
  Allocator allocator = assigner::test::allocatorWith({shrunk});
  for (int i = 0; i < 13; ++i) assign(allocator, assigner::test::request("s" + std::to_string(i)));
  shrunk.addresses = {"10.0.0.0"};
  allocator.setPools(assigner::planPools({shrunk}));
  const auto status = statusOf(allocator, shrunk);
  EXPECT_EQ(ready(status), "True ConsumersOutside");
  const std::string message = model::findCondition(status.conditions, "Ready")->message;
  EXPECT_THAT(message, HasSubstr("10.0.0.1 (Service default/s1)"));
  EXPECT_THAT(message, HasSubstr("and 2 more"));
  EXPECT_EQ(status.allocated.ipv4, "13");
}

TEST(PoolStatus, NamesTenConsumersOfAPoolThatIsBeingDeleted) {
  model::Pool going = pool("a", {"10.0.0.0/24"});
  going.deleting = true;
  PoolReport report{assigner::planPools({going})[0], {}, {}, {}};
  EXPECT_EQ(ready(poolStatus(going, report, WallTime{})), "False Deleting");
  for (int i = 0; i < 12; ++i) {
    report.consumers.push_back({ip("10.0.0." + std::to_string(i)),
                                {assigner::Consumer::Kind::kService, {"default", "web"}},
                                {}});
  }
  const auto status = poolStatus(going, report, WallTime{});
  EXPECT_EQ(ready(status), "False Deleting");
  const std::string message = model::findCondition(status.conditions, "Ready")->message;
  EXPECT_THAT(message, HasSubstr("10.0.0.9 (Service default/web) and 2 more"));
}

TEST(PoolStatus, IsStableWhileNothingChanges) {
  model::Pool same = pool("a", {"10.0.0.0/24"});
  Allocator allocator = assigner::test::allocatorWith({same});
  same.status = statusOf(allocator, same);
  EXPECT_EQ(statusOf(allocator, same), same.status);
}

}  // namespace
}  // namespace barevip::controlplane
