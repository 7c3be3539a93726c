// SPDX-License-Identifier: Apache-2.0
#include "operator/selftest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "fakes/fake_api.h"
#include "fakes/manual_clock.h"
#include "unit/operator/timed_run.h"

namespace barevip::controlplane {
namespace {

using namespace std::chrono_literals;
using kube::FakeApi;
using kube::ObjectKey;
using nlohmann::json;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;
using Verb = FakeApi::Verb;

const ObjectKey kService{"lb", "barevip-selftest"};

/// A cluster with barevip. Each time that the Service is read, the operator and the node daemons
/// have done their work.
class SelftestTest : public testing::Test {
 protected:
  SelftestTest() {
    options_.ns = "lb";
    options_.pod = "me";
    putPool("L2");
    api_.setInterceptor([this](Verb verb, const kube::Resource& resource, const ObjectKey& key) {
      if (fault_) {
        if (auto error = fault_(verb, resource, key)) return error;
      }
      if (verb == Verb::kGet && resource == kube::kServices) control();
      return std::optional<Error>();
    });
  }

  void putPool(const std::string& mode) {
    api_.put(
        kube::kPools,
        {{"metadata", {{"name", "default"}}},
         {"spec", {{"addresses", json::array({"10.99.0.0/24"})}, {"announce", {{"mode", mode}}}}}});
  }

  void control() {
    const auto service = api_.object(kube::kServices, kService);
    if (!service) {
      if (frees_) api_.collectGarbage();
      return;
    }
    json changed = *service;
    changed["status"]["conditions"] = json::array({condition_});
    json ingress = json::array();
    for (const std::string& address : addresses_) ingress.push_back({{"ip", address}});
    changed["status"]["loadBalancer"]["ingress"] = ingress;
    if (operatorWorks_ && changed != *service) api_.put(kube::kServices, changed);
    for (const std::string& address : addresses_) {
      const bool four = address.find(':') == std::string::npos;
      json ipObject = {
          {"metadata",
           {{"name", four ? "selftest-4" : "selftest-6"},
            {"namespace", "lb"},
            {"ownerReferences", json::array({{{"apiVersion", "v1"},
                                              {"kind", "Service"},
                                              {"name", "barevip-selftest"},
                                              {"uid", (*service)["metadata"]["uid"]}}})}}},
          {"spec", {{"address", address}}},
          {"status", {{"address", address}, {"pool", "default"}, {"node", announcer_}}}};
      const auto old =
          api_.object(kube::kIps, {"lb", ipObject["metadata"]["name"].get<std::string>()});
      if (!old) api_.put(kube::kIps, ipObject);
    }
  }

  Result<void> run() {
    lines_.clear();
    const MonotonicTime begin = clock_.now();
    auto result = test::runInTime(clock_, [this] {
      return selftest(
          api_, clock_, options_,
          [this](const IpAddress& address, std::uint16_t port,
                 const std::stop_token&) -> Result<std::string> {
            EXPECT_EQ(port, 80);
            ++fetches_[address.toString()];
            return answer_(address.toString());
          },
          [this](const std::string& line) { lines_.push_back(line); }, stop_.get_token());
    });
    took_ = clock_.now() - begin;
    return result;
  }

  [[nodiscard]] bool serviceExists() const {
    return api_.object(kube::kServices, kService).has_value();
  }

  FakeApi api_;
  ManualClock clock_;
  SelftestOptions options_;
  std::stop_source stop_;
  FakeApi::Interceptor fault_;
  bool operatorWorks_ = true;
  bool frees_ = true;
  std::vector<std::string> addresses_{"10.99.0.200"};
  json condition_{{"type", "barevip.dev/AddressAssigned"},
                  {"status", "True"},
                  {"reason", "Assigned"},
                  {"message", "ok"}};
  std::string announcer_ = "n1";
  std::function<Result<std::string>(const std::string&)> answer_ = [](const std::string&) {
    return Result<std::string>("me\n");
  };
  std::map<std::string, int> fetches_;
  std::vector<std::string> lines_;
  std::chrono::nanoseconds took_{};
};

TEST_F(SelftestTest, TheServiceIsMadeReachedAndDeletedALineForEachStep) {
  const auto result = run();
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_THAT(lines_,
              ElementsAre(StartsWith("ok: created Service lb/barevip-selftest ("),
                          StartsWith("ok: Service lb/barevip-selftest got 10.99.0.200 ("),
                          StartsWith("ok: node n1 announces 10.99.0.200 ("),
                          StartsWith("ok: 10.99.0.200:80 answered 3 times ("),
                          StartsWith("ok: deleted Service lb/barevip-selftest, and its IP objects "
                                     "are gone (")));
  EXPECT_FALSE(serviceExists());
  EXPECT_THAT(api_.objects(kube::kIps), IsEmpty());
}

TEST_F(SelftestTest, TheServiceSelectsThePodByItsLabelAndBelongsToIt) {
  options_.podUid = "pod-uid";
  options_.labelKey = "app";
  options_.labelValue = "mine";
  options_.loadBalancerClass = "barevip.dev/barevip";
  options_.port = 9000;
  ASSERT_TRUE(run());
  const json body = api_.writes().front().body;
  EXPECT_EQ(body["spec"]["type"], "LoadBalancer");
  EXPECT_EQ(body["spec"]["ipFamilyPolicy"], "PreferDualStack");
  EXPECT_EQ(body["spec"]["selector"], (json{{"app", "mine"}}));
  EXPECT_EQ(body["spec"]["loadBalancerClass"], "barevip.dev/barevip");
  EXPECT_EQ(body["spec"]["ports"][0]["targetPort"], 9000);
  EXPECT_EQ(body["metadata"]["ownerReferences"][0]["uid"], "pod-uid");
}

TEST_F(SelftestTest, EachAddressIsReached) {
  addresses_ = {"10.99.0.200", "fd00::c8"};
  ASSERT_TRUE(run());
  EXPECT_EQ(fetches_["10.99.0.200"], 3);
  EXPECT_EQ(fetches_["fd00::c8"], 3);
  EXPECT_THAT(lines_[5], StartsWith("ok: [fd00::c8]:80 answered 3 times"));
}

TEST_F(SelftestTest, WithoutAnAddressTheServicesConditionIsTheReason) {
  addresses_.clear();
  condition_["status"] = "False";
  condition_["reason"] = "PoolExhausted";
  condition_["message"] = "all addresses are held";
  const auto result = run();
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().message,
              HasSubstr("got no address in time: barevip.dev/AddressAssigned is False, "
                        "PoolExhausted: all addresses are held"));
  EXPECT_FALSE(serviceExists());
  EXPECT_LE(took_, 120s);
}

TEST_F(SelftestTest, WithoutAPoolTheSentenceSaysToApplyOne) {
  addresses_.clear();
  api_.erase(kube::kPools, {"", "default"});
  const auto result = run();
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().message,
              HasSubstr("There is no Pool: write your addresses into deploy/examples/pool.yaml"));
}

TEST_F(SelftestTest, WithoutAnOperatorTheSentenceSaysWhereToLook) {
  operatorWorks_ = false;
  addresses_.clear();
  const auto result = run();
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().message, HasSubstr("no barevip-operator serves it"));
}

TEST_F(SelftestTest, WithoutAnAnnouncerTheAddressIsNamed) {
  announcer_ = "";
  const auto result = run();
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().message,
              AllOf(HasSubstr("no node announces 10.99.0.200"), HasSubstr("Pool default")));
  EXPECT_FALSE(serviceExists());
}

TEST_F(SelftestTest, APoolThatOthersAnnounceNeedsNoAnnouncer) {
  announcer_ = "";
  putPool("None");
  ASSERT_TRUE(run());
  EXPECT_THAT(lines_[2], StartsWith("ok: Pool default leaves announcing 10.99.0.200 to others"));
}

TEST_F(SelftestTest, WhatDoesNotAnswerIsAFailureWithItsReason) {
  answer_ = [this](const std::string&) -> Result<std::string> {
    clock_.advance(1s);
    return fail(ErrorCode::kUnavailable, "cannot connect to 10.99.0.200:80: No route to host");
  };
  const auto result = run();
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().message, HasSubstr("10.99.0.200:80 does not lead to this pod: cannot "
                                                "connect to 10.99.0.200:80: No route to host"));
  EXPECT_FALSE(serviceExists());
  EXPECT_LE(took_, 120s);
}

TEST_F(SelftestTest, AnotherServersAnswerIsAFailureThatQuotesIt) {
  answer_ = [](const std::string&) { return Result<std::string>("<html>printer</html>"); };
  const auto result = run();
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().message, HasSubstr("it answered \"<html>printer</html>\" instead of "
                                                "\"me\", so another machine has the address"));
}

TEST_F(SelftestTest, ALateAnswerIsEnough) {
  int asked = 0;
  answer_ = [&asked](const std::string&) -> Result<std::string> {
    if (++asked < 5) return fail(ErrorCode::kTimeout, "no answer");
    return std::string("me");
  };
  EXPECT_TRUE(run());
}

TEST_F(SelftestTest, WhatAKilledRunLeftGoesFirst) {
  api_.put(kube::kServices, {{"metadata",
                              {{"name", kService.name},
                               {"namespace", kService.ns},
                               {"labels", {{"barevip.dev/selftest", "true"}}}}},
                             {"spec", {{"type", "LoadBalancer"}}}});
  ASSERT_TRUE(run());
  EXPECT_THAT(lines_[0], StartsWith("ok: deleted Service lb/barevip-selftest"));
  EXPECT_THAT(lines_[1], StartsWith("ok: created Service lb/barevip-selftest"));
}

TEST_F(SelftestTest, AServiceThatNoSelftestMadeStays) {
  api_.put(kube::kServices, {{"metadata", {{"name", kService.name}, {"namespace", kService.ns}}},
                             {"spec", {{"type", "LoadBalancer"}}}});
  const auto result = run();
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().message, HasSubstr("no selftest made it"));
  EXPECT_TRUE(serviceExists());
}

TEST_F(SelftestTest, IpObjectsThatStayAreAFailure) {
  frees_ = false;
  const auto result = run();
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().message, HasSubstr("this is left: IP object lb/selftest-4"));
  EXPECT_LE(took_, 120s);
}

TEST_F(SelftestTest, WhatWasSeenLastCountsIfNothingCanBeSeenAnyMore) {
  frees_ = false;
  bool deleted = false;
  int looks = 0;
  fault_ = [&](Verb verb, const kube::Resource& resource,
               const ObjectKey&) -> std::optional<Error> {
    if (verb == Verb::kDelete) deleted = true;
    if (!deleted || verb != Verb::kList || !(resource == kube::kIps) || ++looks == 1) return {};
    return Error{ErrorCode::kForbidden, "User \"x\" cannot list ips", 403, {}};
  };
  const auto result = run();
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().message, HasSubstr("this is left: IP object lb/selftest-4"));
}

TEST_F(SelftestTest, AfterAStopTheServiceIsDeletedStill) {
  answer_ = [this](const std::string&) -> Result<std::string> {
    stop_.request_stop();
    return fail(ErrorCode::kStopped, "stopped");
  };
  const auto result = run();
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().message, HasSubstr("was stopped"));
  EXPECT_FALSE(serviceExists());
  EXPECT_LT(took_, 20s);
}

TEST_F(SelftestTest, ACreateThatIsForbiddenIsTheReason) {
  fault_ = [](Verb verb, const kube::Resource&, const ObjectKey&) -> std::optional<Error> {
    if (verb != Verb::kCreate) return std::nullopt;
    return Error{ErrorCode::kForbidden, "User \"x\" cannot create services", 403, {}};
  };
  const auto result = run();
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().message, HasSubstr("cannot create Service lb/barevip-selftest: User"));
}

TEST_F(SelftestTest, ACreateWhoseAnswerWasLostCounts) {
  bool once = true;
  fault_ = [&](Verb verb, const kube::Resource& resource,
               const ObjectKey& key) -> std::optional<Error> {
    if (verb != Verb::kCreate || !std::exchange(once, false)) return std::nullopt;
    json made = api_.writes().back().body;
    made["metadata"]["namespace"] = key.ns;
    api_.put(resource, made);
    return Error{ErrorCode::kTimeout, "no answer", 0, {}};
  };
  EXPECT_TRUE(run());
}

}  // namespace
}  // namespace barevip::controlplane
