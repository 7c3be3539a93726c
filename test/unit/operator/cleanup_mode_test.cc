// SPDX-License-Identifier: Apache-2.0
#include "operator/cleanup_mode.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/operator/daemon_set.h"

namespace barevip::controlplane {
namespace {

using nlohmann::json;
using test::daemonSet;
using testing::HasSubstr;

json& podOf(json& set) { return set["spec"]["template"]["spec"]; }

TEST(CleanupMode, TheInitContainerCleansUpWithTheFlagsPrivilegeAndMountsOfInit) {
  json before = daemonSet();
  json after = inCleanupMode(before).value();
  json& init = podOf(after)["initContainers"][1];
  EXPECT_EQ(init["args"], json::array({"cleanup", "--bind-iface=eth1", "--placement=host"}));
  EXPECT_EQ(init["terminationMessagePolicy"], "FallbackToLogsOnError");
  for (const char* kept : {"image", "securityContext", "volumeMounts"}) {
    EXPECT_EQ(init[kept], podOf(before)["initContainers"][1][kept]) << kept;
  }
}

TEST(CleanupMode, FlagsMayStandBeforeTheCommand) {
  json set = daemonSet();
  podOf(set)["initContainers"][1]["args"] = json::array({"--log-level=debug", "init"});
  json after = inCleanupMode(set).value();
  EXPECT_EQ(podOf(after)["initContainers"][1]["args"],
            json::array({"--log-level=debug", "cleanup"}));
}

TEST(CleanupMode, TheMainContainerStaysWithoutPrivilegeAndProbes) {
  json after = inCleanupMode(daemonSet()).value();
  const json& node = podOf(after)["containers"][0];
  EXPECT_EQ(node["args"], json::array({"stay"}));
  EXPECT_EQ(node["securityContext"]["capabilities"], (json{{"drop", json::array({"ALL"})}}));
  for (const char* gone : {"livenessProbe", "readinessProbe", "startupProbe", "lifecycle"}) {
    EXPECT_FALSE(node.contains(gone)) << gone;
  }
}

TEST(CleanupMode, AllNodesChangeAtOnceAndNoNewPodStartsBesideAnOldOne) {
  for (const json& strategy :
       {daemonSet()["spec"]["updateStrategy"], json{{"type", "OnDelete"}},
        json{{"type", "RollingUpdate"},
             {"rollingUpdate", {{"maxSurge", "10%"}, {"maxUnavailable", 0}}}}}) {
    json set = daemonSet();
    set["spec"]["updateStrategy"] = strategy;
    EXPECT_EQ(inCleanupMode(set).value()["spec"]["updateStrategy"],
              (json{{"type", "RollingUpdate"},
                    {"rollingUpdate", {{"maxSurge", 0}, {"maxUnavailable", "100%"}}}}));
  }
}

TEST(CleanupMode, EverythingElseStays) {
  json before = daemonSet();
  json after = inCleanupMode(before).value();
  EXPECT_EQ(podOf(after)["initContainers"][0], podOf(before)["initContainers"][0]);
  EXPECT_EQ(podOf(after)["containers"][1], podOf(before)["containers"][1]);
  for (const char* kept : {"image", "env", "resources", "volumeMounts"}) {
    EXPECT_EQ(podOf(after)["containers"][0][kept], podOf(before)["containers"][0][kept]) << kept;
  }
  for (json* each : {&before, &after}) {
    podOf(*each).erase("initContainers");
    podOf(*each).erase("containers");
    (*each)["spec"].erase("updateStrategy");
  }
  EXPECT_EQ(after, before);
}

TEST(CleanupMode, ASecondTimeChangesNothing) {
  const json once = inCleanupMode(daemonSet()).value();
  EXPECT_EQ(inCleanupMode(once).value(), once);
}

TEST(CleanupMode, ADaemonSetThatIsNotOursIsRefusedWithASentence) {
  struct Case {
    std::function<void(json&)> spoil;
    const char* says;
  };
  const Case cases[] = {
      {[](json& set) { set.erase("spec"); }, "no init container"},
      {[](json& set) { podOf(set).erase("initContainers"); }, "no init container"},
      {[](json& set) { podOf(set)["initContainers"] = "none"; }, "no init container"},
      {[](json& set) { podOf(set)["initContainers"].erase(1); }, "runs `barevip-node init`"},
      {[](json& set) { podOf(set)["initContainers"][1].erase("args"); },
       "runs `barevip-node init`"},
      {[](json& set) {
         podOf(set)["initContainers"] = json::array({nullptr, 7});
       },
       "runs `barevip-node init`"},
      {[](json& set) { podOf(set)["containers"].erase(0); }, "no container \"node\""},
      {[](json& set) {
         podOf(set)["containers"] = json::array({nullptr, 7});
       },
       "no container \"node\""},
  };
  for (const Case& each : cases) {
    json set = daemonSet();
    each.spoil(set);
    const auto after = inCleanupMode(set);
    ASSERT_FALSE(after) << set;
    EXPECT_EQ(after.error().code, ErrorCode::kInvalid);
    EXPECT_THAT(after.error().message, HasSubstr(each.says));
  }
}

}  // namespace
}  // namespace barevip::controlplane
