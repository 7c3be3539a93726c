// SPDX-License-Identifier: Apache-2.0
#include "operator/ip_reconciler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/assigner/cluster_fixture.h"

namespace barevip::controlplane {
namespace {

using assigner::test::json;
using assigner::test::pool;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

/// Adds the reconciler of IP objects to the cluster of the Service reconciler's tests.
class IpReconcilerTest : public assigner::test::ClusterFixture {
 protected:
  void reserve(const std::string& name, const json& spec) {
    api_.put(kube::kIps,
             {{"metadata", {{"name", name}, {"namespace", "default"}}}, {"spec", spec}});
    look(name);
  }

  void look(const std::string& name) {
    for (int round = 0; round < 10; ++round) {
      sync();
      const std::size_t before = api_.writeCount();
      ASSERT_TRUE(reservations().reconcile({"default", name}, {}));
      if (api_.writeCount() == before) return;
    }
    ADD_FAILURE() << name << " does not settle";
  }

  /// Belongs to the ledger of this term.
  IpReconciler& reservations() {
    if (!made_ || ledgerSeen_ != ledger_.get()) {
      ledgerSeen_ = ledger_.get();
      made_ = std::make_unique<IpReconciler>(
          api_, clock_, events_, IpReconciler::View{claims_, services_, namespaces_}, *ledger_,
          IpReconciler::Notices{
              [this] { ++freed_; }, [] {},
              [this](const kube::ObjectKey& service) { touched_.push_back(service.name); }});
    }
    return *made_;
  }

  [[nodiscard]] json claim(const std::string& name) const {
    return api_.object(kube::kIps, {"default", name}).value_or(json());
  }
  [[nodiscard]] std::string phase(const std::string& name) const {
    return claim(name).value(json::json_pointer("/status/phase"), "");
  }
  [[nodiscard]] json bound(const std::string& name) const {
    return claim(name)["status"]["conditions"][0];
  }

  void addNaming(const std::string& service, const std::string& claim) {
    json object = assigner::test::serviceJson(service);
    object["metadata"]["annotations"] = {{"barevip.dev/ip", claim}};
    object["spec"]["ports"] = {{{"port", 80}}, {{"port", 53}, {"protocol", "UDP"}}};
    put(object);
    settle(service);
  }

  std::vector<std::string> touched_;

 private:
  std::unique_ptr<IpReconciler> made_;
  const assigner::Ledger* ledgerSeen_ = nullptr;
};

TEST_F(IpReconcilerTest, ARecordShowsItsServiceAndPorts) {
  json web = assigner::test::serviceJson("web");
  web["spec"]["ports"] = {{{"port", 80}}, {{"port", 53}, {"protocol", "UDP"}}};
  put(web);
  settle("web");
  look("web-10.0.0.0");
  const json status = claim("web-10.0.0.0")["status"];
  EXPECT_EQ(status["phase"], "Bound");
  EXPECT_EQ(status["address"], "10.0.0.0");
  EXPECT_EQ(status["pool"], "a");
  EXPECT_EQ(status["service"], "web");
  EXPECT_EQ(status["ports"], (json{"80/TCP", "53/UDP"}));
}

TEST_F(IpReconcilerTest, ARecordHasNoMorePortsThanTheCrdTakes) {
  json web = assigner::test::serviceJson("web");
  web["spec"]["ports"] = json::array();
  for (int port = 1; port <= 20'000; ++port) web["spec"]["ports"].push_back({{"port", port}});
  put(web);
  settle("web");
  look("web-10.0.0.0");
  const json ports = claim("web-10.0.0.0")["status"]["ports"];
  EXPECT_EQ(ports.size(), 16'384U);
  EXPECT_EQ(ports.back(), "16384/TCP");
}

TEST_F(IpReconcilerTest, AReservationNamesNoMoreServicesThanTheCrdTakes) {
  reserve("front-door", {{"address", "10.0.0.7"}, {"shareKey", "k"}});
  sync();
  ledger_->with([&](assigner::Allocator& allocator) {
    assigner::Request request;
    request.claims = {"front-door"};
    request.families = {Family::kIpv4};
    for (std::uint16_t port = 1; port <= 1100; ++port) {
      request.service = {"default", "web" + std::to_string(port)};
      request.terms = {"k", {{model::Protocol::kTcp, port}}, {}};
      ASSERT_FALSE(allocator.assign(request).refusal);
    }
  });
  look("front-door");
  const auto reserved = model::decodeIpClaim(claim("front-door")).value();
  EXPECT_EQ(model::serviceNames(reserved).size(), 1024U);
  EXPECT_EQ(reserved.status.ports.size(), 1100U);
}

TEST_F(IpReconcilerTest, TheNodeThatAnnouncesIsLeftAlone) {
  add("web");
  look("web-10.0.0.0");
  ASSERT_TRUE(api_.patch(kube::kIps, {"default", "web-10.0.0.0"}, "status",
                         {{"status", {{"node", "node-1"}}}}, {}));
  edit("web", {{"spec", {{"ports", {{{"port", 81}}}}}}});
  settle("web");
  look("web-10.0.0.0");
  EXPECT_EQ(claim("web-10.0.0.0")["status"]["node"], "node-1");
  EXPECT_EQ(claim("web-10.0.0.0")["status"]["ports"], json{"81/TCP"});
}

TEST_F(IpReconcilerTest, AnAddressIsReservedByHand) {
  reserve("front-door", {{"address", "10.0.0.7"}});
  EXPECT_EQ(phase("front-door"), "Bound");
  EXPECT_EQ(claim("front-door")["status"]["pool"], "a");
  EXPECT_THAT(events_.reasons({"default", "front-door"}), ElementsAre("Reserved"));
  addNaming("web", "front-door");
  EXPECT_EQ(shown("web"), "10.0.0.7");
  look("front-door");
  EXPECT_EQ(claim("front-door")["status"]["service"], "web");
  EXPECT_EQ(claim("front-door")["status"]["ports"], (json{"80/TCP", "53/UDP"}));
  EXPECT_THAT(claimNames(), ElementsAre("front-door")) << "no second record";
}

TEST_F(IpReconcilerTest, AnAddressThatWouldNotBeGivenAgainIsKeptAndThisIsSaid) {
  add("web");
  reserve("front-door", {{"address", "10.0.0.7"}});
  model::Pool strict = pool("a", {"10.0.0.0/24"});
  strict.ignoreNamespaces = {"default"};
  setPools({strict});
  for (const char* name : {"web-10.0.0.0", "front-door"}) {
    look(name);
    EXPECT_EQ(phase(name), "Bound");
    EXPECT_EQ(bound(name)["status"], "True");
    EXPECT_EQ(bound(name)["reason"], "NotAdmitted");
    EXPECT_THAT(bound(name)["message"], HasSubstr("ignoreNamespaces"));
  }
  setPools({pool("a", {"10.0.0.99"})});
  look("front-door");
  EXPECT_EQ(bound("front-door")["reason"], "OutsidePool");
  setPools({pool("a", {"10.0.0.0/24"})});
  look("front-door");
  EXPECT_EQ(bound("front-door")["reason"], "Reserved");
  EXPECT_THAT(events_.reasons({"default", "front-door"}),
              ElementsAre("Reserved", "NotAdmitted", "OutsidePool", "Reserved"));
}

TEST_F(IpReconcilerTest, AReservationSaysThatItsUserIsNotAdmittedAnyMore) {
  reserve("front-door", {{"address", "10.0.0.7"}});
  addNaming("web", "front-door");
  model::Pool edge = pool("a", {"10.0.0.0/24"});
  edge.serviceSelector = model::LabelSelector{{{"tier", "edge"}}, {}};
  setPools({edge});
  look("front-door");
  EXPECT_EQ(bound("front-door")["reason"], "NotAdmitted");
  EXPECT_THAT(bound("front-door")["message"], HasSubstr("serviceSelector"));
}

TEST_F(IpReconcilerTest, AReservationOutlivesItsService) {
  reserve("front-door", {{"address", "10.0.0.7"}});
  addNaming("web", "front-door");
  api_.erase(kube::kServices, {"default", "web"});
  settle("web");
  look("front-door");
  EXPECT_EQ(phase("front-door"), "Bound");
  EXPECT_FALSE(claim("front-door")["status"].contains("service"));
}

TEST_F(IpReconcilerTest, AReservationWithoutAddressGetsOneAndKeepsIt) {
  reserve("any", json::object());
  EXPECT_EQ(claim("any")["status"]["address"], "10.0.0.0");
  restart();
  look("any");
  EXPECT_EQ(claim("any")["status"]["address"], "10.0.0.0");
}

TEST_F(IpReconcilerTest, AHeldAddressIsAConflictThatNamesTheHolder) {
  add("web");
  reserve("thief", {{"address", "10.0.0.0"}});
  EXPECT_EQ(phase("thief"), "Conflict");
  EXPECT_EQ(bound("thief")["reason"], "AddressHeld");
  EXPECT_THAT(bound("thief")["message"], HasSubstr("Service default/web"));
  EXPECT_THAT(reservations().waiters(), ElementsAre(kube::ObjectKey{"default", "thief"}));
  api_.erase(kube::kServices, {"default", "web"});
  settle("web");
  look("thief");
  EXPECT_EQ(phase("thief"), "Bound");
  EXPECT_THAT(reservations().waiters(), IsEmpty());
}

TEST_F(IpReconcilerTest, AReservationThatCannotBeMetIsPendingWithTheReason) {
  struct Case {
    json spec;
    const char* reason;
  };
  const Case cases[] = {
      {{{"address", "172.16.0.1"}}, "AddressNotInPool"},
      {{{"pool", "nowhere"}}, "NoPool"},
      {{{"family", "IPv6"}}, "FamilyMissing"},
      {{{"address", "nonsense"}}, "BadRequest"},
      {{{"address", "10.0.0.1"}, {"family", "IPv6"}}, "BadRequest"},
  };
  for (const Case& each : cases) {
    reserve("wish", each.spec);
    EXPECT_EQ(phase("wish"), "Pending") << each.spec;
    EXPECT_EQ(bound("wish")["reason"], each.reason);
    api_.erase(kube::kIps, {"default", "wish"});
    look("wish");
  }
}

TEST_F(IpReconcilerTest, ADeletedReservationFreesItsAddress) {
  reserve("front-door", {{"address", "10.0.0.0"}});
  const int before = freed_;
  api_.erase(kube::kIps, {"default", "front-door"});
  look("front-door");
  EXPECT_GT(freed_, before);
  add("web");
  EXPECT_EQ(shown("web"), "10.0.0.0");
}

TEST_F(IpReconcilerTest, AReservationDeletedUnderAServiceLeavesItTheAddress) {
  reserve("front-door", {{"address", "10.0.0.7"}});
  addNaming("web", "front-door");
  api_.erase(kube::kIps, {"default", "front-door"});
  look("front-door");
  EXPECT_THAT(touched_, ElementsAre("web"));
  settle("web");
  EXPECT_EQ(shown("web"), "10.0.0.7");
  EXPECT_EQ(reason("web"), "ReservationMissing");
  EXPECT_THAT(claimNames(), ElementsAre("web-10.0.0.7"));
}

TEST_F(IpReconcilerTest, AReservationMadeAnewWithAnotherAddressMoves) {
  reserve("front-door", {{"address", "10.0.0.7"}});
  api_.erase(kube::kIps, {"default", "front-door"});
  reserve("front-door", {{"address", "10.0.0.8"}});
  EXPECT_EQ(claim("front-door")["status"]["address"], "10.0.0.8");
  EXPECT_EQ(ledger_->with([](assigner::Allocator& a) { return a.holds().all().size(); }), 1U);
}

json sharingJson(const std::string& name, int port) {
  json object = assigner::test::serviceJson(name);
  object["metadata"]["annotations"] = {{"barevip.dev/share", "k"}};
  object["spec"]["ports"] = {{{"port", port}}};
  return object;
}

TEST_F(IpReconcilerTest, ARecordShowsThePortsThatWereGranted) {
  put(sharingJson("web", 80));
  settle("web");
  put(sharingJson("tls", 443));
  settle("tls");
  put(sharingJson("tls", 80));
  settle("tls");
  look("web-10.0.0.0");
  look("tls-10.0.0.0");
  EXPECT_EQ(reason("tls"), "ShareRefused");
  EXPECT_EQ(claim("tls-10.0.0.0")["status"]["ports"], json{"443/TCP"});
  put(sharingJson("web", 8080));
  settle("web");
  settle("tls");
  look("web-10.0.0.0");
  look("tls-10.0.0.0");
  EXPECT_EQ(claim("web-10.0.0.0")["status"]["ports"], json{"8080/TCP"});
  EXPECT_EQ(claim("tls-10.0.0.0")["status"]["ports"], json{"80/TCP"});
}

TEST_F(IpReconcilerTest, AReservationWithAShareKeyShowsAllItsUsers) {
  reserve("front-door", {{"address", "10.0.0.7"}, {"shareKey", "k"}});
  for (const auto& [name, port] : {std::pair("web", 80), std::pair("tls", 443)}) {
    json service = sharingJson(name, port);
    service["metadata"]["annotations"]["barevip.dev/ip"] = "front-door";
    put(service);
    settle(name);
    EXPECT_EQ(shown(name), "10.0.0.7");
  }
  look("front-door");
  EXPECT_EQ(claim("front-door")["status"]["service"], "tls, web");
  EXPECT_EQ(claim("front-door")["status"]["ports"], (json{"80/TCP", "443/TCP"}));
  api_.clearWrites();
  restart();
  settle("web");
  settle("tls");
  look("front-door");
  EXPECT_EQ(api_.writeCount(), 0U);
  api_.erase(kube::kIps, {"default", "front-door"});
  look("front-door");
  EXPECT_THAT(touched_, ElementsAre("tls", "web")) << "both hold it from now on";
}

TEST_F(IpReconcilerTest, AShareKeyThatIsAddedWakesWhoWaits) {
  reserve("front-door", {{"address", "10.0.0.7"}});
  const int before = freed_;
  ASSERT_TRUE(
      api_.patch(kube::kIps, {"default", "front-door"}, "", {{"spec", {{"shareKey", "k"}}}}, {}));
  look("front-door");
  EXPECT_GT(freed_, before);
}

}  // namespace
}  // namespace barevip::controlplane
