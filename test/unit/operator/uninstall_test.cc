// SPDX-License-Identifier: Apache-2.0
#include "operator/uninstall.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "barevip/model/pool.h"

#include "fakes/fake_api.h"
#include "fakes/manual_clock.h"
#include "unit/operator/daemon_set.h"
#include "unit/operator/timed_run.h"

namespace barevip::controlplane {
namespace {

using namespace std::chrono_literals;
using kube::FakeApi;
using kube::ObjectKey;
using nlohmann::json;
using testing::AllOf;
using testing::Contains;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;
using Verb = FakeApi::Verb;

constexpr const char* kNs = "barevip-system";
const ObjectKey kOperatorKey{kNs, "barevip-operator"};
const ObjectKey kNodeKey{kNs, "barevip-node"};

Error answered(ErrorCode code, int status, const std::string& message) {
  return {code, message, status, {}};
}

/// A cluster with an installation of barevip. Each time that pods are listed, its controllers and
/// kubelets have done their work.
class UninstallTest : public testing::Test {
 protected:
  enum class Kubelet { kCleans, kFails, kHangs };

  UninstallTest() {
    api_.setInterceptor([this](Verb verb, const kube::Resource& resource, const ObjectKey& key) {
      if (fault_) {
        if (auto error = fault_(verb, resource, key)) return error;
      }
      if (verb == Verb::kList && resource == kube::kPods) control();
      return std::optional<Error>();
    });
  }

  void install() {
    api_.put(kube::kDeployments, {{"metadata", {{"name", "barevip-operator"}, {"namespace", kNs}}},
                                  {"spec", {{"replicas", 2}}}});
    json set = test::daemonSet();
    set["status"]["desiredNumberScheduled"] = 3;
    api_.put(kube::kDaemonSets, set);
    for (const char* node : {"n1", "n2", "n3"}) {
      putNode(node, true);
      putDaemonPod(node, "old", set["spec"]["template"]["spec"]);
    }
    putOperatorPod("operator-1", "n1");
    putOperatorPod("operator-2", "n2");
    for (const char* pool : {"a", "b"}) putPool(pool, {"example.com/other", "barevip.dev/in-use"});
    api_.put(kube::kIps, {{"metadata", {{"name", "web"}, {"namespace", "default"}}}});
  }

  void putNode(const std::string& name, bool ready) {
    api_.put(kube::kNodes,
             {{"metadata", {{"name", name}}},
              {"status",
               {{"conditions", {{{"type", "Ready"}, {"status", ready ? "True" : "Unknown"}}}}}}});
  }
  void putPool(const std::string& name, const std::vector<std::string>& finalizers) {
    api_.put(kube::kPools, {{"metadata", {{"name", name}, {"finalizers", finalizers}}},
                            {"spec", {{"addresses", json::array({"10.0.0.1"})}}}});
  }
  void putPod(const std::string& name, const std::string& app, const std::string& node, json spec,
              json status) {
    spec["nodeName"] = node;
    api_.put(kube::kPods,
             {{"metadata",
               {{"name", name}, {"namespace", kNs}, {"labels", {{"app.kubernetes.io/name", app}}}}},
              {"spec", spec},
              {"status", status}});
  }
  void putOperatorPod(const std::string& name, const std::string& node) {
    putPod(name, "barevip-operator", node, json::object(), {{"phase", "Running"}});
  }
  void putDaemonPod(const std::string& node, const std::string& mark, const json& spec,
                    const json& initState = {}) {
    json status = {{"phase", "Running"}};
    if (!initState.is_null()) {
      status["initContainerStatuses"] = json::array({initState});
      status["initContainerStatuses"][0]["name"] = "init";
    }
    putPod("node-" + node + "-" + mark, "barevip-node", node, spec, status);
  }

  /// What the controllers and the kubelets of Ready nodes do.
  void control() {
    const auto deployment = api_.object(kube::kDeployments, kOperatorKey);
    const auto set = api_.object(kube::kDaemonSets, kNodeKey);
    for (const json& pod : api_.objects(kube::kPods)) {
      const std::string node = pod["spec"]["nodeName"];
      if (!isReady(node)) continue;
      const ObjectKey key{kNs, pod["metadata"]["name"].get<std::string>()};
      if (pod["metadata"]["labels"]["app.kubernetes.io/name"] == "barevip-operator") {
        if (operatorEnds_ && (!deployment || (*deployment)["spec"]["replicas"] == 0)) {
          api_.erase(kube::kPods, key);
        }
      } else if (set) {
        const json& wanted = (*set)["spec"]["template"]["spec"];
        if (pod["spec"]["containers"] == wanted["containers"]) continue;
        api_.erase(kube::kPods, key);
        putDaemonPod(node, "new", wanted, cleanupState(node));
      }
    }
  }
  json cleanupState(const std::string& node) {
    const auto found = kubelets_.find(node);
    switch (found == kubelets_.end() ? Kubelet::kCleans : found->second) {
      case Kubelet::kCleans:
        return {{"state", {{"terminated", {{"exitCode", 0}}}}}};
      case Kubelet::kFails:
        return {
            {"state", {{"waiting", {{"reason", "CrashLoopBackOff"}}}}},
            {"lastState",
             {{"terminated",
               {{"exitCode", 1}, {"message", "removed x\nthe kernel refused to remove y\n"}}}}}};
      case Kubelet::kHangs:
        return {{"state", {{"waiting", {{"reason", "ImagePullBackOff"}}}}}};
    }
    return {};
  }
  bool isReady(const std::string& node) {
    const auto object = api_.object(kube::kNodes, {"", node});
    return object && (*object)["status"]["conditions"][0]["status"] == "True";
  }

  Result<void> run() {
    lines_.clear();
    const MonotonicTime begin = clock_.now();
    auto result = test::runInTime(clock_, [this] {
      return uninstall(
          api_, clock_, {kNs, 90s}, [this](const std::string& line) { lines_.push_back(line); },
          stop_.get_token());
    });
    took_ = clock_.now() - begin;
    return result;
  }

  [[nodiscard]] int replicas() const {
    return (*api_.object(kube::kDeployments, kOperatorKey))["spec"]["replicas"];
  }
  [[nodiscard]] std::vector<std::string> finalizers(const std::string& pool) const {
    return (*api_.object(kube::kPools, {"", pool}))["metadata"].value("finalizers",
                                                                      std::vector<std::string>{});
  }

  FakeApi api_;
  ManualClock clock_;
  std::stop_source stop_;
  FakeApi::Interceptor fault_;
  std::map<std::string, Kubelet> kubelets_;
  bool operatorEnds_ = true;
  std::vector<std::string> lines_;
  std::chrono::nanoseconds took_{};
};

const char* const kKept =
    "kept: 2 CustomResourceDefinitions with 2 Pools and 1 IP object, so that a new install "
    "restores the addresses; remove them by: kubectl delete crd pools.barevip.dev ips.barevip.dev";

TEST_F(UninstallTest, StopsTheOperatorCleansTheNodesReleasesThePoolsAndSaysWhatItKept) {
  install();
  ASSERT_TRUE(run());
  EXPECT_THAT(
      lines_,
      ElementsAre("ok: scaled Deployment barevip-system/barevip-operator from 2 to 0, and none of "
                  "its pods runs",
                  "ok: removed what barevip made from 3 of 3 nodes",
                  "ok: removed the finalizer barevip.dev/in-use from 2 Pools", kKept));
  EXPECT_EQ(replicas(), 0);
  EXPECT_THAT(finalizers("a"), ElementsAre("example.com/other"));
  EXPECT_EQ(api_.objects(kube::kPools).size(), 2U);
  EXPECT_EQ(api_.objects(kube::kIps).size(), 1U);
}

TEST_F(UninstallTest, ItsLeasesGoAndThoseOfOthersStay) {
  install();
  const auto putLease = [this](const std::string& name, const json& labels) {
    api_.put(kube::kLeases,
             {{"metadata", {{"name", name}, {"namespace", kNs}, {"labels", labels}}}});
  };
  putLease("barevip-operator", json::object());
  putLease("barevip-node-n1", {{"barevip.dev/node-lease", "elects-by-share"}});
  putLease("another", json::object());
  ASSERT_TRUE(run());
  EXPECT_THAT(lines_, Contains("ok: removed 2 Leases"));
  ASSERT_EQ(api_.objects(kube::kLeases).size(), 1U);
  EXPECT_TRUE(api_.object(kube::kLeases, {kNs, "another"}));
}

TEST_F(UninstallTest, ASecondRunWritesNothing) {
  install();
  ASSERT_TRUE(run());
  api_.clearWrites();
  ASSERT_TRUE(run());
  EXPECT_EQ(api_.writeCount(), 0U);
  EXPECT_THAT(lines_, Each(Not(StartsWith("warning"))));
  EXPECT_THAT(lines_, Contains("ok: Deployment barevip-system/barevip-operator is scaled to 0, and "
                               "none of its pods runs"));
  EXPECT_THAT(lines_, Contains("ok: removed what barevip made from 3 of 3 nodes"));
  EXPECT_THAT(lines_, Contains("ok: no Pool has the finalizer barevip.dev/in-use"));
}

TEST_F(UninstallTest, NodesThatAreDownKeepNobodyWaitingAndAreNamed) {
  install();
  putNode("n2", false);
  ASSERT_TRUE(run());
  EXPECT_THAT(lines_[0], StartsWith("ok: scaled"));  // the operator's pod on n2 never goes
  EXPECT_EQ(lines_[1],
            "warning: removed what barevip made from 2 of 3 nodes; not from n2 (not Ready). A "
            "reboot of a node removes the rest, and so does: kubectl apply -k deploy/cleanup");
  EXPECT_LT(took_, 10s);
}

TEST_F(UninstallTest, ANodeThatIsGoneIsDown) {
  install();
  api_.erase(kube::kNodes, {"", "n3"});
  ASSERT_TRUE(run());
  EXPECT_THAT(lines_[1], HasSubstr("not from n3 (not Ready)"));
  EXPECT_LT(took_, 10s);
}

TEST_F(UninstallTest, PodsThatDoNotCleanInTimeAreNamedWithTheirOwnWords) {
  install();
  kubelets_ = {{"n1", Kubelet::kFails}, {"n2", Kubelet::kHangs}};
  ASSERT_TRUE(run());
  EXPECT_THAT(lines_[1],
              AllOf(StartsWith("warning: removed what barevip made from 1 of 3 nodes; not from "),
                    HasSubstr("n1 (cleanup failed: the kernel refused to remove y)"),
                    HasSubstr("n2 (ImagePullBackOff)")));
  EXPECT_THAT(lines_[2], StartsWith("ok: removed the finalizer"));
  EXPECT_EQ(lines_.back(), kKept);
  EXPECT_LE(took_, 90s);
}

TEST_F(UninstallTest, NodesWithoutAPodAreWaitedForWhenTheDaemonSetCountsThem) {
  install();
  api_.erase(kube::kPods, {kNs, "node-n3-old"});  // between two pods
  ASSERT_TRUE(run());
  EXPECT_THAT(lines_[1], HasSubstr("from 2 of 3 nodes; not from 1 without a pod"));
}

TEST_F(UninstallTest, AnOperatorThatDoesNotEndIsNamedAndTheOtherStepsFollow) {
  install();
  operatorEnds_ = false;
  ASSERT_TRUE(run());
  EXPECT_THAT(lines_[0], AllOf(StartsWith("warning: scaled Deployment"),
                               HasSubstr("in 30 s these pods did not end: operator-1, operator-2"),
                               HasSubstr("kubectl -n barevip-system delete pod")));
  EXPECT_THAT(lines_[1], StartsWith("ok: removed what"));
  EXPECT_THAT(lines_[2], StartsWith("ok: removed the finalizer"));
}

TEST_F(UninstallTest, WithoutTheCustomResourceDefinitionsNothingIsKept) {
  install();
  fault_ = [](Verb, const kube::Resource& resource, const ObjectKey&) -> std::optional<Error> {
    if (resource.group != "barevip.dev") return std::nullopt;
    return answered(ErrorCode::kNotFound, 404, "the server could not find the resource");
  };
  ASSERT_TRUE(run());
  EXPECT_THAT(lines_, Each(Not(StartsWith("warning"))));
  EXPECT_THAT(lines_[2], HasSubstr("CustomResourceDefinition does not exist"));
  EXPECT_EQ(lines_[3], "kept: nothing");
}

TEST_F(UninstallTest, WithoutDeploymentAndDaemonSetTheRestIsDone) {
  install();
  api_.erase(kube::kDeployments, kOperatorKey);
  api_.erase(kube::kDaemonSets, kNodeKey);
  ASSERT_TRUE(run());
  EXPECT_EQ(lines_[0],
            "ok: Deployment barevip-system/barevip-operator does not exist, and none of its pods "
            "runs");
  EXPECT_THAT(lines_[1], AllOf(StartsWith("warning: DaemonSet barevip-system/barevip-node does not "
                                          "exist, so no node was cleaned."),
                               HasSubstr("kubectl apply -k deploy/cleanup")));
  EXPECT_THAT(lines_[2], StartsWith("ok: removed the finalizer"));
}

TEST_F(UninstallTest, ADaemonSetOfAnotherShapeIsLeftAlone) {
  install();
  json set = test::daemonSet();
  set["spec"]["template"]["spec"].erase("initContainers");
  set = api_.put(kube::kDaemonSets, set);
  ASSERT_TRUE(run());
  EXPECT_THAT(lines_[1], AllOf(StartsWith("warning: could not put DaemonSet"),
                               HasSubstr("no init container")));
  EXPECT_EQ(*api_.object(kube::kDaemonSets, kNodeKey), set);
}

TEST_F(UninstallTest, WhatIsForbiddenIsAWarningEachWithTheCommandThatHelps) {
  install();
  fault_ = [](Verb, const kube::Resource&, const ObjectKey&) {
    return answered(ErrorCode::kForbidden, 403, "User \"x\" cannot do that");
  };
  ASSERT_TRUE(run());
  ASSERT_EQ(lines_.size(), 5U);
  EXPECT_THAT(lines_[0], AllOf(StartsWith("warning: could not scale"), HasSubstr("--replicas=0")));
  EXPECT_THAT(lines_[1], AllOf(StartsWith("warning: could not put"), HasSubstr("deploy/cleanup")));
  EXPECT_THAT(lines_[2], AllOf(StartsWith("warning: could not remove the finalizer"),
                               HasSubstr("kubectl patch pool")));
  EXPECT_THAT(lines_[3], AllOf(StartsWith("warning: could not remove the Leases"),
                               HasSubstr("kubectl delete leases")));
  EXPECT_THAT(lines_[4], HasSubstr("Pools that could not be counted"));
  EXPECT_LT(took_, 5s);
}

TEST_F(UninstallTest, WithoutTheRightToListNodesEachCountsAsReady) {
  install();
  putNode("n2", false);
  fault_ = [](Verb, const kube::Resource& resource, const ObjectKey&) -> std::optional<Error> {
    if (resource != kube::kNodes) return std::nullopt;
    return answered(ErrorCode::kForbidden, 403, "no");
  };
  ASSERT_TRUE(run());
  EXPECT_THAT(lines_[1], HasSubstr("not from n2 (not done in time)"));
  EXPECT_LE(took_, 90s);
}

TEST_F(UninstallTest, ConflictsAreTriedAgain) {
  install();
  std::map<std::string, int> left{{"daemonsets", 3}, {"pools", 3}};
  fault_ = [&](Verb verb, const kube::Resource& resource,
               const ObjectKey&) -> std::optional<Error> {
    if (verb != Verb::kPatch || left[std::string(resource.plural)]-- <= 0) return std::nullopt;
    return answered(ErrorCode::kConflict, 409, "the object has been modified");
  };
  ASSERT_TRUE(run());
  EXPECT_THAT(lines_, Each(Not(StartsWith("warning"))));
  EXPECT_THAT(lines_[2], HasSubstr("from 2 Pools"));
}

TEST_F(UninstallTest, AChangeBetweenReadAndPatchIsNotOverwritten) {
  install();
  bool once = true;
  fault_ = [&](Verb verb, const kube::Resource& resource,
               const ObjectKey&) -> std::optional<Error> {
    if (verb != Verb::kPatch || !once) return std::nullopt;
    if (resource == kube::kPools) {
      once = false;
      putPool("a", {"barevip.dev/in-use", "example.com/newer"});
    }
    return std::nullopt;
  };
  ASSERT_TRUE(run());
  EXPECT_THAT(finalizers("a"), ElementsAre("example.com/newer"));
}

TEST_F(UninstallTest, AFinalizerThatComesBackIsReportedInTime) {
  install();
  fault_ = [&](Verb verb, const kube::Resource& resource,
               const ObjectKey&) -> std::optional<Error> {
    if (verb != Verb::kPatch || resource != kube::kPools) return std::nullopt;
    return answered(ErrorCode::kConflict, 409, "the object has been modified");
  };
  ASSERT_TRUE(run());
  EXPECT_THAT(lines_[2], StartsWith("warning: could not remove the finalizer barevip.dev/in-use "
                                    "from the Pools a, b: the object has been modified"));
  EXPECT_LE(took_, 90s);
}

TEST_F(UninstallTest, HalfOfTheRequestsTimingOutOnlySlowsItDown) {
  install();
  int calls = 0;
  fault_ = [&](Verb, const kube::Resource&, const ObjectKey&) -> std::optional<Error> {
    if (calls++ % 2 != 0) return std::nullopt;
    clock_.advance(2s);
    return Error{ErrorCode::kTimeout, "the API server did not answer in time", 0, {}};
  };
  ASSERT_TRUE(run());
  EXPECT_EQ(replicas(), 0);
  EXPECT_THAT(finalizers("a"), ElementsAre("example.com/other"));
  EXPECT_EQ(lines_.back(), kKept);
  EXPECT_LE(took_, 90s);
}

TEST_F(UninstallTest, AServerThatNeverAnswersIsAFailureAtTheEndOfTheTime) {
  install();
  fault_ = [&](Verb, const kube::Resource&, const ObjectKey&) -> std::optional<Error> {
    clock_.advance(1s);
    return Error{ErrorCode::kUnavailable, "cannot connect to 10.0.0.1:6443", 0, {}};
  };
  const auto result = run();
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().message,
              AllOf(HasSubstr("did not answer"), HasSubstr("cannot connect to 10.0.0.1:6443")));
  EXPECT_LE(took_, 92s);
  EXPECT_THAT(lines_, Not(Contains(StartsWith("kept"))));
}

TEST_F(UninstallTest, AStopEndsItAtOnce) {
  install();
  operatorEnds_ = false;
  stop_.request_stop();
  EXPECT_FALSE(run());
  EXPECT_LT(took_, 1s);
}

}  // namespace
}  // namespace barevip::controlplane
