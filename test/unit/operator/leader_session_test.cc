// SPDX-License-Identifier: Apache-2.0
#include "operator/session/leader_session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "common/model/ip_object_json.h"
#include "common/model/node_json.h"
#include "common/model/pool_json.h"
#include "common/model/service_cidr_json.h"
#include "common/model/service_json.h"
#include "fakes/fake_api.h"
#include "fakes/fake_event_sink.h"
#include "fakes/manual_clock.h"
#include "operator/session/forward_changes.h"

namespace barevip::controlplane {
namespace {

using nlohmann::json;
using Kind = LeaderSession::Kind;
using Verb = kube::FakeApi::Verb;

/// A session whose workers and watches move only when the test says so.
class LeaderSessionTest : public testing::Test {
 protected:
  LeaderSessionTest() {
    forwardChanges(stores_, [this] { return session_.get(); });
    api_.put(kube::kNamespaces, {{"metadata", {{"name", "default"}}}});
  }

  /// A Pool of so many addresses, all of which Services have that are called first0, first1, ...
  void lead(int addresses) {
    const int bits = addresses == 1 ? 32 : 31;
    api_.put(
        kube::kPools,
        {{"metadata", {{"name", "a"}}},
         {"spec", {{"addresses", {"10.0.0.0/" + std::to_string(bits)}}, {"reuseDelay", "0s"}}}});
    begin();
    for (int i = 0; i < addresses; ++i) putService("first" + std::to_string(i), 1);
    settle();
  }

  /// Another process leads, which knows nothing but what the API says.
  void begin() {
    session_.reset();
    sync();
    LeaderSession::Options options;
    options.workers = 1;
    session_ = std::make_unique<LeaderSession>(api_, clock_, events_, stores_, options);
    ASSERT_TRUE(session_->restore({}));
  }

  void putService(const std::string& name, int age) {
    api_.put(kube::kServices,
             {{"metadata",
               {{"name", name},
                {"namespace", "default"},
                {"creationTimestamp", "2026-01-01T00:00:0" + std::to_string(age) + "Z"}}},
              {"spec", {{"type", "LoadBalancer"}, {"ipFamilies", {"IPv4"}}}}});
  }

  void putReservation(const std::string& name, int age, const std::string& owner = "") {
    json object = {{"metadata",
                    {{"name", name},
                     {"namespace", "default"},
                     {"creationTimestamp", "2026-01-01T00:00:0" + std::to_string(age) + "Z"}}},
                   {"spec", {{"address", "10.0.0.0"}}}};
    if (!owner.empty()) {
      object["metadata"]["ownerReferences"] = {
          {{"apiVersion", "v1"}, {"kind", "Service"}, {"name", owner}, {"uid", "of " + owner}}};
    }
    api_.put(kube::kIps, object);
  }

  void erase(const kube::Resource& resource, const std::string& name) {
    api_.erase(resource, {"default", name});
    sync();
  }

  /// The watches catch up.
  void sync() {
    fill(stores_.services, kube::kServices, model::decodeService);
    fill(stores_.pools, kube::kPools, model::decodePool);
    fill(stores_.ipObjects, kube::kIps, model::decodeIpObject);
    fill(stores_.namespaces, kube::kNamespaces, model::decodeNamespace);
    fill(stores_.nodes, kube::kNodes, model::decodeNode);
    fill(stores_.serviceCidrs, kube::kServiceCidrs, model::decodeServiceCidr);
  }

  /// Everything that is due is done.
  void settle() {
    for (int round = 0; round < 100; ++round) {
      sync();
      bool worked = false;
      for (const Kind kind : {Kind::kServices, Kind::kIps, Kind::kPools}) {
        worked = session_->workOnce(kind, {}) || worked;
      }
      if (!worked) return;
    }
    ADD_FAILURE() << "it does not settle";
  }

  [[nodiscard]] std::string shown(const std::string& service) const {
    const json object = api_.object(kube::kServices, {"default", service}).value_or(json());
    return object.value(json::json_pointer("/status/loadBalancer/ingress/0/ip"), "");
  }
  [[nodiscard]] std::string reserved(const std::string& ipObject) const {
    const json object = api_.object(kube::kIps, {"default", ipObject}).value_or(json());
    return object.value(json::json_pointer("/status/address"), "");
  }

  /// The next write of its status takes so long that other workers do all that is due.
  void workDuringTheStatusWriteOf(const std::string& service) {
    api_.setInterceptor([this, service](Verb verb, const kube::Resource& resource,
                                        const kube::ObjectKey& key) -> std::optional<Error> {
      const bool slow = verb == Verb::kPatchStatus && resource == kube::kServices;
      if (!slow || key.name != service || !shownMeanwhile_.empty()) return std::nullopt;
      shownMeanwhile_[service] = "";
      while (session_->workOnce(Kind::kServices, {})) {
      }
      for (const json& each : api_.objects(kube::kServices)) {
        const std::string name = each["metadata"]["name"];
        shownMeanwhile_[name] = shown(name);
      }
      return std::nullopt;
    });
  }

  kube::FakeApi api_;
  ManualClock clock_;
  kube::FakeEventSink events_;
  Stores stores_;
  std::unique_ptr<LeaderSession> session_;
  std::map<std::string, std::string> shownMeanwhile_;

 private:
  template <class T>
  void fill(kube::Store<T>& store, const kube::Resource& resource,
            Result<T> (*decode)(const json&)) {
    std::vector<T> objects;
    for (const json& object : api_.objects(resource)) objects.push_back(decode(object).value());
    store.replaceAll(std::move(objects));
    store.setVersion(std::to_string(1'000'000));
  }
};

TEST_F(LeaderSessionTest, ASlowWriteHoldsUpNobodyWhoWaitsForAnotherAddress) {
  lead(2);
  putService("old", 2);
  putService("young", 3);
  settle();
  ASSERT_EQ(shown("old"), "");
  api_.erase(kube::kServices, {"default", "first0"});
  erase(kube::kServices, "first1");
  ASSERT_TRUE(session_->workOnce(Kind::kServices, {}));
  ASSERT_TRUE(session_->workOnce(Kind::kServices, {}));
  workDuringTheStatusWriteOf("old");
  settle();
  EXPECT_NE(shownMeanwhile_["young"], "");
  EXPECT_NE(shown("old"), "");
}

TEST_F(LeaderSessionTest, WhatOneDoesNotTakeIsForTheNextBeforeThatIsWritten) {
  lead(1);
  putService("old", 2);
  putService("young", 3);
  settle();
  erase(kube::kServices, "first0");
  ASSERT_TRUE(session_->workOnce(Kind::kServices, {}));  // the address is promised to the old one
  json old = api_.object(kube::kServices, {"default", "old"}).value();
  old["metadata"]["annotations"] = {{"barevip.dev/pool", "elsewhere"}};
  api_.put(kube::kServices, old);
  sync();
  workDuringTheStatusWriteOf("old");
  settle();
  EXPECT_EQ(shown("old"), "");
  EXPECT_EQ(shownMeanwhile_["young"], "10.0.0.0");
}

TEST_F(LeaderSessionTest, AnIpObjectThatGivesWayToServicesKeepsNoAddressFromTheNext) {
  lead(1);
  putReservation("old", 2);
  putReservation("young", 3);
  settle();
  ASSERT_EQ(reserved("young"), "");
  erase(kube::kServices, "first0");
  ASSERT_TRUE(session_->workOnce(Kind::kServices, {}));  // the address is promised to the old one
  putReservation("old", 2, "somebody");
  sync();
  while (session_->workOnce(Kind::kIps, {})) {
  }
  EXPECT_EQ(reserved("young"), "10.0.0.0");
}

/// The Service first0 has 10.0.0.0, and a person's IP object has the name of its record; or that
/// was so from the beginning, and the Service shows nothing.
class TakenNameTest : public LeaderSessionTest, public testing::WithParamInterface<bool> {
 protected:
  TakenNameTest() {
    if (GetParam()) {
      lead(1);
      api_.erase(kube::kIps, kRecord);
    }
    putIp(kRecord.name, {{"pool", "elsewhere"}});
    if (!GetParam()) lead(1);
    settle();
    EXPECT_EQ(reason(), "RecordNameTaken");
    EXPECT_EQ(shown("first0"), GetParam() ? "10.0.0.0" : "");
  }

  void putIp(const std::string& name, const json& spec) {
    api_.put(kube::kIps,
             {{"metadata", {{"name", name}, {"namespace", "default"}}}, {"spec", spec}});
  }

  void pause() {
    settle();
    clock_.advance(std::chrono::seconds(60));
    settle();
  }

  [[nodiscard]] std::string reason() const {
    const json object = api_.object(kube::kServices, {"default", "first0"}).value_or(json());
    return object.value(json::json_pointer("/status/conditions/0/reason"), "");
  }

  void expectHealed() const {
    EXPECT_EQ(reason(), "Assigned");
    EXPECT_EQ(shown("first0"), "10.0.0.0");
    EXPECT_EQ(reserved(kRecord.name), "10.0.0.0");
    EXPECT_TRUE(api_.object(kube::kIps, kRecord)->at("metadata").contains("ownerReferences"));
  }

  const kube::ObjectKey kRecord{"default", "first0-10.0.0.0"};
};

TEST_P(TakenNameTest, HealsWhenThePersonDeletesTheObject) {
  for (int i = 0; i < 10; ++i) pause();  // the pause has its full length
  EXPECT_EQ(reason(), "RecordNameTaken");
  api_.erase(kube::kIps, kRecord);
  pause();
  expectHealed();
}

TEST_P(TakenNameTest, HealsWhenThePersonMakesItAgainUnderAnotherName) {
  api_.erase(kube::kIps, kRecord);
  putIp("mine", {{"address", "10.0.0.0"}});
  pause();
  expectHealed();
  EXPECT_EQ(reserved("mine"), "") << "the Service had the address before";
}

TEST_P(TakenNameTest, HealsWhenTheObjectGoesWhileNobodyLeads) {
  session_.reset();
  api_.erase(kube::kIps, kRecord);
  begin();
  pause();
  expectHealed();
}

TEST_P(TakenNameTest, HealsWhenTheObjectGoesUnderTheNextLeader) {
  begin();
  pause();
  EXPECT_EQ(reason(), "RecordNameTaken");
  EXPECT_EQ(shown("first0"), GetParam() ? "10.0.0.0" : "");
  api_.erase(kube::kIps, kRecord);
  pause();
  expectHealed();
}

INSTANTIATE_TEST_SUITE_P(All, TakenNameTest, testing::Bool(), [](const auto& each) {
  return each.param ? "Recorded" : "NeverRecorded";
});

TEST_F(LeaderSessionTest, WhatFailsBeforeItsDecisionPassesOnWhatItWasWokenFor) {
  lead(1);
  putService("old", 2);
  putService("young", 3);
  settle();
  putReservation("left-behind", 4, "old");  // by an earlier Service of that name
  sync();
  erase(kube::kServices, "first0");
  api_.setInterceptor([&](Verb verb, const kube::Resource&, const kube::ObjectKey& key) {
    if (verb == Verb::kDelete && key.name == "left-behind") throw std::runtime_error("a fault");
    return std::optional<Error>();
  });
  settle();
  EXPECT_EQ(shown("young"), "10.0.0.0");
}

}  // namespace
}  // namespace barevip::controlplane
