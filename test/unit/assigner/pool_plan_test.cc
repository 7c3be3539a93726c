// SPDX-License-Identifier: Apache-2.0
#include "assigner/allocation/pool_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/assigner/builders.h"

namespace barevip::assigner {
namespace {

using test::pool;
using testing::HasSubstr;

const PoolPlan& planOf(const std::vector<PoolPlan>& plans, const std::string& name) {
  const auto it = std::find_if(plans.begin(), plans.end(),
                               [&](const PoolPlan& plan) { return plan.name == name; });
  return *it;
}

struct BadEntryCase {
  const char* name;
  std::vector<std::string> addresses;
  const char* reason;
  const char* says;
};

class BadPool : public testing::TestWithParam<BadEntryCase> {};

INSTANTIATE_TEST_SUITE_P(
    Table, BadPool,
    testing::Values(
        BadEntryCase{"Malformed",
                     {"192.0.2.0/24", "192.0.2.300"},
                     "BadEntry",
                     "spec.addresses[1]: \"192.0.2.300\" is not an IP address"},
        BadEntryCase{"OriginalProjectsBadRange",
                     {"172.22.132.250-172.22.132.267"},
                     "BadEntry",
                     "172.22.132.267"},
        BadEntryCase{"Empty", {""}, "BadEntry", "spec.addresses[0]"},
        BadEntryCase{"Inverted", {"192.0.2.9-192.0.2.1"}, "BadEntry", "write 192.0.2.1-192.0.2.9"},
        BadEntryCase{"MixedFamily", {"192.0.2.1-2001:db8::1"}, "BadEntry", "mixes IPv4 and IPv6"},
        BadEntryCase{"HostBits", {"192.0.2.9/24"}, "BadEntry", "write 192.0.2.0/24"},
        BadEntryCase{"MappedAddress", {"::ffff:192.0.2.1"}, "BadEntry", "192.0.2.1"},
        BadEntryCase{"Overlapping",
                     {"192.0.2.0/24", "192.0.2.7"},
                     "Overlapping",
                     "spec.addresses[1] \"192.0.2.7\" overlaps spec.addresses[0] \"192.0.2.0/24\""},
        BadEntryCase{"OnlyUnusable", {"127.0.0.0/8", "ff02::/16"}, "NoAddresses", "multicast"},
        BadEntryCase{"NoEntries", {}, "NoAddresses", "spec.addresses"}),
    [](const auto& each) { return each.param.name; });

TEST_P(BadPool, GivesNothingAndNamesTheEntryWhileOthersWorkOn) {
  const auto plans = planPools({pool("bad", GetParam().addresses), pool("good", {"10.0.0.0/24"})});
  const PoolPlan& bad = planOf(plans, "bad");
  ASSERT_TRUE(bad.fault);
  EXPECT_EQ(bad.fault->reason, GetParam().reason);
  EXPECT_THAT(bad.fault->message, HasSubstr(GetParam().says));
  EXPECT_FALSE(planOf(plans, "good").fault);
}

TEST(PlanPools, NamesABadExclusion) {
  model::Pool bad = pool("a", {"192.0.2.0/24"});
  bad.exclude = {"192.0.2.1", "router"};
  EXPECT_THAT(planPools({bad})[0].fault->message, HasSubstr("spec.exclude[1]: \"router\""));
}

TEST(PlanPools, OfPoolsThatOverlapTheOldestWorksOn) {
  model::Pool old = pool("z-old", {"192.0.2.0/24"});
  model::Pool young = pool("a-young", {"192.0.2.128-192.0.3.5"});
  old.creationSeconds = 1;
  young.creationSeconds = 2;
  young.priority = 1;
  const auto plans = planPools({young, old});
  EXPECT_FALSE(planOf(plans, "z-old").fault);
  EXPECT_THAT(planOf(plans, "z-old").overlap->message, HasSubstr("a-young"));
  EXPECT_EQ(planOf(plans, "a-young").fault->reason, "Overlapping");
  EXPECT_THAT(planOf(plans, "a-young").fault->message,
              HasSubstr("192.0.2.128-192.0.2.255 belongs to the older Pool \"z-old\""));
}

TEST(PlanPools, APoolThatGivesNothingStopsNoOther) {
  const auto plans = planPools(
      {pool("a", {"10.0.0.0/24"}), pool("b", {"10.0.0.9-10.0.1.9"}), pool("c", {"10.0.1.0/24"})});
  EXPECT_TRUE(planOf(plans, "b").fault);
  EXPECT_FALSE(planOf(plans, "c").fault);
}

TEST(PlanPools, ExcludedAddressesDoNotOverlap) {
  model::Pool first = pool("a", {"192.0.2.0/24"});
  first.exclude = {"192.0.2.128/25"};
  const auto plans = planPools({first, pool("b", {"192.0.2.128/25"})});
  EXPECT_FALSE(planOf(plans, "a").overlap);
  EXPECT_FALSE(planOf(plans, "b").overlap);
}

TEST(PlanPools, AreTriedByPriorityThenPinnedFirstThenByName) {
  model::Pool late = pool("a", {"10.0.1.0/24"});
  late.priority = 200;
  model::Pool open = pool("b", {"10.0.2.0/24"});
  model::Pool pinned = pool("c", {"10.0.3.0/24"});
  pinned.namespaces = {"shop"};
  model::Pool early = pool("d", {"10.0.4.0/24"});
  early.priority = 1;
  std::string order;
  for (const PoolPlan& plan : planPools({late, open, pinned, early})) order += plan.name;
  EXPECT_EQ(order, "dcba");
}

TEST(PlanPools, APoolThatIsBeingDeletedGivesNothing) {
  model::Pool going = pool("a", {"10.0.1.0/24"});
  going.deleting = true;
  EXPECT_EQ(planPools({going})[0].fault->reason, "Deleting");
}

struct AdmissionCase {
  const char* name;
  Admission admission;
  Requester requester;
  bool admitted;
};

class AdmissionTable : public testing::TestWithParam<AdmissionCase> {};

const Requester kShop{"shop", model::StringMap{{"tier", "edge"}}, model::StringMap{{"app", "web"}}};
const model::LabelSelector kEdge{{{"tier", "edge"}}, {}};
const model::LabelSelector kNobody{{{"tier", "none"}}, {}};
const model::LabelSelector kWeb{{{"app", "web"}}, {}};

INSTANTIATE_TEST_SUITE_P(
    Table, AdmissionTable,
    testing::Values(
        AdmissionCase{"OpenToAll", {}, kShop, true},
        AdmissionCase{"ByName", {{"shop"}, {}, {}, {}}, kShop, true},
        AdmissionCase{"ByOtherName", {{"blog"}, {}, {}, {}}, kShop, false},
        AdmissionCase{"ByNamespaceLabels", {{}, {}, kEdge, {}}, kShop, true},
        AdmissionCase{"ByNameOrLabels", {{"blog"}, {}, kEdge, {}}, kShop, true},
        AdmissionCase{
            "SelectorThatMatchesNothingAdmitsNobody", {{}, {}, kNobody, {}}, kShop, false},
        AdmissionCase{"UnknownNamespaceIsNotSelected",
                      {{}, {}, model::LabelSelector{}, {}},
                      {"shop", std::nullopt, model::StringMap{}},
                      false},
        AdmissionCase{"IgnoredNamespaceWins", {{"shop"}, {"shop"}, {}, {}}, kShop, false},
        AdmissionCase{"ByServiceLabels", {{}, {}, {}, kWeb}, kShop, true},
        AdmissionCase{"ServiceLabelsMustMatchToo", {{"shop"}, {}, {}, kNobody}, kShop, false},
        AdmissionCase{"NamespaceMustMatchToo", {{"blog"}, {}, {}, kWeb}, kShop, false},
        AdmissionCase{"ReservationHasNoServiceLabels",
                      {{}, {}, {}, kWeb},
                      {"shop", model::StringMap{}, std::nullopt},
                      false},
        AdmissionCase{"ReservationIsAdmittedByItsNamespace",
                      {{"shop"}, {}, {}, kWeb},
                      {"shop", model::StringMap{}, std::nullopt},
                      true},
        AdmissionCase{"ReservationIsAdmittedIfThePoolSaysSo",
                      {{}, {}, {}, kWeb, true},
                      {"shop", model::StringMap{}, std::nullopt},
                      true}),
    [](const auto& each) { return each.param.name; });

TEST_P(AdmissionTable, Decides) {
  EXPECT_EQ(!GetParam().admission.refusal(GetParam().requester).has_value(), GetParam().admitted);
}

}  // namespace
}  // namespace barevip::assigner
