// SPDX-License-Identifier: Apache-2.0
#include "operator/pool/pool_reconciler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/model/pool_json.h"
#include "operator/ip/ip_reconciler.h"
#include "unit/assigner/cluster_fixture.h"

namespace barevip::controlplane {
namespace {

using assigner::test::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::UnorderedElementsAre;

/// Adds Pools as objects, and their reconciler, to the cluster of the Service reconciler's tests.
class PoolReconcilerTest : public assigner::test::ClusterFixture {
 protected:
  PoolReconcilerTest() {
    setPools({});
    pools_ = std::make_unique<PoolReconciler>(
        api_, clock_, events_,
        PoolReconciler::View{poolStore_, services_, ipObjects_, namespaces_, use_}, *allocator_,
        [this](const std::vector<assigner::PoolConsumer>& concerned) {
          concerned_.clear();
          for (const auto& each : concerned) concerned_.insert(each.consumer.toString());
          if (afterRefresh_) std::exchange(afterRefresh_, {})();
        });
  }

  /// The watch shows it, and nobody has looked yet.
  void showPool(const std::string& name, const json& spec) {
    json object = *api_.object(kube::kPools, {"", name});
    object["spec"] = spec;
    object["spec"]["allowFirstLast"] = true;
    api_.put(kube::kPools, object);
    fillPools();
  }

  /// The events of the Pool since the last call, like "Warning BadEntry".
  std::vector<std::string> news(const std::string& name) {
    std::vector<std::string> all;
    for (const kube::Event& event : events_.all()) {
      if (event.key != kube::ObjectKey{"", name}) continue;
      all.push_back((event.type == kube::Event::Type::kNormal ? "Normal " : "Warning ") +
                    event.reason);
    }
    return {all.begin() + static_cast<std::ptrdiff_t>(std::exchange(told_[name], all.size())),
            all.end()};
  }

  void putPool(const std::string& name, const json& spec) {
    json object = {{"metadata", {{"name", name}}}};
    if (const auto known = api_.object(kube::kPools, {"", name})) object = *known;
    object["spec"] = spec;
    object["spec"].emplace("allowFirstLast", true);
    api_.put(kube::kPools, object);
    look();
  }

  void deletePool(const std::string& name) {
    ASSERT_TRUE(api_.remove(kube::kPools, {"", name}, "", {}));
    look();
  }

  /// Reconciles all Pools until nothing is written any more.
  void look() {
    for (int round = 0; round < 10; ++round) {
      const std::size_t before = api_.writeCount();
      fillPools();
      for (const auto& pool : poolStore_.all()) ASSERT_TRUE(pools_->reconcile(pool->key, {}));
      if (api_.writeCount() == before) return;
    }
    ADD_FAILURE() << "does not settle";
  }

  void fillPools() {
    sync();
    std::vector<model::Pool> pools;
    for (const json& object : api_.objects(kube::kPools)) {
      pools.push_back(model::decodePool(object).value());
    }
    poolStore_.replaceAll(std::move(pools));
  }

  [[nodiscard]] bool exists(const std::string& name) const {
    return api_.object(kube::kPools, {"", name}).has_value();
  }
  [[nodiscard]] std::vector<std::string> finalizers(const std::string& name) const {
    return (*api_.object(kube::kPools, {"", name}))["metadata"].value("finalizers",
                                                                      std::vector<std::string>{});
  }
  [[nodiscard]] json status(const std::string& name) const {
    return (*api_.object(kube::kPools, {"", name}))["status"];
  }
  [[nodiscard]] json conditionOf(const std::string& name, const std::string& type) const {
    const json conditions = status(name)["conditions"];
    const auto it = std::find_if(conditions.begin(), conditions.end(),
                                 [&](const json& each) { return each["type"] == type; });
    return it == conditions.end() ? json() : *it;
  }
  [[nodiscard]] json ready(const std::string& name) const {
    return (*api_.object(kube::kPools, {"", name}))["status"]["conditions"][0];
  }
  void removeService(const std::string& name) {
    api_.erase(kube::kServices, {"default", name});
    settle(name);
  }

  kube::Store<model::Pool> poolStore_;
  assigner::ClusterUse use_;
  std::unique_ptr<PoolReconciler> pools_;
  std::set<std::string> concerned_;     ///< by the last change of Pools
  std::function<void()> afterRefresh_;  ///< called once, when the allocator has other Pools

 private:
  std::map<std::string, std::size_t> told_;
};

const json kRange = {{"addresses", {"10.0.0.0/24"}}};

// What the cluster itself uses.

TEST_F(PoolReconcilerTest, AddressesOfNodesAreNotGivenAndThePoolNamesThem) {
  auto node = std::make_shared<model::Node>();
  node->key.name = "n1";
  node->internalIps = {assigner::test::ip("10.0.0.0"), assigner::test::ip("192.0.2.1")};
  node->externalIps = {assigner::test::ip("10.0.0.1")};
  node->podRanges = {assigner::test::range("10.0.0.4/30")};
  ASSERT_TRUE(use_.update(nullptr, assigner::ClusterUse::NodePtr(node)));
  putPool("a", {{"addresses", {"10.0.0.0-10.0.0.7"}}});
  add("web");
  EXPECT_EQ(shown("web"), "10.0.0.2");
  const json condition = conditionOf("a", "OverlapsNodes");
  EXPECT_EQ(condition["status"], "True");
  EXPECT_THAT(condition["message"], HasSubstr("10.0.0.0 (Node n1)"));
  EXPECT_EQ(ready("a")["status"], "True");
  EXPECT_EQ(status("a")["capacity"]["ipv4"], "2");
  EXPECT_TRUE(use_.update(assigner::ClusterUse::NodePtr(node), nullptr));
  look();
  EXPECT_EQ(conditionOf("a", "OverlapsNodes")["status"], "False");
  EXPECT_EQ(status("a")["capacity"]["ipv4"], "8");
}

TEST_F(PoolReconcilerTest, WhoHasAnAddressThatTheClusterUsesSinceKeepsItAndSaysSo) {
  putPool("a", kRange);
  add("web");
  auto thief = std::make_shared<model::Service>();
  thief->key = {"evil", "thief"};
  thief->externalIps = {*IpRange::parse("10.0.0.0")};
  ASSERT_TRUE(use_.update(nullptr, assigner::ClusterUse::ServicePtr(thief)));
  concerned_.clear();
  look();
  EXPECT_TRUE(concerned_.contains("Service default/web")) << "it is looked at again";
  settle("web");
  EXPECT_EQ(shown("web"), "10.0.0.0");
  EXPECT_EQ(reason("web"), "OutsidePool");
  EXPECT_THAT(condition("web")["message"], HasSubstr("in spec.externalIPs of a Service"));
  EXPECT_THAT(conditionOf("a", "OverlapsNodes")["message"], HasSubstr("Service evil/thief"));
}

assigner::ClusterUse::ServiceCidrPtr serviceCidr(const std::string& name,
                                                 const std::vector<std::string>& ranges) {
  auto cidr = std::make_shared<model::ServiceCidr>();
  cidr->key.name = name;
  for (const std::string& each : ranges) cidr->ranges.push_back(assigner::test::range(each));
  return cidr;
}

TEST_F(PoolReconcilerTest, RangesOfClusterIpsAreNotAllocatedWhetherInUseOrNot) {
  const auto range = serviceCidr("kubernetes", {"10.0.0.0/30", "fd00::/108"});
  ASSERT_TRUE(use_.update(nullptr, range));
  putPool("a", {{"addresses", {"10.0.0.0-10.0.0.5"}}});
  add("web");
  EXPECT_EQ(shown("web"), "10.0.0.4");
  EXPECT_EQ(status("a")["capacity"]["ipv4"], "2");
  const json condition = conditionOf("a", "OverlapsNodes");
  EXPECT_EQ(condition["reason"], "UsedByCluster");
  EXPECT_THAT(condition["message"], HasSubstr("10.0.0.0-10.0.0.3 (ServiceCIDR kubernetes)"));
  EXPECT_EQ(ready("a")["status"], "True");
  EXPECT_TRUE(use_.update(range, nullptr));
  look();
  EXPECT_EQ(conditionOf("a", "OverlapsNodes")["status"], "False");
  EXPECT_EQ(status("a")["capacity"]["ipv4"], "6");
}

TEST_F(PoolReconcilerTest, AMillionClusterIpsAreOneRange) {
  ASSERT_TRUE(use_.update(nullptr, serviceCidr("kubernetes", {"fd00::/108"})));
  putPool("a", {{"addresses", {"fd00::/64"}}});
  EXPECT_EQ(conditionOf("a", "OverlapsNodes")["message"],
            "the cluster itself uses addresses of the Pool, which does not allocate them: "
            "fd00::-fd00::f:ffff (ServiceCIDR kubernetes)");
  EXPECT_EQ(status("a")["capacity"]["ipv6"], "18446744073708503040");  // 2^64 - 2^20
}

TEST_F(PoolReconcilerTest, APoolWithinARangeOfClusterIpsAllocatesNothing) {
  ASSERT_TRUE(use_.update(nullptr, serviceCidr("kubernetes", {"10.0.0.0/16"})));
  putPool("a", kRange);
  add("web");
  EXPECT_EQ(shown("web"), "");
  EXPECT_EQ(ready("a")["reason"], "NoAddresses");
}

TEST_F(PoolReconcilerTest, WhoHasAnAddressOfANewRangeOfClusterIpsKeepsItAndReportsIt) {
  putPool("a", kRange);
  add("web");
  ASSERT_TRUE(use_.update(nullptr, serviceCidr("more", {"10.0.0.0/28"})));
  look();
  settle("web");
  EXPECT_EQ(shown("web"), "10.0.0.0");
  EXPECT_EQ(reason("web"), "OutsidePool");
  EXPECT_THAT(condition("web")["message"], HasSubstr("it is in a range of clusterIPs"));
}

TEST_F(PoolReconcilerTest, AClusterIpWithinARangeIsNotNamedApart) {
  ASSERT_TRUE(use_.update(nullptr, serviceCidr("kubernetes", {"10.0.0.0/30"})));
  putPool("a", kRange);
  const json before = status("a");
  for (const char* const address : {"10.0.0.1", "10.0.0.2"}) {
    auto service = std::make_shared<model::Service>();
    service->key = {"default", address};
    service->clusterIps = {assigner::test::ip(address)};
    use_.update(nullptr, assigner::ClusterUse::ServicePtr(service));
  }
  concerned_.clear();
  look();
  EXPECT_EQ(status("a"), before);
  EXPECT_TRUE(concerned_.empty()) << "no Service looks again because another one came";
}

class ClusterIpInUse : public PoolReconcilerTest,
                       public testing::WithParamInterface<const char*> {};

INSTANTIATE_TEST_SUITE_P(OfType, ClusterIpInUse,
                         testing::Values("ClusterIP", "NodePort", "LoadBalancer"));

TEST_P(ClusterIpInUse, IsNotAllocatedAlsoOutsideOfAllRanges) {
  ASSERT_TRUE(use_.update(nullptr, serviceCidr("kubernetes", {"10.96.0.0/12"})));
  auto service = std::make_shared<model::Service>();
  service->key = {"default", "other"};
  service->type = GetParam();
  service->clusterIps = {assigner::test::ip("10.0.0.0")};
  ASSERT_TRUE(use_.update(nullptr, assigner::ClusterUse::ServicePtr(service)));
  putPool("a", {{"addresses", {"10.0.0.0-10.0.0.1"}}});
  add("web");
  EXPECT_EQ(shown("web"), "10.0.0.1");
  EXPECT_THAT(conditionOf("a", "OverlapsNodes")["message"],
              HasSubstr("10.0.0.0 (Service default/other)"));
}

// What tools and people read.

TEST_F(PoolReconcilerTest, AStatusSaysOfWhichGenerationItIs) {
  putPool("a", kRange);
  EXPECT_EQ(status("a")["observedGeneration"], 1);
  putPool("a", {{"addresses", {"oops"}}});
  EXPECT_EQ(status("a")["observedGeneration"], 2);
  EXPECT_EQ(ready("a")["observedGeneration"], 2);
}

TEST_F(PoolReconcilerTest, AGenerationNeverCarriesTheVerdictOfAnEarlierOne) {
  putPool("a", kRange);
  showPool("a", {{"addresses", {"10.0.0.0/25"}}});
  afterRefresh_ = [this] { showPool("a", {{"addresses", {"10.0.0.0/26"}}}); };
  ASSERT_TRUE(pools_->reconcile({"", "a"}, {}));
  const std::map<int, std::string> capacities = {{1, "256"}, {2, "128"}, {3, "64"}};
  EXPECT_EQ(status("a")["capacity"]["ipv4"], capacities.at(status("a")["observedGeneration"]));
  look();
  EXPECT_EQ(status("a")["observedGeneration"], 3);
  EXPECT_EQ(status("a")["capacity"]["ipv4"], "64");
}

TEST_F(PoolReconcilerTest, AnotherPoolOfTheNameDoesNotGetTheVerdictOfTheEarlierOne) {
  putPool("a", {{"addresses", {"oops"}}});
  showPool("a", kRange);
  afterRefresh_ = [this] {
    api_.erase(kube::kPools, {"", "a"});
    api_.put(kube::kPools, {{"metadata", {{"name", "a"}, {"generation", 2}}},
                            {"spec", {{"addresses", {"oops"}}}}});
    fillPools();
  };
  ASSERT_TRUE(pools_->reconcile({"", "a"}, {}));
  EXPECT_TRUE(status("a").is_null()) << status("a");
}

TEST_F(PoolReconcilerTest, AStatusOfTheReleaseBeforeIsWrittenOnce) {
  putPool("a", kRange);
  json object = *api_.object(kube::kPools, {"", "a"});
  object["status"].erase("observedGeneration");
  api_.put(kube::kPools, object);
  api_.clearWrites();
  look();
  EXPECT_EQ(api_.writeCount(), 1U);
  EXPECT_EQ(status("a")["observedGeneration"], 1);
}

TEST_F(PoolReconcilerTest, AConditionThatChangesIsToldOnce) {
  putPool("a", kRange);
  EXPECT_THAT(news("a"), IsEmpty()) << "a Pool that is right from the start is no news";
  putPool("a", {{"addresses", {"oops"}}});
  EXPECT_THAT(news("a"), ElementsAre("Warning BadEntry"));
  putPool("a", {{"addresses", {"oops", "again"}}});
  EXPECT_THAT(news("a"), IsEmpty()) << "the same reason";
  putPool("a", kRange);
  EXPECT_THAT(news("a"), ElementsAre("Normal Ready"));
  add("one");
  look();
  EXPECT_THAT(news("a"), IsEmpty()) << "counts are no news";
  putPool("b", {{"addresses", {"nonsense"}}});
  EXPECT_THAT(news("b"), ElementsAre("Warning BadEntry"));
  deletePool("a");
  EXPECT_THAT(news("a"), ElementsAre("Warning Deleting"));
}

TEST_F(PoolReconcilerTest, AnOverlapIsToldOfBothPoolsAndOncePerPool) {
  putPool("old", kRange);
  putPool("young", kRange);
  EXPECT_THAT(news("old"), ElementsAre("Warning Overlapping"));
  EXPECT_THAT(news("young"), ElementsAre("Warning Overlapping"));
  putPool("young", {{"addresses", {"10.0.1.0/24"}}});
  EXPECT_THAT(news("old"), ElementsAre("Normal NoOverlap"));
  EXPECT_THAT(news("young"), ElementsAre("Normal Ready", "Normal NoOverlap"));
}

TEST_F(PoolReconcilerTest, ANewLeaderTellsNothingOfWhatStands) {
  putPool("a", {{"addresses", {"oops"}}});
  (void)news("a");
  PoolReconciler next(api_, clock_, events_,
                      PoolReconciler::View{poolStore_, services_, ipObjects_, namespaces_, use_},
                      *allocator_, [](const auto&) {});
  ASSERT_TRUE(next.reconcile({"", "a"}, {}));
  EXPECT_THAT(news("a"), IsEmpty());
}

TEST_F(PoolReconcilerTest, WhatIsNotWrittenIsNotTold) {
  putPool("a", kRange);
  api_.setInterceptor([](kube::FakeApi::Verb verb, const kube::Resource&,
                         const kube::ObjectKey&) -> std::optional<Error> {
    if (verb != kube::FakeApi::Verb::kPatchStatus) return std::nullopt;
    return Error{ErrorCode::kUnavailable, "no"};
  });
  showPool("a", {{"addresses", {"oops"}}});
  EXPECT_FALSE(pools_->reconcile({"", "a"}, {}));
  EXPECT_THAT(news("a"), IsEmpty());
  api_.setInterceptor({});
  look();
  EXPECT_THAT(news("a"), ElementsAre("Warning BadEntry"));
}

// The finalizer.

TEST_F(PoolReconcilerTest, APoolIsHeldBesideTheFinalizersOfOthers) {
  api_.put(kube::kPools,
           {{"metadata", {{"name", "a"}, {"finalizers", {"example.com/x"}}}}, {"spec", kRange}});
  look();
  EXPECT_THAT(finalizers("a"), ElementsAre("example.com/x", "barevip.dev/in-use"));
  EXPECT_EQ(ready("a")["reason"], "Ready");
  api_.clearWrites();
  look();
  EXPECT_EQ(api_.writeCount(), 0U);
}

TEST_F(PoolReconcilerTest, AFinalizerIsNotSetOnAnOutdatedPool) {
  putPool("a", kRange);
  json object = *api_.object(kube::kPools, {"", "a"});
  object["metadata"].erase("finalizers");
  api_.put(kube::kPools, object);
  fillPools();
  object["metadata"]["finalizers"] = {"example.com/new"};
  api_.put(kube::kPools, object);
  EXPECT_TRUE(pools_->reconcile({"", "a"}, {})) << "the watch tells when to look again";
  EXPECT_THAT(finalizers("a"), ElementsAre("example.com/new"));
}

TEST_F(PoolReconcilerTest, AnUnusedPoolIsDeletedAtOnce) {
  putPool("a", kRange);
  deletePool("a");
  EXPECT_FALSE(exists("a"));
}

TEST_F(PoolReconcilerTest, ADeletedPoolStaysUntilItsLastConsumerIsGone) {
  putPool("a", kRange);
  add("one");
  add("two");
  deletePool("a");
  ASSERT_TRUE(exists("a"));
  EXPECT_EQ(ready("a")["status"], "False");
  EXPECT_EQ(ready("a")["reason"], "Deleting");
  EXPECT_THAT(ready("a")["message"],
              HasSubstr("10.0.0.0 (Service default/one), 10.0.0.1 (Service default/two)"));
  settle("one");
  EXPECT_EQ(shown("one"), "10.0.0.0");
  EXPECT_EQ(reason("one"), "OutsidePool");
  removeService("one");
  look();
  EXPECT_THAT(ready("a")["message"], Not(HasSubstr("default/one")));
  add("three");
  EXPECT_EQ(reason("three"), "PoolNotReady") << "nothing is given any more";
  removeService("two");
  look();
  EXPECT_FALSE(exists("a"));
}

TEST_F(PoolReconcilerTest, OnlyOurFinalizerIsTakenOff) {
  api_.put(kube::kPools,
           {{"metadata", {{"name", "a"}, {"finalizers", {"example.com/x"}}}}, {"spec", kRange}});
  look();
  deletePool("a");
  EXPECT_THAT(finalizers("a"), ElementsAre("example.com/x"));
  EXPECT_EQ(ready("a")["reason"], "Deleting");
}

TEST_F(PoolReconcilerTest, ConsumersOutsideKeepADeletedPool) {
  putPool("a", kRange);
  add("one");
  putPool("a", {{"addresses", {"10.0.0.99"}}});
  deletePool("a");
  ASSERT_TRUE(exists("a"));
  EXPECT_THAT(ready("a")["message"], HasSubstr("10.0.0.0 (Service default/one)"));
  removeService("one");
  look();
  EXPECT_FALSE(exists("a"));
}

TEST_F(PoolReconcilerTest, AStatusThatAnotherProcessKeepsWritingIsRepairedWithoutAFight) {
  using namespace std::chrono_literals;
  putPool("a", {{"addresses", {"10.0.0.0/24"}}});
  const auto overwrite = [this] {
    ASSERT_TRUE(api_.patch(kube::kPools, {"", "a"}, "status", {{"status", {{"inUse", "77"}}}}, {}));
    fillPools();
  };
  const auto once = [this] {
    auto done = pools_->reconcile({"", "a"}, {});
    fillPools();
    return done.value().requeueAfter;
  };
  overwrite();
  EXPECT_EQ(once(), 0ms) << "a slip is repaired at once";
  overwrite();
  EXPECT_EQ(once(), 10s);
  EXPECT_EQ(status("a")["inUse"], "77");
  EXPECT_THAT(news("a"), ElementsAre("Warning StatusOverwritten"));
  EXPECT_EQ(once(), 10s) << "whatever brings the Pool back meanwhile";
  clock_.advance(10s);
  EXPECT_EQ(once(), 0ms);
  EXPECT_EQ(status("a")["inUse"], "0");
}

TEST_F(PoolReconcilerTest, AReservationKeepsADeletedPoolAndAForeignAddressDoesNot) {
  putPool("a", kRange);
  allocator_->with([](assigner::Allocator& allocator) {
    allocator.setForeign({"default", "foreign"}, {assigner::test::ip("10.0.0.1")});
    allocator.restoreReservation({"default", "front-door"}, assigner::test::ip("10.0.0.2"), "a", "",
                                 {});
  });
  deletePool("a");
  ASSERT_TRUE(exists("a"));
  EXPECT_THAT(ready("a")["message"], HasSubstr("10.0.0.2 (IP default/front-door)"));
  EXPECT_THAT(ready("a")["message"], Not(HasSubstr("foreign")));
  allocator_->with([](assigner::Allocator& allocator) {
    allocator.unreserve({"default", "front-door"});
  });
  look();
  EXPECT_FALSE(exists("a"));
}

TEST_F(PoolReconcilerTest, APoolThatHasTheAddressesTakesTheConsumersOver) {
  putPool("old", kRange);
  add("one");
  putPool("young", kRange);
  EXPECT_EQ(ready("young")["reason"], "Overlapping");
  deletePool("old");
  EXPECT_FALSE(exists("old"));
  look();
  EXPECT_EQ(ready("young")["reason"], "Ready");
  settle("one");
  EXPECT_EQ(reason("one"), "Assigned");
  EXPECT_EQ(shown("one"), "10.0.0.0");
  add("two");
  EXPECT_EQ(shown("two"), "10.0.0.1") << "no address is given twice";
}

TEST_F(PoolReconcilerTest, APoolDeletedWhileItsConsumerIsOutsideEveryOtherWaitsForThatOneOnly) {
  putPool("old", kRange);
  add("one");
  add("two");
  putPool("young", {{"addresses", {"10.0.0.0"}}});
  deletePool("old");
  ASSERT_TRUE(exists("old"));
  EXPECT_THAT(ready("old")["message"], HasSubstr("these are: 10.0.0.1 (Service default/two)"));
}

TEST_F(PoolReconcilerTest, ABadPoolThatIsDeletedSaysSo) {
  putPool("a", kRange);
  add("one");
  putPool("a", {{"addresses", {"oops"}}});
  EXPECT_EQ(ready("a")["reason"], "BadEntry");
  deletePool("a");
  EXPECT_EQ(ready("a")["reason"], "Deleting");
  EXPECT_THAT(ready("a")["message"], HasSubstr("Service default/one"));
}

// Who is not admitted any more.

TEST_F(PoolReconcilerTest, NamesConsumersThatItNoLongerAdmits) {
  putPool("a", kRange);
  add("one");
  putPool("a", {{"addresses", {"10.0.0.0/24"}}, {"ignoreNamespaces", {"default"}}});
  EXPECT_EQ(ready("a")["status"], "True");
  EXPECT_EQ(ready("a")["reason"], "ConsumersNotAdmitted");
  EXPECT_THAT(ready("a")["message"], HasSubstr("10.0.0.0 (Service default/one)"));
  putPool("a", kRange);
  EXPECT_EQ(ready("a")["reason"], "Ready");
}

TEST_F(PoolReconcilerTest, SaysBothWhoIsOutsideAndWhoIsNotAdmitted) {
  putPool("a", kRange);
  add("one");
  add("two");
  putPool("a", {{"addresses", {"10.0.0.0"}}, {"namespaces", {"shop"}}});
  EXPECT_EQ(ready("a")["reason"], "ConsumersOutside");
  EXPECT_THAT(ready("a")["message"],
              HasSubstr("that the Pool no longer has: 10.0.0.1 (Service default/two); "));
  EXPECT_THAT(ready("a")["message"],
              HasSubstr("no longer admits them: 10.0.0.0 (Service default/one)"));
}

TEST_F(PoolReconcilerTest, AReservationIsNotAdmittedByItsNamespaceOrByItsUser) {
  api_.put(kube::kIps, {{"metadata", {{"name", "front-door"}, {"namespace", "default"}}}});
  const json selecting = {{"addresses", {"10.0.0.0/24"}},
                          {"allowReservations", true},
                          {"serviceSelector", {{"matchLabels", {{"tier", "edge"}}}}}};
  putPool("a", selecting);
  allocator_->with([](assigner::Allocator& allocator) {
    allocator.restoreReservation({"default", "front-door"}, assigner::test::ip("10.0.0.2"), "a", "",
                                 {});
  });
  look();
  EXPECT_EQ(ready("a")["reason"], "Ready") << "for no Service yet";
  put(assigner::test::serviceJson("web"));
  allocator_->with([](assigner::Allocator& allocator) {
    allocator.unreserve({"default", "front-door"});
    allocator.restoreReservation({"default", "front-door"}, assigner::test::ip("10.0.0.2"), "a", "",
                                 {{{"default", "web"}, {}}});
  });
  look();
  EXPECT_EQ(ready("a")["reason"], "ConsumersNotAdmitted");
  EXPECT_THAT(ready("a")["message"], HasSubstr("10.0.0.2 (IP default/front-door)"));
}

// Who is looked at again.

TEST_F(PoolReconcilerTest, AChangeConcernsTheConsumersOfThatPoolAlone) {
  putPool("a", kRange);
  add("one");
  putPool("b", {{"addresses", {"10.1.0.0/24"}}});
  EXPECT_THAT(concerned_, IsEmpty());
  add("two");
  putPool("a", {{"addresses", {"10.0.0.0/28"}}});
  EXPECT_THAT(concerned_, UnorderedElementsAre("Service default/one", "Service default/two"));
  putPool("b", {{"addresses", {"10.1.0.0/28"}}});
  EXPECT_THAT(concerned_, IsEmpty());
}

TEST_F(PoolReconcilerTest, AChangeConcernsTheConsumersOfAPoolThatGivesAgainByIt) {
  putPool("a", {{"addresses", {"10.0.0.0/24"}}});
  add("one");
  putPool("b", {{"addresses", {"10.1.0.0/24", "10.2.0.0/24"}}});
  putPool("c", {{"addresses", {"10.0.0.0/24", "10.1.0.0/24"}}});
  putPool("a", {{"addresses", {"10.3.0.0/24"}}});
  ASSERT_EQ(ready("c")["reason"], "Overlapping");
  putPool("b", {{"addresses", {"10.2.0.0/24"}}});
  EXPECT_THAT(concerned_, UnorderedElementsAre("Service default/one"));
}

}  // namespace
}  // namespace barevip::controlplane
