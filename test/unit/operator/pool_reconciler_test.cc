// SPDX-License-Identifier: Apache-2.0
#include "operator/pool_reconciler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/model/pool_json.h"
#include "operator/ip_reconciler.h"
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
        api_, clock_, PoolReconciler::View{poolStore_, services_, claims_, namespaces_}, *ledger_,
        [this](const std::vector<assigner::PoolHolder>& concerned) {
          concerned_.clear();
          for (const auto& each : concerned) concerned_.insert(each.holder.toString());
        });
  }

  void putPool(const std::string& name, const json& spec) {
    json object = {{"metadata", {{"name", name}}}};
    if (const auto known = api_.object(kube::kPools, {"", name})) object = *known;
    object["spec"] = spec;
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
  [[nodiscard]] json ready(const std::string& name) const {
    return (*api_.object(kube::kPools, {"", name}))["status"]["conditions"][0];
  }
  void removeService(const std::string& name) {
    api_.erase(kube::kServices, {"default", name});
    settle(name);
  }

  kube::Store<model::Pool> poolStore_;
  std::unique_ptr<PoolReconciler> pools_;
  std::set<std::string> concerned_;  ///< by the last change of Pools
};

const json kRange = {{"addresses", {"10.0.0.0/24"}}};

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

TEST_F(PoolReconcilerTest, ADeletedPoolStaysUntilItsLastHolderIsGone) {
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

TEST_F(PoolReconcilerTest, HoldersOutsideKeepADeletedPool) {
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

TEST_F(PoolReconcilerTest, AReservationKeepsADeletedPoolAndAForeignAddressDoesNot) {
  putPool("a", kRange);
  ledger_->with([](assigner::Allocator& allocator) {
    allocator.setForeign({"default", "foreign"}, {assigner::test::ip("10.0.0.1")});
    allocator.takeUpReservation({"default", "front-door"}, assigner::test::ip("10.0.0.2"), "a", "",
                                {});
  });
  deletePool("a");
  ASSERT_TRUE(exists("a"));
  EXPECT_THAT(ready("a")["message"], HasSubstr("10.0.0.2 (IP default/front-door)"));
  EXPECT_THAT(ready("a")["message"], Not(HasSubstr("foreign")));
  ledger_->with([](assigner::Allocator& allocator) {
    allocator.unreserve({"default", "front-door"});
  });
  look();
  EXPECT_FALSE(exists("a"));
}

TEST_F(PoolReconcilerTest, APoolThatHasTheAddressesTakesTheHoldersOver) {
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

TEST_F(PoolReconcilerTest, APoolDeletedWhileItsHolderIsOutsideEveryOtherWaitsForThatOneOnly) {
  putPool("old", kRange);
  add("one");
  add("two");
  putPool("young", {{"addresses", {"10.0.0.0"}}});
  deletePool("old");
  ASSERT_TRUE(exists("old"));
  EXPECT_THAT(ready("old")["message"], HasSubstr("these do: 10.0.0.1 (Service default/two)"));
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

TEST_F(PoolReconcilerTest, NamesHoldersThatItNoLongerAdmits) {
  putPool("a", kRange);
  add("one");
  putPool("a", {{"addresses", {"10.0.0.0/24"}}, {"ignoreNamespaces", {"default"}}});
  EXPECT_EQ(ready("a")["status"], "True");
  EXPECT_EQ(ready("a")["reason"], "HoldersNotAdmitted");
  EXPECT_THAT(ready("a")["message"], HasSubstr("10.0.0.0 (Service default/one)"));
  putPool("a", kRange);
  EXPECT_EQ(ready("a")["reason"], "Ready");
}

TEST_F(PoolReconcilerTest, SaysBothWhoIsOutsideAndWhoIsNotAdmitted) {
  putPool("a", kRange);
  add("one");
  add("two");
  putPool("a", {{"addresses", {"10.0.0.0"}}, {"namespaces", {"shop"}}});
  EXPECT_EQ(ready("a")["reason"], "HoldersOutside");
  EXPECT_THAT(ready("a")["message"],
              HasSubstr("that the Pool no longer has: 10.0.0.1 (Service default/two); "));
  EXPECT_THAT(ready("a")["message"],
              HasSubstr("no longer admits them: 10.0.0.0 (Service default/one)"));
}

TEST_F(PoolReconcilerTest, AReservationIsNotAdmittedByItsNamespaceOrByItsUser) {
  api_.put(kube::kIps, {{"metadata", {{"name", "front-door"}, {"namespace", "default"}}}});
  const json selecting = {{"addresses", {"10.0.0.0/24"}},
                          {"serviceSelector", {{"matchLabels", {{"tier", "edge"}}}}}};
  putPool("a", selecting);
  ledger_->with([](assigner::Allocator& allocator) {
    allocator.takeUpReservation({"default", "front-door"}, assigner::test::ip("10.0.0.2"), "a", "",
                                {});
  });
  look();
  EXPECT_EQ(ready("a")["reason"], "Ready") << "for no Service yet";
  put(assigner::test::serviceJson("web"));
  ledger_->with([](assigner::Allocator& allocator) {
    allocator.unreserve({"default", "front-door"});
    allocator.takeUpReservation({"default", "front-door"}, assigner::test::ip("10.0.0.2"), "a", "",
                                {{{"default", "web"}, {}}});
  });
  look();
  EXPECT_EQ(ready("a")["reason"], "HoldersNotAdmitted");
  EXPECT_THAT(ready("a")["message"], HasSubstr("10.0.0.2 (IP default/front-door)"));
}

// Who is looked at again.

TEST_F(PoolReconcilerTest, AChangeConcernsTheHoldersOfThatPoolAlone) {
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

TEST_F(PoolReconcilerTest, AChangeConcernsTheHoldersOfAPoolThatGivesAgainByIt) {
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
