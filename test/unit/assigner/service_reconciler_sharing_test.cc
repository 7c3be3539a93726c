// SPDX-License-Identifier: Apache-2.0
// What is written for Services that share an address.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/assigner/cluster_fixture.h"

namespace barevip::assigner {
namespace {

using test::json;
using test::pool;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;

class SharingReconcilerTest : public test::ClusterFixture {
 protected:
  void addSharing(const std::string& name, int port, const std::string& key = "k") {
    json object = test::serviceJson(name);
    object["metadata"]["annotations"] = {{"barevip.dev/share", key}};
    object["spec"]["ports"] = {{{"port", port}}};
    put(object);
    settle(name);
  }

  void setPort(const std::string& name, int port) {
    edit(name, {{"spec", {{"ports", {{{"port", port}}}}}}});
    settle(name);
  }

  void setKey(const std::string& name, const json& key) {
    edit(name, {{"metadata", {{"annotations", {{"barevip.dev/share", key}}}}}});
    settle(name);
  }

  /// As the reconciler of IP objects does.
  void bind(const std::string& record, const std::string& port) {
    ASSERT_TRUE(api_.patch(kube::kIps, {"default", record}, "status",
                           {{"status", {{"phase", "Bound"}, {"ports", {port}}}}}, {}));
  }

  [[nodiscard]] json recordedKey(const std::string& record) const {
    return api_.object(kube::kIps, {"default", record})
        .value_or(json())
        .value(json::json_pointer("/spec/shareKey"), json());
  }
};

TEST_F(SharingReconcilerTest, EachServiceHasItsRecordWithTheKey) {
  addSharing("web", 80);
  addSharing("tls", 443);
  EXPECT_EQ(shown("web"), "10.0.0.0");
  EXPECT_EQ(shown("tls"), "10.0.0.0");
  EXPECT_THAT(ipObjectNames(), ElementsAre("tls-10.0.0.0", "web-10.0.0.0"));
  EXPECT_EQ(recordedKey("tls-10.0.0.0"), "k");
}

// Without records nodes cannot tell whose a port is.
TEST_F(SharingReconcilerTest, AClashWithoutARecordServesNothing) {
  addSharing("web", 80);
  addSharing("tls", 443);
  api_.setInterceptor([](kube::FakeApi::Verb verb, const kube::Resource&, const kube::ObjectKey&) {
    return verb == kube::FakeApi::Verb::kCreate
               ? std::optional(Error{ErrorCode::kForbidden, "exceeded quota", 403, {}})
               : std::nullopt;
  });
  api_.erase(kube::kIps, {"default", "tls-10.0.0.0"});
  edit("tls", {{"spec", {{"ports", {{{"port", 80}}}}}}});
  sync();
  EXPECT_FALSE(once("tls"));
  EXPECT_EQ(shown("tls"), "10.0.0.0");
  EXPECT_EQ(reason("tls"), "RecordRefused");
  EXPECT_EQ(condition("tls")["status"], "False");
  EXPECT_THAT(condition("tls")["message"], HasSubstr("it has the port 80/TCP"));
  restart();
  sync();
  EXPECT_FALSE(once("tls"));
  EXPECT_EQ(shown("tls"), "10.0.0.0") << "it is no foreign address for another leader";
  EXPECT_EQ(condition("tls")["status"], "False");
}

TEST_F(SharingReconcilerTest, ARestartChangesNothing) {
  addSharing("web", 80);
  addSharing("tls", 443);
  api_.clearWrites();
  restart();
  settle("tls");
  settle("web");
  EXPECT_EQ(api_.writeCount(), 0U);
}

TEST_F(SharingReconcilerTest, AClashIsSaidAndRepairedByItself) {
  addSharing("web", 80);
  addSharing("tls", 443);
  setPort("tls", 80);
  EXPECT_EQ(shown("tls"), "10.0.0.0");
  EXPECT_EQ(reason("tls"), "ShareRefused");
  EXPECT_THAT(condition("tls")["message"],
              HasSubstr("Service default/web: it has the port 80/TCP"));
  EXPECT_THAT(waiters(), ElementsAre(kube::ObjectKey{"default", "tls"}));
  const int before = freed_;
  ipObjectUses_.clear();
  setPort("web", 8080);
  EXPECT_GT(freed_, before) << "who waits is woken";
  EXPECT_THAT(ipObjectUses_, ElementsAre("web-10.0.0.0")) << "its ports are shown anew";
  settle("tls");
  EXPECT_EQ(reason("tls"), "Assigned");
}

TEST_F(SharingReconcilerTest, WhoSharesNoMoreWaitsForTheOthersToLeave) {
  setPools({pool("a", {"10.0.0.0"})});
  addSharing("web", 80);
  addSharing("tls", 443);
  setKey("web", nullptr);
  EXPECT_EQ(reason("web"), "PoolExhausted");
  consumersWoken_.clear();
  api_.erase(kube::kServices, {"default", "tls"});
  settle("tls");
  EXPECT_THAT(consumersWoken_, ElementsAre("web"));
  settle("web");
  EXPECT_EQ(reason("web"), "Assigned");
  EXPECT_EQ(shown("web"), "10.0.0.0");
}

TEST_F(SharingReconcilerTest, AClashSurvivesARestartWithTheSameLoser) {
  addSharing("web", 80);
  addSharing("tls", 443);
  bind("web-10.0.0.0", "80/TCP");
  bind("tls-10.0.0.0", "443/TCP");
  setPort("tls", 80);
  restart();
  settle("tls");
  settle("web");
  EXPECT_EQ(reason("tls"), "ShareRefused");
  EXPECT_EQ(reason("web"), "Assigned");
}

TEST_F(SharingReconcilerTest, TheKeyOfASoleUserChangesInPlace) {
  add("web");
  api_.clearWrites();
  setKey("web", "k");
  EXPECT_EQ(recordedKey("web-10.0.0.0"), "k");
  ASSERT_EQ(api_.writeCount(), 1U);
  EXPECT_EQ(api_.writes()[0].verb, kube::FakeApi::Verb::kPatch) << "the record is not made anew";
  addSharing("tls", 443);
  EXPECT_EQ(shown("tls"), "10.0.0.0");
}

TEST_F(SharingReconcilerTest, AKeyEditedInTheRecordIsRepaired) {
  addSharing("web", 80);
  ASSERT_TRUE(api_.patch(kube::kIps, {"default", "web-10.0.0.0"}, "",
                         {{"spec", {{"shareKey", "stolen"}}}}, {}));
  settle("web");
  EXPECT_EQ(recordedKey("web-10.0.0.0"), "k");
}

TEST_F(SharingReconcilerTest, AnotherKeyMovesMakeBeforeBreak) {
  addSharing("web", 80);
  addSharing("tls", 443);
  api_.clearWrites();
  setKey("tls", nullptr);
  EXPECT_EQ(shown("tls"), "10.0.0.1");
  EXPECT_THAT(ipObjectNames(), ElementsAre("tls-10.0.0.1", "web-10.0.0.0"));
  const auto writes = api_.writes();
  ASSERT_EQ(writes.size(), 3U);
  EXPECT_EQ(writes[0].key.name, "tls-10.0.0.1");
  EXPECT_EQ(writes[1].key.name, "tls");
  EXPECT_EQ(writes[2].key.name, "tls-10.0.0.0");
}

TEST_F(SharingReconcilerTest, AnotherKeyWithoutAnotherAddressKeepsTheOldOneAndSaysSo) {
  setPools({pool("a", {"10.0.0.0"})});
  addSharing("web", 80);
  addSharing("tls", 443);
  setKey("tls", "l");
  EXPECT_EQ(shown("tls"), "10.0.0.0");
  EXPECT_THAT(condition("tls")["message"], HasSubstr("the Service keeps 10.0.0.0"));
  EXPECT_EQ(recordedKey("tls-10.0.0.0"), "k");
  restart();
  settle("tls");
  settle("web");
  EXPECT_EQ(shown("tls"), "10.0.0.0");
  EXPECT_EQ(reason("web"), "Assigned");
}

TEST_F(SharingReconcilerTest, TheAddressIsFreeWhenTheLastOneLeaves) {
  setPools({pool("a", {"10.0.0.0"})});
  addSharing("web", 80);
  addSharing("tls", 443);
  for (const char* name : {"web", "tls"}) {
    add("other");
    EXPECT_EQ(reason("other"), "PoolExhausted");
    api_.erase(kube::kServices, {"default", name});
    settle(name);
  }
  settle("other");
  EXPECT_EQ(shown("other"), "10.0.0.0");
}

TEST_F(SharingReconcilerTest, WhenOneComesOrLeavesTheRecordsOfTheOthersAreLookedAt) {
  addSharing("web", 80);
  ipObjectUses_.clear();
  addSharing("tls", 443);
  EXPECT_THAT(ipObjectUses_, Contains("web-10.0.0.0"));
  ipObjectUses_.clear();
  api_.erase(kube::kServices, {"default", "web"});
  settle("web");
  EXPECT_THAT(ipObjectUses_, Contains("tls-10.0.0.0")) << "the address may count for another Pool";
}

TEST_F(SharingReconcilerTest, AKeyThatIsNoneIsABadRequest) {
  addSharing("web", 80, "");
  EXPECT_EQ(reason("web"), "BadRequest");
  EXPECT_THAT(condition("web")["message"], HasSubstr("barevip.dev/share is empty"));
}

}  // namespace
}  // namespace barevip::assigner
