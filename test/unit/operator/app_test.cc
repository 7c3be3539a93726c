// SPDX-License-Identifier: Apache-2.0
// The operator as a whole, with its threads, beside an API server in memory.
#include "operator/app.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <future>
#include <latch>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <thread>

#include <nlohmann/json.hpp>

#include "common/kube/forwarding_api.h"
#include "fakes/fake_api.h"
#include "fakes/manual_clock.h"

namespace barevip::controlplane {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using testing::HasSubstr;

TEST(AppLiveness, AnElectorThatIsWellIsNeverTakenForOneThatHangs) {
  kube::FakeApi api;
  ManualClock clock;
  std::latch asked(1);
  std::promise<void> answer;
  const std::shared_future<void> answered = answer.get_future().share();
  api.setInterceptor([&](kube::FakeApi::Verb, const kube::Resource& resource,
                         const kube::ObjectKey&) -> std::optional<Error> {
    if (resource != kube::kLeases) return std::nullopt;
    if (!asked.try_wait()) asked.count_down();
    answered.wait();
    return Error{ErrorCode::kUnavailable, "nobody is there"};
  });
  Options options;
  options.leaderElect = true;
  options.identity = "first";
  // As long as the flags may be: three requests and a pause take 16 minutes and 40 s.
  options.leaseTimes = {600s, 400s, 333s};
  ASSERT_EQ(options.leaseTimes.requestDeadline(), 200s);
  App app(api, clock, options);
  std::jthread thread([&](const std::stop_token& stop) { app.run(stop); });
  asked.wait();
  clock.advance(3 * 200s + 399'600ms + 110s);
  EXPECT_EQ(app.live().status, 200);
  clock.advance(1ms);
  EXPECT_EQ(app.live().status, 503);
  answer.set_value();
}

/// The way of a process to the API server: streams pass, and lists in pages do not, which are what
/// a restore asks for.
class WithoutPages final : public kube::ForwardingApi {
 public:
  using ForwardingApi::ForwardingApi;

 private:
  Result<void> around(const Request& request, const Send& send) override {
    if (request.verb != kube::Verb::kList) return send();
    return fail(ErrorCode::kTimeout, "the answer does not arrive");
  }
};

/// One process.
class Replica {
 public:
  Replica(kube::Api& api, const Options& options, const App::Patience& patience)
      : app_(api, clock_, options, election(options), patience),
        thread_([this](const std::stop_token& stop) { app_.run(stop); }) {}

  App& app() { return app_; }
  void stop() {
    thread_.request_stop();
    thread_.join();
  }

 private:
  static kube::LeaderElector::Options election(const Options& options) {
    kube::LeaderElector::Options election;
    election.lease = options.lease;
    election.identity = options.identity;
    election.times.leaseDuration = 1s;
    election.times.renewDeadline = 600ms;
    election.times.retryPeriod = 100ms;
    return election;
  }

  SystemClock clock_;
  App app_;
  std::jthread thread_;
};

class AppTest : public testing::Test {
 protected:
  AppTest() {
    options_.workers = 4;
    options_.identity = "first";
    api_.put(kube::kNamespaces, {{"metadata", {{"name", "default"}}}});
  }

  void TearDown() override {
    for (auto& replica : replicas_) replica->stop();
  }

  Replica& start(const std::string& identity = "first") { return start(identity, api_); }
  Replica& start(const std::string& identity, kube::Api& api) {
    Options options = options_;
    options.identity = identity;
    replicas_.push_back(std::make_unique<Replica>(api, options, patience_));
    return *replicas_.back();
  }

  void stopFirst() {
    replicas_.front()->stop();
    replicas_.erase(replicas_.begin());
  }

  void putPool(const std::string& name, const std::vector<std::string>& addresses) {
    api_.put(kube::kPools, {{"metadata", {{"name", name}}},
                            {"spec", {{"addresses", addresses}, {"allowFirstLast", true}}}});
  }

  void putService(const std::string& name) {
    api_.put(kube::kServices, {{"metadata", {{"name", name}, {"namespace", "default"}}},
                               {"spec", {{"type", "LoadBalancer"}, {"ipFamilies", {"IPv4"}}}}});
  }

  [[nodiscard]] std::string shown(const std::string& name) const {
    const auto service = api_.object(kube::kServices, {"default", name});
    if (!service) return "";
    return service->value(json::json_pointer("/status/loadBalancer/ingress/0/ip"), "");
  }

  [[nodiscard]] std::string reason(const std::string& name) const {
    const auto service = api_.object(kube::kServices, {"default", name});
    if (!service) return "";
    return service->value(json::json_pointer("/status/conditions/0/reason"), "");
  }

  [[nodiscard]] json poolStatus(const std::string& name) const {
    const auto pool = api_.object(kube::kPools, {"", name});
    return pool ? pool->value("status", json::object()) : json::object();
  }

  [[nodiscard]] std::string poolReason(const std::string& name) const {
    return poolStatus(name).value(json::json_pointer("/conditions/0/reason"), "");
  }

  /// Of the condition Bound.
  [[nodiscard]] std::string ipObjectReason(const std::string& name) const {
    const auto ipObject = api_.object(kube::kIps, {"default", name});
    return ipObject ? ipObject->value(json::json_pointer("/status/conditions/0/reason"), "") : "";
  }

  [[nodiscard]] bool allShown(int count) const {
    for (int i = 0; i < count; ++i) {
      if (shown("s" + std::to_string(i)).empty()) return false;
    }
    return true;
  }

  [[nodiscard]] std::vector<std::string> allAddresses(int count) const {
    std::vector<std::string> addresses;
    addresses.reserve(static_cast<std::size_t>(count));
    for (int i = 0; i < count; ++i) addresses.push_back(shown("s" + std::to_string(i)));
    return addresses;
  }

  kube::FakeApi api_;
  WithoutPages withoutPages_{api_};
  Options options_;
  // What interceptors count: here, since operators call them until they are gone.
  std::latch servicesAnswer_{1};  ///< for interceptors that wait
  std::atomic<int> ipObjectLists_ = 0;
  std::atomic<int> serviceLists_ = 0;
  std::atomic<int> poolLists_ = 0;
  std::mutex writesMutex_;
  std::map<std::string, unsigned> writes_;  ///< by object
  App::Patience patience_;
  std::vector<std::unique_ptr<Replica>> replicas_;
};

TEST_F(AppTest, GivesAddressesAndCountsThemInThePool) {
  putPool("a", {"10.0.0.0/24"});
  start();
  for (int i = 0; i < 20; ++i) putService("s" + std::to_string(i));
  ASSERT_TRUE(api_.waitFor([&] { return allShown(20); }));
  const auto addresses = allAddresses(20);
  EXPECT_EQ(std::set<std::string>(addresses.begin(), addresses.end()).size(), 20U);
  EXPECT_TRUE(api_.waitFor([&] { return poolStatus("a").value("inUse", "") == "20"; }));
  EXPECT_EQ(poolStatus("a")["available"]["ipv4"], "236");
}

TEST_F(AppTest, TheLeaderAloneTellsHowFullEachPoolIs) {
  options_.leaderElect = true;
  putPool("a", {"10.0.0.0/24"});
  putPool("b", {"fd00::/64"});
  putService("web");
  start();
  ASSERT_TRUE(api_.waitFor([&] { return poolStatus("a").value("inUse", "") == "1"; }));
  const auto metrics = [&](std::size_t replica) {
    return replicas_[replica]->app().metrics().body;
  };
  const auto says = [&](std::size_t replica, const std::string& line) {
    return api_.waitFor([&] { return metrics(replica).find(line) != std::string::npos; });
  };
  EXPECT_TRUE(says(0, "barevip_pool_capacity_addresses{pool=\"a\",family=\"IPv4\"} 256\n"));
  EXPECT_TRUE(says(0, "barevip_pool_allocated_addresses{pool=\"a\",family=\"IPv4\"} 1\n"));
  EXPECT_TRUE(says(0, "barevip_pool_available_addresses{pool=\"a\",family=\"IPv4\"} 255\n"));
  EXPECT_TRUE(says(0, "barevip_pool_allocated_addresses{pool=\"b\",family=\"IPv6\"} 0\n"));
  EXPECT_TRUE(says(0, "barevip_queue_seconds_count{controller=\"services\"}"));
  start("second");
  ASSERT_TRUE(api_.waitFor([&] { return replicas_[1]->app().synced(); }));
  EXPECT_THAT(metrics(1), testing::Not(HasSubstr("barevip_pool_capacity_addresses{")));
}

TEST_F(AppTest, MetricsCountWhoWaitsByReasonAndTheAgeOfEachWatch) {
  start();
  putService("web");
  const auto shows = [&](const std::string& line) {
    return api_.waitFor(
        [&] { return replicas_[0]->app().metrics().body.find(line) != std::string::npos; });
  };
  EXPECT_TRUE(shows("barevip_services_waiting{reason=\"NoPool\"} 1\n"));
  EXPECT_TRUE(shows("barevip_services_incomplete 0\n"));
  for (const char* resource : {"services", "pools", "ips", "namespaces", "nodes", "servicecidrs"}) {
    EXPECT_TRUE(
        shows("barevip_watch_last_contact_seconds{resource=\"" + std::string(resource) + "\"}"));
  }
  api_.put(kube::kIps, {{"metadata", {{"name", "front"}, {"namespace", "default"}}},
                        {"spec", {{"pool", "a"}}}});
  EXPECT_TRUE(shows("barevip_reservations_waiting{reason=\"NoPool\"} 1\n"));
  putPool("a", {"10.0.0.0/24"});
  EXPECT_TRUE(shows("barevip_services_waiting{reason=\"NoPool\"} 0\n"));
  EXPECT_TRUE(shows("barevip_reservations_waiting{reason=\"NoPool\"} 0\n"));
}

TEST_F(AppTest, MetricsCountAsWaitingOnlyWhoHasNothingAndMayGetSomething) {
  options_.adopt = true;
  putPool("a", {"10.0.0.0/24"});
  putService("keeps");
  start();
  ASSERT_TRUE(api_.waitFor([&] { return !shown("keeps").empty(); }));
  const auto annotate = [&](const std::string& name, const std::string& address) {
    nlohmann::json patch;
    patch["metadata"]["annotations"]["barevip.dev/address"] = address;
    ASSERT_TRUE(api_.patch(kube::kServices, {"default", name}, "", patch, {}));
  };
  annotate("keeps", "192.0.2.1");  // of no Pool
  putService("wrong");
  annotate("wrong", "nonsense");
  api_.put(kube::kServices,
           {{"metadata", {{"name", "foreign"}, {"namespace", "default"}}},
            {"spec", {{"type", "LoadBalancer"}, {"ports", {{{"port", 80}}}}}},
            {"status", {{"loadBalancer", {{"ingress", {{{"ip", "192.0.2.2"}}}}}}}}});
  const auto shows = [&](const std::string& line) {
    return api_.waitFor(
        [&] { return replicas_[0]->app().metrics().body.find(line) != std::string::npos; });
  };
  EXPECT_TRUE(shows("barevip_services_refused 2\n"));
  EXPECT_TRUE(shows("barevip_services_foreign 1\n"));
  const std::string metrics = replicas_[0]->app().metrics().body;
  EXPECT_THAT(metrics, HasSubstr("barevip_services_incomplete 0\n"));
  EXPECT_THAT(metrics, testing::Not(testing::ContainsRegex("services_waiting[^\n]* [1-9]")));
  EXPECT_THAT(metrics, testing::Not(HasSubstr("BadRequest")));
}

TEST_F(AppTest, OfTooManyReservationsTheYoungestIsRefusedByName) {
  for (std::size_t i = 0; i <= model::IpObject::kMaxReservations; ++i) {
    api_.put(kube::kIps,
             {{"metadata", {{"name", "r" + std::to_string(10'000 + i)}, {"namespace", "evil"}}},
              {"spec", {{"pool", "a"}}}});
  }
  start();
  const auto shows = [&](const std::string& line) {
    return api_.waitFor(
        [&] { return replicas_[0]->app().metrics().body.find(line) != std::string::npos; });
  };
  EXPECT_TRUE(shows("barevip_reservations_waiting{reason=\"TooManyReservations\"} 1\n"));
  EXPECT_TRUE(shows("barevip_reservations_waiting{reason=\"NoPool\"} 1024\n"));
  api_.erase(kube::kIps, {"evil", "r10000"});
  EXPECT_TRUE(shows("barevip_reservations_waiting{reason=\"TooManyReservations\"} 0\n"));
}

// As after a burst that a leader did not finish: none of its records is bound.
TEST_F(AppTest, ANewProcessFindsEachRecordHoweverLateServicesAreListed) {
  putPool("a", {"10.0.0.0/20"});
  constexpr int kCount = 1500;
  for (int i = 0; i < kCount; ++i) {
    const std::string name = "s" + std::to_string(i);
    putService(name);
    const json service = api_.object(kube::kServices, {"default", name}).value();
    const std::string address = "10.0." + std::to_string(i / 256) + "." + std::to_string(i % 256);
    std::string record = name;
    record += "-" + address;
    api_.put(kube::kIps, {{"metadata",
                           {{"name", record},
                            {"namespace", "default"},
                            {"ownerReferences", json::array({{{"apiVersion", "v1"},
                                                              {"kind", "Service"},
                                                              {"name", name},
                                                              {"uid", service["metadata"]["uid"]},
                                                              {"controller", true}}})}}},
                          {"spec", {{"pool", "a"}, {"address", address}, {"family", "IPv4"}}}});
  }
  api_.setInterceptor([this](kube::FakeApi::Verb verb, const kube::Resource& resource,
                             const kube::ObjectKey&) -> std::optional<Error> {
    if (verb != kube::FakeApi::Verb::kList) return std::nullopt;
    if (resource == kube::kServices) servicesAnswer_.wait();
    if (resource == kube::kIps) ++ipObjectLists_;
    return std::nullopt;
  });
  start();
  ASSERT_TRUE(api_.waitFor([&] { return api_.runningWatches() == 4; })) << "of other resources";
  EXPECT_EQ(ipObjectLists_, 0);
  servicesAnswer_.count_down();
  const auto bound = [&] {
    const auto all = api_.objects(kube::kIps);
    return std::count_if(all.begin(), all.end(), [](const json& each) {
      return each.value(json::json_pointer("/status/phase"), "") == "Bound";
    });
  };
  EXPECT_TRUE(api_.waitFor([&] { return bound() == kCount; })) << bound();
}

TEST_F(AppTest, AddressesOfNodesThatTheWatchBringsAreNotGiven) {
  putPool("a", {"10.0.0.0-10.0.0.3"});
  api_.put(kube::kNodes,
           {{"metadata", {{"name", "n1"}}},
            {"spec", {{"podCIDRs", {"10.0.0.2/32"}}}},
            {"status", {{"addresses", {{{"type", "InternalIP"}, {"address", "10.0.0.0"}}}}}}});
  start();
  putService("s0");
  EXPECT_TRUE(api_.waitFor([&] { return shown("s0") == "10.0.0.1"; }));
  api_.put(kube::kNodes,
           {{"metadata", {{"name", "n2"}}},
            {"status", {{"addresses", {{{"type", "ExternalIP"}, {"address", "10.0.0.3"}}}}}}});
  EXPECT_TRUE(api_.waitFor(
      [&] { return poolStatus("a").value(json::json_pointer("/capacity/ipv4"), "") == "1"; }));
}

TEST_F(AppTest, ClusterIpsAndTheirRangesThatTheWatchBringsAreNotAllocated) {
  putPool("a", {"10.0.0.0-10.0.0.9"});
  api_.put(kube::kServiceCidrs,
           {{"metadata", {{"name", "kubernetes"}}}, {"spec", {{"cidrs", {"10.0.0.0/30"}}}}});
  for (const auto& [type, address] :
       {std::pair("ClusterIP", "10.0.0.4"), std::pair("NodePort", "10.0.0.5"),
        std::pair("LoadBalancer", "10.0.0.6")}) {
    const json named = {{"name", std::string("of-") + type}, {"namespace", "other"}};
    api_.put(kube::kServices, {{"metadata", named},
                               {"spec",
                                {{"type", type},
                                 {"loadBalancerClass", "example.com/another"},
                                 {"clusterIP", address},
                                 {"clusterIPs", {address}},
                                 {"ipFamilies", {"IPv4"}}}}});
  }
  start();
  putService("s0");
  EXPECT_TRUE(api_.waitFor([&] { return shown("s0") == "10.0.0.7"; })) << shown("s0");
  api_.put(kube::kServiceCidrs,
           {{"metadata", {{"name", "more"}}}, {"spec", {{"cidrs", {"nonsense", "10.0.0.8/31"}}}}});
  const auto capacity = [&] {
    return poolStatus("a").value(json::json_pointer("/capacity/ipv4"), "");
  };
  EXPECT_TRUE(api_.waitFor([&] { return capacity() == "1"; })) << capacity();
}

TEST_F(AppTest, LeadsWhereTheApiServerHasNoRangesOfClusterIps) {
  api_.setInterceptor([](kube::FakeApi::Verb, const kube::Resource& resource,
                         const kube::ObjectKey&) -> std::optional<Error> {
    if (resource != kube::kServiceCidrs) return std::nullopt;
    return Error{ErrorCode::kNotFound, "404 page not found", 404, {}};
  });
  options_.leaderElect = true;
  putPool("a", {"10.0.0.0/24"});
  start();
  putService("s0");
  EXPECT_TRUE(api_.waitFor([&] { return !shown("s0").empty(); }));
  EXPECT_EQ(replicas_[0]->app().ready().status, 200);
}

TEST_F(AppTest, WithCompatMetalLbsAnnotationsAreReadFromWatchesAndLists) {
  putPool("a", {"10.0.0.0/24"});
  options_.compat = assigner::Compat::kMetalLb;
  const auto putAsking = [&](const std::string& name, const std::string& address) {
    api_.put(kube::kServices, {{"metadata",
                                {{"name", name},
                                 {"namespace", "default"},
                                 {"annotations", {{"metallb.io/loadBalancerIPs", address}}}}},
                               {"spec", {{"type", "LoadBalancer"}, {"ipFamilies", {"IPv4"}}}}});
  };
  putAsking("listed", "10.0.0.7");
  start();
  ASSERT_TRUE(api_.waitFor([&] { return shown("listed") == "10.0.0.7"; }));
  putAsking("watched", "10.0.0.8");
  EXPECT_TRUE(api_.waitFor([&] { return shown("watched") == "10.0.0.8"; }));
}

TEST_F(AppTest, AThousandAllocationsAreFewWritesOfThePool) {
  const auto began = std::chrono::steady_clock::now();
  putPool("a", {"10.0.0.0/16"});
  start();
  for (int i = 0; i < 1000; ++i) putService("s" + std::to_string(i));
  ASSERT_TRUE(api_.waitFor([&] { return poolStatus("a").value("inUse", "") == "1000"; }));
  std::size_t poolWrites = 0;
  for (const auto& write : api_.writes()) poolWrites += write.resource == kube::kPools ? 1 : 0;
  // About two a second, however slow this machine is.
  const auto halfSeconds = (std::chrono::steady_clock::now() - began) / 500ms;
  EXPECT_LE(poolWrites, 4U + static_cast<std::size_t>(halfSeconds));
}

TEST_F(AppTest, AddressesOfManyServicesComeBeforeTheStatusesOfTheirRecords) {
  constexpr int kCount = 500;
  start();
  for (int i = 0; i < kCount; ++i) putService("s" + std::to_string(i));
  ASSERT_TRUE(api_.waitFor([&] {
    return reason("s" + std::to_string(kCount - 1)) == "NoPool" && replicas_[0]->app().settled();
  }));
  const auto began = std::chrono::steady_clock::now();
  api_.clearWrites();
  putPool("a", {"10.0.0.0/16"});
  ASSERT_TRUE(api_.waitFor([&] { return allShown(kCount); }));
  const auto pace = (std::chrono::steady_clock::now() - began) / 50ms;
  int services = 0;
  int early = 0;  // statuses of IP objects before the last address
  for (const auto& write : api_.writes()) {
    if (write.verb != kube::FakeApi::Verb::kPatchStatus) continue;
    if (write.resource == kube::kServices) ++services;
    if (write.resource == kube::kIps && services < kCount) ++early;
  }
  EXPECT_LE(early, kCount / 10 + pace);
  EXPECT_TRUE(api_.waitFor([&] {
    const auto ipObjects = api_.objects(kube::kIps);
    return std::all_of(ipObjects.begin(), ipObjects.end(), [](const json& ipObject) {
      return ipObject.value(json::json_pointer("/status/phase"), "") == "Bound";
    });
  })) << "and these come after them";
}

TEST_F(AppTest, AWaitingServiceIsServedWhenAPoolComes) {
  start();
  putService("s0");
  ASSERT_TRUE(api_.waitFor([&] { return reason("s0") == "NoPool"; }));
  putPool("a", {"10.0.0.7"});
  EXPECT_TRUE(api_.waitFor([&] { return shown("s0") == "10.0.0.7"; }));
}

TEST_F(AppTest, AWaitingServiceIsServedWhenAnAddressBecomesFree) {
  putPool("a", {"10.0.0.7"});
  start();
  putService("s0");
  ASSERT_TRUE(api_.waitFor([&] { return shown("s0") == "10.0.0.7"; }));
  putService("s1");
  ASSERT_TRUE(api_.waitFor([&] { return reason("s1") == "PoolExhausted"; }));
  api_.erase(kube::kServices, {"default", "s0"});
  EXPECT_TRUE(api_.waitFor([&] { return shown("s1") == "10.0.0.7"; }));
}

TEST_F(AppTest, WhatTheOldestWaiterCannotUseIsForTheNextOne) {
  putPool("a", {"10.0.0.7"});
  putPool("six", {"2001:db8::7"});
  const auto putWith = [&](const std::string& name, const json& families, const char* policy) {
    api_.put(kube::kServices,
             {{"metadata", {{"name", name}, {"namespace", "default"}}},
              {"spec",
               {{"type", "LoadBalancer"}, {"ipFamilies", families}, {"ipFamilyPolicy", policy}}}});
  };
  start();
  putService("four");
  putWith("six", {"IPv6"}, "SingleStack");
  ASSERT_TRUE(api_.waitFor([&] { return !shown("four").empty() && !shown("six").empty(); }));
  putWith("a-both", {"IPv4", "IPv6"}, "RequireDualStack");
  ASSERT_TRUE(api_.waitFor([&] { return reason("a-both") == "PoolExhausted"; }));
  putService("b-young");
  ASSERT_TRUE(api_.waitFor([&] { return reason("b-young") == "PoolExhausted"; }));
  api_.erase(kube::kServices, {"default", "four"});
  EXPECT_TRUE(api_.waitFor([&] { return shown("b-young") == "10.0.0.7"; }));
  EXPECT_EQ(shown("a-both"), "");
}

TEST_F(AppTest, AnAddressThatHasRestedGoesToWhoWaitsInAnotherNamespace) {
  api_.put(kube::kPools, {{"metadata", {{"name", "a"}}},
                          {"spec", {{"addresses", {"10.0.0.7"}}, {"reuseDelay", "1s"}}}});
  api_.put(kube::kNamespaces, {{"metadata", {{"name", "other"}}}});
  start();
  putService("s0");
  ASSERT_TRUE(api_.waitFor([&] { return shown("s0") == "10.0.0.7"; }));
  const auto waiting = [&] {
    return api_.object(kube::kServices, {"other", "late"})
        ->value(json::json_pointer("/status"), json::object());
  };
  api_.put(kube::kServices, {{"metadata", {{"name", "late"}, {"namespace", "other"}}},
                             {"spec", {{"type", "LoadBalancer"}, {"ipFamilies", {"IPv4"}}}}});
  ASSERT_TRUE(api_.waitFor([&] { return waiting().contains("conditions"); }));
  const auto freed = std::chrono::steady_clock::now();
  api_.erase(kube::kServices, {"default", "s0"});
  EXPECT_TRUE(api_.waitFor([&] {
    return waiting().value(json::json_pointer("/loadBalancer/ingress/0/ip"), "") == "10.0.0.7";
  }));
  EXPECT_GE(std::chrono::steady_clock::now() - freed, 900ms);
}

TEST_F(AppTest, ALabelThatANamespaceGetsLetsItsServicesIn) {
  api_.put(kube::kPools, {{"metadata", {{"name", "a"}}},
                          {"spec",
                           {{"addresses", {"10.0.0.7"}},
                            {"namespaceSelector", {{"matchLabels", {{"tier", "edge"}}}}}}}});
  start();
  putService("s0");
  ASSERT_TRUE(api_.waitFor([&] { return reason("s0") == "NoPoolAdmits"; }));
  api_.put(kube::kNamespaces,
           {{"metadata", {{"name", "default"}, {"labels", {{"tier", "edge"}}}}}});
  EXPECT_TRUE(api_.waitFor([&] { return shown("s0") == "10.0.0.7"; }));
}

TEST_F(AppTest, RulesAndLabelsThatChangeAreReportedForWhatIsGiven) {
  const auto putEdgePool = [&](const json& labels) {
    api_.put(kube::kPools, {{"metadata", {{"name", "a"}}},
                            {"spec",
                             {{"addresses", {"10.0.0.0/24"}},
                              {"allowFirstLast", true},
                              {"namespaceSelector", {{"matchLabels", labels}}}}}});
  };
  const auto putNamespace = [&](const json& labels) {
    api_.put(kube::kNamespaces, {{"metadata", {{"name", "default"}, {"labels", labels}}}});
  };
  const auto allSay = [&](const char* service, const char* ipObject, const char* pool) {
    return api_.waitFor([&] {
      return reason("s0") == service && ipObjectReason("s0-10.0.0.0") == service &&
             ipObjectReason("front-door") == ipObject && poolReason("a") == pool;
    });
  };
  putNamespace({{"tier", "edge"}});
  putEdgePool({{"tier", "edge"}});
  start();
  putService("s0");
  ASSERT_TRUE(api_.waitFor([&] { return shown("s0") == "10.0.0.0"; }));
  api_.put(kube::kIps, {{"metadata", {{"name", "front-door"}, {"namespace", "default"}}},
                        {"spec", {{"address", "10.0.0.9"}}}});
  EXPECT_TRUE(allSay("Assigned", "Reserved", "Ready"));
  putNamespace({{"tier", "back"}});
  EXPECT_TRUE(allSay("NotAdmitted", "NotAdmitted", "ConsumersNotAdmitted"));
  putEdgePool({{"tier", "back"}});
  EXPECT_TRUE(allSay("Assigned", "Reserved", "Ready"));
  EXPECT_EQ(shown("s0"), "10.0.0.0");
}

TEST_F(AppTest, ADeletedPoolGoesWhenTheLastServiceIsGone) {
  putPool("a", {"10.0.0.0/24"});
  start();
  putService("s0");
  ASSERT_TRUE(
      api_.waitFor([&] { return shown("s0") == "10.0.0.0" && poolReason("a") == "Ready"; }));
  ASSERT_TRUE(api_.remove(kube::kPools, {"", "a"}, "", {}));
  EXPECT_TRUE(api_.waitFor([&] {
    return poolReason("a") == "Deleting" && reason("s0") == "OutsidePool" &&
           ipObjectReason("s0-10.0.0.0") == "OutsidePool";
  }));
  api_.erase(kube::kServices, {"default", "s0"});
  EXPECT_TRUE(api_.waitFor([&] { return !api_.object(kube::kPools, {"", "a"}); }));
}

TEST_F(AppTest, WhatAnotherLoadBalancerLeftIsAdopted) {
  const auto putShowing = [&](const std::string& name, const std::string& address) {
    api_.put(kube::kServices, {{"metadata", {{"name", name}, {"namespace", "default"}}},
                               {"spec", {{"type", "LoadBalancer"}, {"ipFamilies", {"IPv4"}}}},
                               {"status", {{"loadBalancer", {{"ingress", {{{"ip", address}}}}}}}}});
  };
  const auto adopted = [&](const std::string& name) {
    for (const json& event : api_.objects(kube::kEvents)) {
      if (event["reason"] == "Adopted" && event["regarding"]["name"] == name) return true;
    }
    return false;
  };
  options_.adopt = true;
  putPool("a", {"10.0.0.0/24"});
  putShowing("s0", "10.0.0.0");
  start();
  putService("s1");
  EXPECT_TRUE(api_.waitFor([&] { return reason("s0") == "Assigned" && adopted("s0"); }));
  EXPECT_TRUE(api_.waitFor([&] { return shown("s1") == "10.0.0.1"; }));
  putShowing("s2", "172.16.0.1");
  EXPECT_TRUE(api_.waitFor([&] { return replicas_[0]->app().settled(); }));
  EXPECT_EQ(reason("s2"), "");
  putPool("b", {"172.16.0.0/24"});
  EXPECT_TRUE(api_.waitFor([&] { return reason("s2") == "Assigned" && adopted("s2"); }));
  EXPECT_EQ(shown("s2"), "172.16.0.1");
}

TEST_F(AppTest, AServiceThatNamesAnIpObjectWaitsForIt) {
  putPool("a", {"10.0.0.0/24"});
  start();
  api_.put(kube::kServices, {{"metadata",
                              {{"name", "s0"},
                               {"namespace", "default"},
                               {"annotations", {{"barevip.dev/ip", "front-door"}}}}},
                             {"spec", {{"type", "LoadBalancer"}, {"ipFamilies", {"IPv4"}}}}});
  ASSERT_TRUE(api_.waitFor([&] { return reason("s0") == "ReservationMissing"; }));
  api_.put(kube::kIps, {{"metadata", {{"name", "front-door"}, {"namespace", "default"}}},
                        {"spec", {{"address", "10.0.0.9"}}}});
  EXPECT_TRUE(api_.waitFor([&] { return shown("s0") == "10.0.0.9"; }));
}

TEST_F(AppTest, TheAddressOfAServiceIsReservedWhenTheServiceNamesTheReservation) {
  putPool("a", {"10.0.0.0/24"});
  start();
  putService("s0");
  ASSERT_TRUE(api_.waitFor([&] { return shown("s0") == "10.0.0.0"; }));
  api_.put(kube::kIps, {{"metadata", {{"name", "front-door"}, {"namespace", "default"}}},
                        {"spec", {{"address", "10.0.0.0"}}}});
  ASSERT_TRUE(api_.waitFor([&] { return ipObjectReason("front-door") == "AddressHeld"; }));
  ASSERT_TRUE(api_.patch(kube::kServices, {"default", "s0"}, "",
                         {{"metadata", {{"annotations", {{"barevip.dev/ip", "front-door"}}}}}},
                         {}));
  EXPECT_TRUE(api_.waitFor([&] { return ipObjectReason("front-door") == "Reserved"; }));
  EXPECT_TRUE(api_.waitFor([&] {
    return api_.objects(kube::kIps).size() == 1 && reason("s0") == "Assigned";
  })) << "the reservation is the record from now on";
  EXPECT_EQ(shown("s0"), "10.0.0.0");
}

TEST_F(AppTest, ABadPoolSaysSoAndOthersWorkOn) {
  start();
  putPool("bad", {"10.0.0.9-10.0.0.1"});
  putPool("good", {"10.1.0.0/24"});
  putService("s0");
  EXPECT_TRUE(api_.waitFor([&] { return shown("s0") == "10.1.0.0"; }));
  EXPECT_TRUE(api_.waitFor([&] { return poolStatus("bad").contains("conditions"); }));
  const json ready = poolStatus("bad")["conditions"][0];
  EXPECT_EQ(ready["reason"], "BadEntry");
  EXPECT_THAT(ready["message"], HasSubstr("write 10.0.0.1-10.0.0.9"));
}

TEST_F(AppTest, EditsByHandAreRepaired) {
  putPool("a", {"10.0.0.7"});
  start();
  putService("s0");
  ASSERT_TRUE(api_.waitFor([&] { return shown("s0") == "10.0.0.7"; }));
  api_.erase(kube::kIps, {"default", "s0-10.0.0.7"});
  EXPECT_TRUE(api_.waitFor([&] {
    return api_.object(kube::kIps, {"default", "s0-10.0.0.7"}).has_value();
  }));
  json service = *api_.object(kube::kServices, {"default", "s0"});
  service.erase("status");
  api_.put(kube::kServices, service);
  EXPECT_TRUE(api_.waitFor([&] { return shown("s0") == "10.0.0.7"; }));
}

TEST_F(AppTest, ARestartWithFiftyServicesChangesNoAddressAndWritesNothing) {
  putPool("a", {"10.0.0.0/24"});
  start();
  for (int i = 0; i < 50; ++i) putService("s" + std::to_string(i));
  ASSERT_TRUE(api_.waitFor([&] {
    return allShown(50) && poolStatus("a").value("inUse", "") == "50" &&
           replicas_[0]->app().settled();
  }));
  const auto before = allAddresses(50);
  stopFirst();
  api_.clearWrites();
  Replica& again = start();
  putService("s50");
  ASSERT_TRUE(api_.waitFor([&] { return !shown("s50").empty() && again.app().settled(); }));
  EXPECT_EQ(allAddresses(50), before);
  for (const auto& write : api_.writes()) {
    EXPECT_TRUE(write.key.name.str().starts_with("s50") || write.resource != kube::kServices)
        << write.key.toString();
  }
}

TEST_F(AppTest, TheNextLeaderGoesOnWhereTheLastOneStopped) {
  options_.leaderElect = true;
  putPool("a", {"10.0.0.0/24"});
  start("first");
  ASSERT_TRUE(api_.waitFor([&] { return replicas_[0]->app().leading(); }));
  start("second");
  for (int i = 0; i < 30; ++i) putService("s" + std::to_string(i));
  ASSERT_TRUE(api_.waitFor([&] { return !shown("s3").empty(); }));
  stopFirst();  // in the middle of its work
  ASSERT_TRUE(api_.waitFor([&] { return replicas_[0]->app().leading() && allShown(30); }));
  const auto addresses = allAddresses(30);
  EXPECT_EQ(std::set<std::string>(addresses.begin(), addresses.end()).size(), 30U);
  EXPECT_TRUE(api_.waitFor([&] { return api_.objects(kube::kIps).size() == 30; }));
  EXPECT_EQ(allAddresses(30), addresses);
}

TEST_F(AppTest, ServicesThatShareAnAddressKeepItAcrossLeadersAndMendTheirClashes) {
  const auto setPort = [this](const std::string& name, int port) {
    ASSERT_TRUE(api_.patch(kube::kServices, {"default", name}, "",
                           {{"spec", {{"ports", {{{"port", port}}}}}}}, {}));
  };
  const auto granted = [this](const std::string& name) {
    const auto ipObject = api_.object(kube::kIps, {"default", name + "-10.0.0.7"});
    return ipObject ? ipObject->value(json::json_pointer("/status/ports/0"), "") : "";
  };
  options_.leaderElect = true;
  putPool("a", {"10.0.0.7"});
  start();
  for (const auto& [name, port] : {std::pair("s0", 80), std::pair("s1", 443)}) {
    api_.put(
        kube::kServices,
        {{"metadata",
          {{"name", name},
           {"namespace", "default"},
           {"annotations", {{"barevip.dev/share", "k"}}}}},
         {"spec",
          {{"type", "LoadBalancer"}, {"ipFamilies", {"IPv4"}}, {"ports", {{{"port", port}}}}}}});
  }
  ASSERT_TRUE(
      api_.waitFor([&] { return granted("s0") == "80/TCP" && granted("s1") == "443/TCP"; }));
  setPort("s1", 80);
  ASSERT_TRUE(api_.waitFor([&] { return reason("s1") == "ShareRefused"; }));
  start("second");
  stopFirst();
  setPort("s0", 8080);
  ASSERT_TRUE(
      api_.waitFor([&] { return granted("s0") == "8080/TCP" && granted("s1") == "80/TCP"; }));
  EXPECT_TRUE(api_.waitFor([&] { return reason("s1") == "Assigned"; }));
  EXPECT_EQ(shown("s0"), "10.0.0.7");
  EXPECT_EQ(shown("s1"), "10.0.0.7");
  EXPECT_TRUE(api_.waitFor([&] { return poolStatus("a").value("inUse", "") == "1"; }));
}

TEST_F(AppTest, ALeaderWhoseWatchesAreDeadLetsAnotherLead) {
  patience_ = {60s, 2s, 20ms};
  options_.leaderElect = true;
  start("first");
  ASSERT_TRUE(api_.waitFor([&] { return replicas_[0]->app().leading(); }));
  // As a server does each minute.
  const auto allocations = [&](const std::function<bool()>& condition) {
    return api_.waitFor([&] {
      api_.sendBookmarks();
      return condition();
    });
  };
  EXPECT_TRUE(allocations([&] { return replicas_[0]->app().ready().status == 200; }));
  start("second");
  ASSERT_TRUE(api_.waitFor([&] { return replicas_[1]->app().synced(); }));
  api_.setInterceptor([](kube::FakeApi::Verb verb, const kube::Resource& resource,
                         const kube::ObjectKey&) -> std::optional<Error> {
    const bool read = verb == kube::FakeApi::Verb::kList || verb == kube::FakeApi::Verb::kWatch;
    if (!read || resource != kube::kNamespaces) return std::nullopt;
    return Error{ErrorCode::kUnavailable, "connection reset"};
  });
  api_.cutWatches();
  EXPECT_TRUE(allocations([&] { return replicas_[1]->app().leading(); }));
  const auto ready = replicas_[0]->app().ready();
  EXPECT_EQ(ready.status, 503);
  EXPECT_THAT(ready.body, HasSubstr("namespaces"));
  EXPECT_EQ(replicas_[0]->app().live().status, 200) << "a restart would not help";
  api_.setInterceptor({});
  EXPECT_TRUE(allocations([&] { return replicas_[0]->app().ready().status == 200; }));
  putPool("a", {"10.0.0.7"});
  putService("s0");
  EXPECT_TRUE(allocations([&] { return shown("s0") == "10.0.0.7"; }));
}

TEST_F(AppTest, ALeaderThatCannotRestoreInTimeLetsAnotherLead) {
  patience_ = {.toBegin = 300ms, .silence = 60s, .look = 20ms};
  options_.leaderElect = true;
  start("first", withoutPages_);
  ASSERT_TRUE(api_.waitFor([&] { return replicas_[0]->app().leading(); }));
  ASSERT_TRUE(api_.waitFor([&] { return replicas_[0]->app().synced(); })) << "watches are well";
  putPool("a", {"10.0.0.7"});
  putService("s0");
  start("second");
  EXPECT_TRUE(api_.waitFor([&] { return shown("s0") == "10.0.0.7"; }));
  EXPECT_TRUE(replicas_[1]->app().leading());
  EXPECT_FALSE(replicas_[0]->app().settled());
}

TEST_F(AppTest, AStandbyWritesNothing) {
  options_.leaderElect = true;
  putPool("a", {"10.0.0.0/24"});
  // Somebody else holds the Lease and renews it.
  api_.put(kube::kLeases,
           {{"metadata", {{"name", options_.lease.name}, {"namespace", options_.lease.ns}}},
            {"spec", {{"holderIdentity", "other"}, {"leaseDurationSeconds", 3600}}}});
  Replica& standby = start();
  putService("s0");
  ASSERT_TRUE(api_.waitFor([&] { return standby.app().synced(); }));
  EXPECT_FALSE(standby.app().leading());
  EXPECT_EQ(api_.writeCount(), 0U);
}

TEST_F(AppTest, NothingIsGivenBeforeAllThatIsHeldIsKnown) {
  putPool("a", {"10.0.0.0/24"});
  start();
  putService("s0");
  ASSERT_TRUE(api_.waitFor([&] { return shown("s0") == "10.0.0.0"; }));
  stopFirst();
  api_.setInterceptor([&](kube::FakeApi::Verb verb, const kube::Resource& resource,
                          const kube::ObjectKey&) -> std::optional<Error> {
    // The reflector's list succeeds, the one that the session begins with fails at first.
    if (verb == kube::FakeApi::Verb::kList && resource == kube::kIps && ipObjectLists_++ == 1) {
      return Error{ErrorCode::kUnavailable, "not yet", 503, {}};
    }
    return std::nullopt;
  });
  putService("a-waiter");
  start();
  ASSERT_TRUE(api_.waitFor([&] { return !shown("a-waiter").empty(); }));
  EXPECT_EQ(shown("a-waiter"), "10.0.0.1");
  EXPECT_GE(ipObjectLists_, 3);
}

TEST_F(AppTest, ASessionWhoseListsExpireAsksAgainAfterAPause) {
  putPool("a", {"10.0.0.0/24"});
  putService("s0");
  api_.setInterceptor([&](kube::FakeApi::Verb verb, const kube::Resource& resource,
                          const kube::ObjectKey&) -> std::optional<Error> {
    if (verb == kube::FakeApi::Verb::kList && resource == kube::kIps && ++ipObjectLists_ == 2) {
      return Error{ErrorCode::kExpired, "too old", 410, {}};
    }
    return std::nullopt;
  });
  const auto began = std::chrono::steady_clock::now();
  start();
  ASSERT_TRUE(api_.waitFor([&] { return !shown("s0").empty(); }));
  EXPECT_GE(std::chrono::steady_clock::now() - began, 800ms);
}

TEST_F(AppTest, ASessionBeginsWithThePoolsOfItsTime) {
  putPool("a", {"10.0.0.0/24"});
  putService("s0");
  api_.setInterceptor([&](kube::FakeApi::Verb verb, const kube::Resource& resource,
                          const kube::ObjectKey&) -> std::optional<Error> {
    if (verb == kube::FakeApi::Verb::kList && resource == kube::kServices) ++serviceLists_;
    if (resource != kube::kPools) return std::nullopt;
    // The reflector's list is the first; its watch is cut until the session has its lists.
    if (verb == kube::FakeApi::Verb::kList && ++poolLists_ == 2) putPool("a", {"10.0.1.0/24"});
    if (verb == kube::FakeApi::Verb::kWatch && serviceLists_ < 2) {
      return Error{ErrorCode::kUnavailable, "not yet", 503, {}};
    }
    return std::nullopt;
  });
  start();
  ASSERT_TRUE(api_.waitFor([&] { return !shown("s0").empty(); }));
  EXPECT_EQ(shown("s0"), "10.0.1.0");
}

TEST_F(AppTest, AnObjectThatGoesWhileASessionBeginsKeepsNobodyWaiting) {
  putPool("a", {"10.0.0.0/24"});
  api_.put(kube::kIps, {{"metadata", {{"name", "gone"}, {"namespace", "default"}}},
                        {"spec", {{"address", "10.0.0.9"}}}});
  api_.setInterceptor([&](kube::FakeApi::Verb verb, const kube::Resource& resource,
                          const kube::ObjectKey&) -> std::optional<Error> {
    if (verb != kube::FakeApi::Verb::kList) return std::nullopt;
    if (resource == kube::kIps) ++ipObjectLists_;
    // The reflector's list is the first; that of the session follows its list of IP objects.
    if (resource == kube::kServices && ++serviceLists_ == 2) {
      api_.erase(kube::kIps, {"default", "gone"});
    }
    return std::nullopt;
  });
  putService("s0");
  start();
  ASSERT_TRUE(api_.waitFor([&] { return !shown("s0").empty(); }));
  EXPECT_EQ(ipObjectLists_, 2) << "the session listed once";
}

TEST_F(AppTest, WorksThroughConflictsAndFailures) {
  putPool("a", {"10.0.0.0/24"});
  api_.setInterceptor([&](kube::FakeApi::Verb verb, const kube::Resource& resource,
                          const kube::ObjectKey& key) -> std::optional<Error> {
    const bool read = verb == kube::FakeApi::Verb::kList || verb == kube::FakeApi::Verb::kWatch ||
                      verb == kube::FakeApi::Verb::kGet;
    if (read) return std::nullopt;
    const std::lock_guard lock(writesMutex_);
    // Each object's first three fail.
    switch (writes_[std::string(resource.plural) + "/" + key.toString()]++) {
      case 0:
        return Error{ErrorCode::kConflict, "newer", 409, {}};
      case 1:
        return Error{ErrorCode::kThrottled, "slowly", 429, 1ms};
      case 2:
        return Error{ErrorCode::kUnavailable, "broken", 503, {}};
      default:
        return std::nullopt;
    }
  });
  start();
  for (int i = 0; i < 10; ++i) putService("s" + std::to_string(i));
  ASSERT_TRUE(api_.waitFor([&] { return allShown(10); }));
  const auto addresses = allAddresses(10);
  EXPECT_EQ(std::set<std::string>(addresses.begin(), addresses.end()).size(), 10U);
}

TEST_F(AppTest, CutWatchesAndForgottenHistoryLoseNothing) {
  putPool("a", {"10.0.0.0/24"});
  start();
  for (int i = 0; i < 5; ++i) putService("s" + std::to_string(i));
  ASSERT_TRUE(api_.waitFor([&] { return allShown(5); }));
  api_.expire();
  for (int i = 5; i < 10; ++i) putService("s" + std::to_string(i));
  api_.erase(kube::kServices, {"default", "s0"});
  EXPECT_TRUE(api_.waitFor([&] {
    return !shown("s9").empty() && !api_.object(kube::kIps, {"default", "s0-10.0.0.0"}) &&
           !shown("s5").empty();
  }));
}

TEST_F(AppTest, StopsWithinASecond) {
  putPool("a", {"10.0.0.0/24"});
  start();
  ASSERT_TRUE(api_.waitFor([&] { return replicas_[0]->app().settled(); }));
  const auto before = std::chrono::steady_clock::now();
  stopFirst();
  EXPECT_LT(std::chrono::steady_clock::now() - before, 1s);
}

}  // namespace
}  // namespace barevip::controlplane
