// SPDX-License-Identifier: Apache-2.0
#include "cli/status_command.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <sstream>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include <nlohmann/json.hpp>

#include "cli/exit_status.h"
#include "cli/explain_command.h"
#include "common/base/rfc3339.h"
#include "fakes/fake_api.h"
#include "fakes/manual_clock.h"
#include "unit/cli/shared_output.h"

namespace barevip::cli {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

/// Prints the same, whatever it is asked.
class FakeKubectl final : public CommandRunner {
 public:
  Result<CommandOutput> run(const Command& command, std::stop_token /*stop*/) override {
    ran.push_back(toString(command));
    return output;
  }

  std::vector<std::string> ran;
  CommandOutput output;
};

/// An API server with one node, one Pool and one Service, as the operator and the daemon leave it.
class ACommandThatAsks : public testing::Test {
 protected:
  ACommandThatAsks() {
    api_.put(kube::kNodes,
             {{"metadata", {{"name", "n1"}}},
              {"status", {{"conditions", {{{"type", "Ready"}, {"status", "True"}}}}}}});
    api_.put(kube::kNamespaces, {{"metadata", {{"name", "shop"}}}});
    api_.put(kube::kPools, {{"metadata", {{"name", "a"}}},
                            {"spec", {{"addresses", {"10.0.0.1-10.0.0.14"}}}},
                            {"status",
                             {{"capacity", {{"ipv4", "14"}}},
                              {"allocated", {{"ipv4", "1"}}},
                              {"available", {{"ipv4", "13"}}},
                              {"conditions", {condition("Ready", "Ready")}}}}});
    putService("PoolExhausted", "False", json::array());
    renew();
  }

  static json condition(const std::string& type, const std::string& reason,
                        const std::string& status = "True") {
    return {{"type", type}, {"status", status}, {"reason", reason}, {"message", reason + " it is"}};
  }

  void putService(const std::string& reason, const std::string& status, const json& ingress) {
    api_.put(kube::kServices,
             {{"metadata", {{"name", "web"}, {"namespace", "shop"}, {"uid", "u"}}},
              {"spec",
               {{"type", "LoadBalancer"},
                {"ipFamilies", {"IPv4"}},
                {"ports", {{{"port", 80}, {"protocol", "TCP"}}}}}},
              {"status",
               {{"loadBalancer", {{"ingress", ingress}}},
                {"conditions", {condition("barevip.dev/AddressAssigned", reason, status)}}}}});
  }

  /// The daemon of n1 renews its Lease now.
  void renew() {
    api_.put(kube::kLeases,
             {{"metadata",
               {{"name", "barevip-node-n1"},
                {"namespace", "barevip-system"},
                {"labels", {{"barevip.dev/node-lease", "elects-by-share"}}},
                {"annotations", {{"barevip.dev/families", "4,6"}}}}},
              {"spec", {{"holderIdentity", "n1"}, {"renewTime", formatMicros(clock_.wallNow())}}}});
  }

  /// Follows the cluster until the thread goes, which must be before the streams do.
  std::jthread watchStatus(std::ostream& out, std::ostream& messages) {
    StatusOptions options;
    options.watch = true;
    return std::jthread([this, options, &out, &messages](const std::stop_token& stop) {
      EXPECT_EQ(runStatus(options, api_, clock_, {out, messages}, stop), kAllWell);
    });
  }

  /// Lets time pass whenever both threads of a command wait for it: that of the steps' names, too.
  /// A command that watches has one.
  std::function<void(const std::stop_token&)> timePasses(std::size_t threads = 2) {
    return [this, threads](const std::stop_token& stop) {
      while (!stop.stop_requested()) {
        if (clock_.idle() >= threads) clock_.advance(std::chrono::milliseconds(500));
        std::this_thread::yield();
      }
    };
  }

  /// The record of the address of shop/web, which n1 announces.
  void putIpObject(const std::string& address) {
    api_.put(kube::kIps, {{"metadata",
                           {{"name", "web-1"},
                            {"namespace", "shop"},
                            {"ownerReferences", json::array({{{"apiVersion", "v1"},
                                                              {"kind", "Service"},
                                                              {"name", "web"},
                                                              {"uid", "u"},
                                                              {"controller", true}}})}}},
                          {"spec", {{"address", address}, {"pool", "a"}}},
                          {"status",
                           {{"phase", "Bound"},
                            {"address", address},
                            {"pool", "a"},
                            {"node", "n1"},
                            {"conditions", {condition("Bound", "Bound", "True")}}}}});
  }

  void putEndpoint(const std::string& address) {
    api_.put(
        kube::kEndpointSlices,
        {{"metadata",
          {{"name", "web-1"},
           {"namespace", "shop"},
           {"labels",
            {{"kubernetes.io/service-name", "web"},
             {"endpointslice.kubernetes.io/managed-by", "endpointslice-controller.k8s.io"}}}}},
         {"addressType", "IPv4"},
         {"ports", {{{"port", 8080}, {"protocol", "TCP"}}}},
         {"endpoints",
          {{{"addresses", {address}}, {"nodeName", "n1"}, {"conditions", {{"ready", true}}}}}}});
  }

  /// In which the daemon of n1 runs.
  void putDaemonPod(const std::vector<std::string>& arguments) {
    api_.put(kube::kPods,
             {{"metadata",
               {{"name", "node-1"},
                {"namespace", "lb"},
                {"labels", {{"app.kubernetes.io/name", "barevip-node"}}}}},
              {"spec",
               {{"nodeName", "n1"},
                {"containers", json::array({{{"name", "node"}, {"args", arguments}}})}}},
              {"status", {{"phase", "Running"}}}});
  }

  static ExplainOptions fromAClient() {
    return {{}, "shop", "web", Output::kTable, Client{*IpAddress::parse("192.0.2.7"), 40000}, true};
  }

  int status(const StatusOptions& options = {}) {
    return runStatus(options, api_, clock_, {out_, messages_}, {});
  }

  int explain(const ExplainOptions& options, const std::stop_token& stop = {}) {
    return runExplain(options, api_, {kubectl_, {"kubectl", {"--context=c"}}}, clock_,
                      {out_, messages_}, stop);
  }

  /// The Deployment of an operator that elects a leader.
  void putOperator(const std::string& flag) {
    api_.put(
        kube::kDeployments,
        {{"metadata",
          {{"name", "barevip-operator"},
           {"namespace", "lb"},
           {"labels", {{"app.kubernetes.io/name", "barevip-operator"}}}}},
         {"spec",
          {{"template",
            {{"spec",
              {{"containers", {{{"name", "operator"}, {"args", {"--leader-elect", flag}}}}}}}}}}}});
  }

  kube::FakeApi api_;
  FakeKubectl kubectl_;
  ManualClock clock_;
  std::ostringstream out_;
  std::ostringstream messages_;
};

TEST_F(ACommandThatAsks, EndsWithOneAndTheReasonForAPendingService) {
  EXPECT_EQ(status(), kProblems);
  EXPECT_THAT(out_.str(), HasSubstr("Service shop/web PoolExhausted\n  PoolExhausted it is"));
  EXPECT_THAT(out_.str(), HasSubstr("a      yes     IPv4     14"));
  EXPECT_THAT(out_.str(), HasSubstr("n1     yes     0      eligible"));
}

TEST_F(ACommandThatAsks, EndsWithZeroIfAllIsWell) {
  api_.erase(kube::kServices, {"shop", "web"});
  EXPECT_EQ(status(), kAllWell) << out_.str();
}

TEST_F(ACommandThatAsks, EndsWithTwoAndTheServersSentenceIfItCannotAsk) {
  api_.setInterceptor(
      [](auto, const kube::Resource& resource, const auto&) -> std::optional<Error> {
        if (!(resource == kube::kPools)) return std::nullopt;
        return Error{ErrorCode::kForbidden, "pools is forbidden", 403, {}};
      });
  EXPECT_EQ(status(), kCannotAsk);
  EXPECT_EQ(out_.str(), "");
  EXPECT_THAT(messages_.str(), HasSubstr("error: pools is forbidden\n"));
}

TEST_F(ACommandThatAsks, WritesNothing) {
  (void)status();
  EXPECT_EQ(api_.writeCount(), 0U);
}

TEST_F(ACommandThatAsks, SaysThatItAssumesTheDefaultsOfAnOperatorThatItDoesNotSee) {
  (void)status();
  EXPECT_THAT(messages_.str(), HasSubstr("note: The flags of the operator are not known"));
}

TEST_F(ACommandThatAsks, DoesWithoutTheRangesOfClusterIpsAndSaysSoIfItMayNotReadThem) {
  const auto note = HasSubstr("note: The ranges of clusterIPs are not known");
  const Error forbidden{ErrorCode::kForbidden, "servicecidrs is forbidden", 403, {}};
  const Error unknown{ErrorCode::kNotFound, "404 page not found", 404, {}};
  for (const Error& error : {forbidden, unknown}) {
    api_.setInterceptor([&](auto, const kube::Resource& resource, const auto&) {
      return resource == kube::kServiceCidrs ? std::optional(error) : std::nullopt;
    });
    messages_.str("");
    EXPECT_NE(status(), kCannotAsk) << messages_.str();
    const bool noted = testing::Matches(note)(messages_.str());
    EXPECT_EQ(noted, error.code == ErrorCode::kForbidden) << messages_.str();
  }
}

TEST_F(ACommandThatAsks, ReadsTheFlagsOfTheOperator) {
  putOperator("--require-class");
  const ExplainOptions options{{}, "shop", "web", Output::kTable, {}};
  EXPECT_EQ(explain(options), kProblems);
  EXPECT_THAT(out_.str(), HasSubstr("ClassNotServed"));
  EXPECT_THAT(messages_.str(), Not(HasSubstr("note:")));
}

TEST_F(ACommandThatAsks, SaysWhetherAnOperatorLeads) {
  putOperator("--adopt");
  (void)status();
  EXPECT_THAT(out_.str(), HasSubstr("Operator barevip-operator NoLeader"));
  out_.str("");
  api_.put(kube::kLeases, {{"metadata", {{"name", "barevip-operator"}, {"namespace", "lb"}}},
                           {"spec",
                            {{"holderIdentity", "pod-1"},
                             {"leaseDurationSeconds", 15},
                             {"renewTime", formatMicros(clock_.wallNow())}}}});
  (void)status();
  EXPECT_THAT(out_.str(), Not(HasSubstr("NoLeader")));
}

TEST_F(ACommandThatAsks, WaitsForADaemonWhoseRenewalLooksOldBeforeItCallsItSilent) {
  clock_.advance(std::chrono::minutes(5));
  const std::jthread time(timePasses());
  EXPECT_EQ(status(), kProblems);
  EXPECT_THAT(out_.str(), HasSubstr("Node n1 DaemonSilent"));
  EXPECT_THAT(messages_.str(), HasSubstr("wait for the renewal of a Lease ..."));
}

TEST_F(ACommandThatAsks, TrustsARenewalMoreThanAClock) {
  // The clock of this machine is five minutes ahead of that of the node, which renews.
  clock_.advance(std::chrono::minutes(5));
  int renewals = 0;
  api_.setInterceptor(
      [&](auto, const kube::Resource& resource, const auto&) -> std::optional<Error> {
        if (!(resource == kube::kLeases)) return std::nullopt;
        auto lease = *api_.object(kube::kLeases, {"barevip-system", "barevip-node-n1"});
        lease["spec"]["renewTime"] = "2030-01-01T00:00:0" + std::to_string(renewals++) + ".000000Z";
        api_.put(kube::kLeases, lease);
        return std::nullopt;
      });
  const std::jthread time(timePasses());
  (void)status();
  EXPECT_THAT(out_.str(), HasSubstr("n1     yes     0      eligible"));
}

TEST_F(ACommandThatAsks, FollowsTheClusterByWatchesAndListsOnceMoreAfterAnExpiredVersion) {
  std::atomic<int> lists = 0;
  api_.setInterceptor([&](kube::FakeApi::Verb verb, const kube::Resource& resource, const auto&) {
    if (verb == kube::FakeApi::Verb::kList && resource == kube::kServices) ++lists;
    return std::optional<Error>();
  });
  const std::jthread time([this](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      if (clock_.idle() >= 1) {
        clock_.advance(std::chrono::milliseconds(500));
        renew();
      }
      std::this_thread::yield();
    }
  });
  test::SharedOutput out;
  const std::jthread command(watchStatus(out, messages_));
  // Services, EndpointSlices, Nodes, IPs, Pools, Namespaces, Leases and the operator's Deployment.
  EXPECT_TRUE(api_.waitFor([&] { return api_.runningWatches() == 8; }));
  putService("AddressHeld", "False", json::array());
  EXPECT_TRUE(api_.waitFor([&] { return out.has("Service shop/web AddressHeld"); }));
  EXPECT_EQ(lists, 2) << "to show it at once, and to watch";
  api_.expire();
  EXPECT_TRUE(api_.waitFor([&] { return lists == 3; }));
  putService("NoPool", "False", json::array());
  EXPECT_TRUE(api_.waitFor([&] { return out.has("Service shop/web NoPool"); }));
}

TEST_F(ACommandThatAsks, FollowsDaemonsThatAreAllSilentWithoutListingTheClusterAgain) {
  std::atomic<int> lists = 0;
  std::atomic<int> leaseLists = 0;
  api_.setInterceptor([&](kube::FakeApi::Verb verb, const kube::Resource& resource, const auto&) {
    if (verb == kube::FakeApi::Verb::kList && resource == kube::kServices) ++lists;
    if (verb == kube::FakeApi::Verb::kList && resource == kube::kLeases) ++leaseLists;
    return std::optional<Error>();
  });
  const std::jthread time(timePasses(1));
  test::SharedOutput out;
  const std::jthread command(watchStatus(out, messages_));
  EXPECT_TRUE(api_.waitFor([&] { return out.has("Node n1 DaemonSilent"); }));
  const int before = leaseLists;
  const MonotonicTime then = clock_.now();
  EXPECT_TRUE(api_.waitFor([&] { return clock_.now() - then > std::chrono::seconds(60); }));
  EXPECT_LE(lists, 2) << "to show it at once, and to watch";
  EXPECT_LE(leaseLists - before, 8) << "each ten seconds, to know that there is an API server";
  EXPECT_GE(leaseLists - before, 4);
  putService("NoPool", "False", json::array());
  EXPECT_TRUE(api_.waitFor([&] { return out.has("Service shop/web NoPool"); }));
}

TEST_F(ACommandThatAsks, DoesNotTakeAnApiServerThatIsAwayForDaemonsThatAreSilent) {
  const std::jthread time(timePasses(1));
  test::SharedOutput out;
  test::SharedOutput messages;
  const std::jthread command(watchStatus(out, messages));
  EXPECT_TRUE(api_.waitFor([&] { return api_.runningWatches() == 8; }));
  api_.setInterceptor([](auto, const auto&, const auto&) -> std::optional<Error> {
    return Error{ErrorCode::kUnavailable, "nobody answers", 0, {}};
  });
  EXPECT_TRUE(api_.waitFor([&] { return messages.has("error: nobody answers"); }));
  EXPECT_FALSE(out.has("DaemonSilent"));
}

TEST_F(ACommandThatAsks, ExplainsAgainWhenAServiceGoes) {
  const std::jthread time(timePasses(1));
  test::SharedOutput out;
  ExplainOptions options{{}, "shop", "web", Output::kTable};
  options.watch = true;
  const std::jthread command([&](const std::stop_token& stop) {
    EXPECT_EQ(runExplain(options, api_, {kubectl_, {}}, clock_, {out, messages_}, stop), kAllWell);
  });
  EXPECT_TRUE(api_.waitFor([&] { return out.has("Service shop/web shows"); }));
  EXPECT_TRUE(api_.waitFor([&] { return api_.runningWatches() == 8; }));
  api_.erase(kube::kServices, {"shop", "web"});
  EXPECT_TRUE(api_.waitFor([&] { return out.has("there is no Service \"web\""); }));
}

TEST_F(ACommandThatAsks, ComparesTheEndpointsOfAClientWithTheKernelOfTheNode) {
  putService("Assigned", "True", {{{"ip", "10.0.0.1"}, {"ipMode", "Proxy"}}});
  putIpObject("10.0.0.1");
  putEndpoint("10.1.0.1");
  putDaemonPod({"--placement=host", "--metrics-address=[$(METRICS_HOST)]:7480"});
  kubectl_.output.output = R"({"virtualServers": [
    {"address": "10.0.0.1", "port": 80, "protocol": "TCP", "kernel": {"scheduler": "rr"},
     "realServers": [{"address": "10.1.0.1", "port": 8080, "desired": {"weight": 1},
                      "kernel": {"weight": 1}},
                     {"address": "10.1.0.9", "port": 8080, "desired": null,
                      "kernel": {"weight": 0}}]}]})";
  EXPECT_EQ(explain(fromAClient()), kAllWell) << messages_.str();
  EXPECT_THAT(kubectl_.ran,
              ElementsAre("kubectl --context=c exec --namespace=lb node-1 -- barevip-node "
                          "--placement=host --dump --output=json"));
  EXPECT_THAT(
      out_.str(),
      HasSubstr("TCP 10.0.0.1:80 by n1 -> 10.1.0.1:8080; the kernel of n1 has the same endpoints"));
}

TEST_F(ACommandThatAsks, EndsWithTwoIfAKernelCannotBeAsked) {
  putService("Assigned", "True", {{{"ip", "10.0.0.1"}, {"ipMode", "Proxy"}}});
  putIpObject("10.0.0.1");
  putEndpoint("10.1.0.1");
  EXPECT_EQ(explain(fromAClient()), kCannotAsk);
  EXPECT_THAT(messages_.str(), HasSubstr("error: the kernel of n1 cannot be asked: no barevip-node "
                                         "runs on node n1"));
  EXPECT_THAT(out_.str(), HasSubstr("-> 10.1.0.1:8080\n")) << "what objects show is shown";
  putDaemonPod({});
  kubectl_.output = {1, "", "Error from server (Forbidden): pods \"node-1\" is forbidden\n"};
  EXPECT_EQ(explain(fromAClient()), kCannotAsk);
  EXPECT_THAT(messages_.str(), HasSubstr("ended with status 1: Error from server (Forbidden)"));
  kubectl_.output = {0, "not JSON", ""};
  EXPECT_EQ(explain(fromAClient()), kCannotAsk);
  EXPECT_THAT(messages_.str(), HasSubstr("printed no JSON"));
}

TEST_F(ACommandThatAsks, ExplainsAServiceOrSaysThatThereIsNone) {
  api_.erase(kube::kServices, {"shop", "web"});
  const ExplainOptions options{{}, "shop", "web", Output::kTable, {}};
  EXPECT_EQ(explain(options), kCannotAsk);
  EXPECT_THAT(messages_.str(), HasSubstr("error: there is no Service \"web\""));
  putService("Assigned", "True", json::array());
  EXPECT_EQ(explain(options), kAllWell);
  EXPECT_THAT(out_.str(), HasSubstr("10.0.0.1 (Pool a): the Service does not have it yet"));
}

}  // namespace
}  // namespace barevip::cli
