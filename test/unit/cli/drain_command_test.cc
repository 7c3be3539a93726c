// SPDX-License-Identifier: Apache-2.0
#include "cli/drain_command.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>

#include <nlohmann/json.hpp>

#include "cli/exit_status.h"
#include "cli/view/handover.h"
#include "common/base/rfc3339.h"
#include "fakes/fake_api.h"
#include "fakes/manual_clock.h"
#include "unit/cli/shared_output.h"

namespace barevip::cli {
namespace {

using nlohmann::json;
using testing::HasSubstr;

/// An API server with the VIPs 10.0.0.1 and 10.0.0.2, which n1 announces, and the nodes of a test.
class ADrain : public testing::Test {
 protected:
  ADrain() {
    api_.put(kube::kNamespaces, {{"metadata", {{"name", "shop"}}}});
    api_.put(kube::kPools,
             {{"metadata", {{"name", "a"}}}, {"spec", {{"addresses", {"10.0.0.1-10.0.0.14"}}}}});
    putNode("n1");
    putVip("db", "10.0.0.1", "n1");
    putVip("web", "10.0.0.2", "n1");
  }

  void putNode(const std::string& name) {
    api_.put(kube::kNodes, {{"metadata", {{"name", name}}}});
    const std::lock_guard lock(daemonsMutex_);
    daemons_.insert(name);
    renew(name);
  }

  void endDaemon(const std::string& name) {
    const std::lock_guard lock(daemonsMutex_);
    daemons_.erase(name);
    api_.erase(kube::kLeases, {"barevip-system", "barevip-node-" + name});
  }

  void renew(const std::string& name) {
    api_.put(kube::kLeases,
             {{"metadata",
               {{"name", "barevip-node-" + name},
                {"namespace", "barevip-system"},
                {"labels", {{"barevip.dev/node-lease", "elects-by-share"}}},
                {"annotations", {{"barevip.dev/families", "4,6"}}}}},
              {"spec", {{"holderIdentity", name}, {"renewTime", formatMicros(clock_.wallNow())}}}});
  }

  void putVip(const std::string& service, const std::string& address, const std::string& node) {
    const json condition = {
        {"type", "barevip.dev/AddressAssigned"}, {"status", "True"}, {"reason", "Assigned"}};
    const json ingress = {{{"ip", address}, {"ipMode", "Proxy"}}};
    api_.put(
        kube::kServices,
        {{"metadata", {{"name", service}, {"namespace", "shop"}, {"uid", service}}},
         {"spec",
          {{"type", "LoadBalancer"},
           {"ipFamilies", {"IPv4"}},
           {"ports", {{{"port", 80}, {"protocol", "TCP"}}}}}},
         {"status",
          {{"loadBalancer", {{"ingress", ingress}}}, {"conditions", json::array({condition})}}}});
    putRecord(service, address, node);
  }

  void putRecord(const std::string& service, const std::string& address, const std::string& node) {
    const json bound = {{"type", "Bound"}, {"status", "True"}, {"reason", "Bound"}};
    api_.put(kube::kIps, {{"metadata",
                           {{"name", service + "-" + address},
                            {"namespace", "shop"},
                            {"ownerReferences", json::array({{{"apiVersion", "v1"},
                                                              {"kind", "Service"},
                                                              {"name", service},
                                                              {"uid", service},
                                                              {"controller", true}}})}}},
                          {"spec", {{"pool", "a"}, {"address", address}}},
                          {"status",
                           {{"phase", "Bound"},
                            {"address", address},
                            {"pool", "a"},
                            {"service", service},
                            {"services", {service}},
                            {"node", node},
                            {"conditions", json::array({bound})}}}});
  }

  /// Records another announcer of one VIP after the other, once the command shows how many are
  /// left.
  void whenDrained(const std::string& node) {
    onTime_ = [this, node] {
      if (out_.has("2 of 2 VIPs left")) putRecord("db", "10.0.0.1", node);
      if (out_.has("1 of 2 VIPs left")) putRecord("web", "10.0.0.2", node);
    };
  }

  std::optional<std::string> label() const {
    const json metadata = api_.object(kube::kNodes, {"", "n1"})->at("metadata");
    if (!metadata.contains("labels") || !metadata["labels"].contains(kExcludeLabel)) {
      return std::nullopt;
    }
    return metadata["labels"][kExcludeLabel].get<std::string>();
  }

  void putLabel(const std::string& value) {
    api_.put(kube::kNodes, {{"metadata", {{"name", "n1"}, {"labels", {{kExcludeLabel, value}}}}}});
  }

  /// Time runs as fast as the command waits for it, and daemons renew their Leases meanwhile.
  int drain(bool force = false, std::chrono::seconds timeout = std::chrono::hours(1)) {
    const DrainOptions options{{}, "n1", timeout, force};
    const std::jthread time([this](const std::stop_token& stop) {
      while (!stop.stop_requested()) {
        if (onTime_) onTime_();
        if (clock_.idle() >= 1) {
          clock_.advance(std::chrono::milliseconds(500));
          const std::lock_guard lock(daemonsMutex_);
          for (const std::string& each : daemons_) renew(each);
        }
        std::this_thread::yield();
      }
    });
    return runDrain(options, api_, clock_, {out_, messages_}, {});
  }

  int undrain() { return runUndrain({{}, "n1"}, api_, {out_, messages_}, {}); }

  kube::FakeApi api_;
  ManualClock clock_;
  int looks_ = 0;  ///< at IP objects, once the node has the label
  std::mutex daemonsMutex_;
  std::set<std::string> daemons_;  ///< nodes whose daemons renew their Leases
  std::function<void()> onTime_;   ///< called again and again while a drain runs
  test::SharedOutput out_;
  test::SharedOutput messages_;
};

TEST_F(ADrain, ShowsItsProgressUntilOtherNodesAnnounceAllVips) {
  putNode("n2");
  whenDrained("n2");
  EXPECT_EQ(drain(), kAllWell) << messages_.str();
  EXPECT_EQ(label(), kDrainValue);
  EXPECT_THAT(out_.str(), HasSubstr("2 of 2 VIPs left\n1 of 2 VIPs left\n0 of 2 VIPs left\n"));
}

TEST_F(ADrain, LeavesANodeAsItIsWhoseVipsNoOtherNodeMayAnnounce) {
  EXPECT_EQ(drain(), kProblems);
  EXPECT_EQ(label(), std::nullopt);
  EXPECT_THAT(messages_.str(), HasSubstr("no other node may announce 10.0.0.1 of shop/db: there "
                                         "is no other node\n"));
  EXPECT_THAT(messages_.str(), HasSubstr("error: no other node may announce 2 of 2 VIPs"));
}

TEST_F(ADrain, WithdrawsThemIfItIsForced) {
  EXPECT_EQ(drain(true), kProblems);
  EXPECT_EQ(label(), kDrainValue);
  EXPECT_THAT(messages_.str(), HasSubstr("error: no node may announce 2 of 2 VIPs now\n"));
}

TEST_F(ADrain, NamesTheVipsThatDidNotMoveInTime) {
  putNode("n2");
  EXPECT_EQ(drain(false, std::chrono::seconds(10)), kProblems);
  EXPECT_THAT(messages_.str(), HasSubstr("error: 2 VIPs of n1 did not move to another node within "
                                         "10 seconds: 10.0.0.1, 10.0.0.2."));
  EXPECT_EQ(label(), kDrainValue) << "a second drain goes on";
}

TEST_F(ADrain, GoesOnWhileTheApiServerIsAwayForAMoment) {
  putNode("n2");
  api_.setInterceptor(
      [this](auto, const kube::Resource& resource, const auto&) -> std::optional<Error> {
        if (!(resource == kube::kIps) || label() != kDrainValue) return std::nullopt;
        if (++looks_ == 1) return Error{ErrorCode::kUnavailable, "no connection", 0, {}};
        putRecord("db", "10.0.0.1", "n2");
        putRecord("web", "10.0.0.2", "n2");
        return std::nullopt;
      });
  EXPECT_EQ(drain(), kAllWell) << messages_.str();
}

TEST_F(ADrain, WaitsForAVipThatCameBeforeTheNodeHadTheLabel) {
  putNode("n2");
  api_.setInterceptor([this](kube::FakeApi::Verb verb, const auto&, const auto&) {
    if (verb == kube::FakeApi::Verb::kPatch) putVip("late", "10.0.0.3", "n1");
    return std::optional<Error>();
  });
  onTime_ = [this] {
    if (!out_.has("3 of 3 VIPs left")) return;
    putRecord("db", "10.0.0.1", "n2");
    putRecord("web", "10.0.0.2", "n2");
    putRecord("late", "10.0.0.3", "n2");
  };
  EXPECT_EQ(drain(), kAllWell) << messages_.str();
  EXPECT_THAT(out_.str(), HasSubstr("0 of 3 VIPs left\n"));
}

TEST_F(ADrain, WaitsForAVipThatIsRecordedLater) {
  putNode("n2");
  onTime_ = [this, came = false]() mutable {
    if (!came && out_.has("2 of 2 VIPs left")) {
      came = true;
      putVip("late", "10.0.0.3", "n1");
    }
    if (!out_.has("3 of 3 VIPs left")) return;
    putRecord("db", "10.0.0.1", "n2");
    putRecord("web", "10.0.0.2", "n2");
    putRecord("late", "10.0.0.3", "n2");
  };
  EXPECT_EQ(drain(), kAllWell) << messages_.str();
  EXPECT_THAT(out_.str(), HasSubstr("0 of 3 VIPs left\n"));
}

TEST_F(ADrain, TakesTheLabelBackIfTheOtherNodeGoesMeanwhile) {
  putNode("n2");
  api_.setInterceptor([this](kube::FakeApi::Verb verb, const auto&, const auto&) {
    if (verb == kube::FakeApi::Verb::kPatch) endDaemon("n2");
    return std::optional<Error>();
  });
  EXPECT_EQ(drain(), kProblems);
  EXPECT_EQ(label(), std::nullopt);
  EXPECT_THAT(messages_.str(), HasSubstr("error: no other node may announce 2 of 2 VIPs"));
}

TEST_F(ADrain, ListsIpObjectsThreeTimesAndWatchesThemFromThereOn) {
  putNode("n2");
  std::atomic<int> lists = 0;
  api_.setInterceptor([&](kube::FakeApi::Verb verb, const kube::Resource& resource, const auto&) {
    if (verb == kube::FakeApi::Verb::kList && resource == kube::kIps) ++lists;
    return std::optional<Error>();
  });
  whenDrained("n2");
  EXPECT_EQ(drain(), kAllWell) << messages_.str();
  EXPECT_EQ(lists, 3) << "before the label, after it, and to watch from there";
}

TEST_F(ADrain, ReadsAgainIfTheNodeChangesMeanwhile) {
  putNode("n2");
  int patches = 0;
  api_.setInterceptor([&](kube::FakeApi::Verb verb, const kube::Resource& resource,
                          const auto&) -> std::optional<Error> {
    if (verb == kube::FakeApi::Verb::kPatch && ++patches == 1) {
      api_.put(kube::kNodes, {{"metadata", {{"name", "n1"}, {"labels", {{"rack", "7"}}}}}});
    }
    if (resource == kube::kIps && label() == kDrainValue && ++looks_ == 1) {
      putRecord("db", "10.0.0.1", "n2");
      putRecord("web", "10.0.0.2", "n2");
    }
    return std::nullopt;
  });
  EXPECT_EQ(drain(), kAllWell) << messages_.str();
  EXPECT_EQ(patches, 2);
  EXPECT_EQ(label(), kDrainValue);
  EXPECT_EQ(api_.object(kube::kNodes, {"", "n1"})->at("metadata")["labels"]["rack"], "7");
}

TEST_F(ADrain, EndsWithTwoIfItMayNotLabelTheNode) {
  putNode("n2");
  api_.setInterceptor(
      [](kube::FakeApi::Verb verb, const kube::Resource&, const auto&) -> std::optional<Error> {
        if (verb != kube::FakeApi::Verb::kPatch) return std::nullopt;
        return Error{ErrorCode::kForbidden, "nodes is forbidden", 403, {}};
      });
  EXPECT_EQ(drain(), kCannotAsk);
  EXPECT_THAT(messages_.str(), HasSubstr("error: nodes is forbidden\n"));
}

TEST_F(ADrain, OfANodeThatDoesNotExistEndsWithTwo) {
  api_.erase(kube::kNodes, {"", "n1"});
  EXPECT_EQ(drain(), kCannotAsk);
  EXPECT_THAT(messages_.str(), HasSubstr("there is no Node \"n1\""));
  EXPECT_EQ(undrain(), kCannotAsk);
}

TEST_F(ADrain, KeepsTheLabelOfAPersonAndSaysSo) {
  putNode("n2");
  putLabel("true");
  putRecord("db", "10.0.0.1", "n2");
  putRecord("web", "10.0.0.2", "n2");
  EXPECT_EQ(drain(), kAllWell);
  EXPECT_EQ(label(), "true");
  EXPECT_THAT(out_.str(), HasSubstr("already, which drain did not set: undrain will leave it"));
  EXPECT_EQ(undrain(), kProblems);
  EXPECT_EQ(label(), "true");
  EXPECT_THAT(messages_.str(), HasSubstr("To remove it: kubectl label node n1 "));
}

TEST_F(ADrain, IsTakenBackByUndrainAndOnlyOnce) {
  putLabel(kDrainValue);
  EXPECT_EQ(undrain(), kAllWell);
  EXPECT_EQ(label(), std::nullopt);
  EXPECT_THAT(out_.str(), HasSubstr("n1 may announce VIPs again"));
  EXPECT_EQ(undrain(), kAllWell);
  EXPECT_THAT(out_.str(), HasSubstr("n1 is not drained\n"));
}

}  // namespace
}  // namespace barevip::cli
