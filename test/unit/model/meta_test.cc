// SPDX-License-Identifier: Apache-2.0
#include "barevip/model/meta.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace barevip::model {
namespace {

TEST(LabelSelector, MatchesAsKubernetesDoes) {
  const StringMap labels{{"app", "web"}, {"tier", "front"}};
  struct Case {
    std::string name;
    LabelSelector selector;
    bool matches;
  };
  const std::vector<Case> cases{
      {"empty matches all", {}, true},
      {"label", {{{"app", "web"}}, {}}, true},
      {"other value", {{{"app", "db"}}, {}}, false},
      {"all labels are needed", {{{"app", "web"}, {"zone", "a"}}, {}}, false},
      {"In", {{}, {{"app", "In", {"db", "web"}}}}, true},
      {"In without the value", {{}, {{"app", "In", {"db"}}}}, false},
      {"In without the key", {{}, {{"zone", "In", {"a"}}}}, false},
      {"NotIn", {{}, {{"app", "NotIn", {"db"}}}}, true},
      {"NotIn without the key", {{}, {{"zone", "NotIn", {"a"}}}}, true},
      {"NotIn with the value", {{}, {{"app", "NotIn", {"web"}}}}, false},
      {"Exists", {{}, {{"tier", "Exists", {}}}}, true},
      {"Exists without the key", {{}, {{"zone", "Exists", {}}}}, false},
      {"DoesNotExist", {{}, {{"zone", "DoesNotExist", {}}}}, true},
      {"DoesNotExist with the key", {{}, {{"app", "DoesNotExist", {}}}}, false},
      {"unknown operator", {{}, {{"app", "Gt", {"1"}}}}, false},
      {"labels and expressions", {{{"app", "web"}}, {{"tier", "In", {"back"}}}}, false},
  };
  for (const Case& each : cases) {
    EXPECT_EQ(each.selector.matches(labels), each.matches) << each.name;
  }
}

TEST(SetCondition, KeepsTheTimeWhileTheStatusStays) {
  Conditions all{{"Ready", "True", "Ok", "fine", 0, "2024-01-01T00:00:00Z"}};
  setCondition(all, {"Ready", "True", "Other", "still fine"}, "2024-02-02T00:00:00Z");
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].reason, "Other");
  EXPECT_EQ(all[0].lastTransitionTime, "2024-01-01T00:00:00Z");
}

TEST(SetCondition, SetsTheTimeWhenTheStatusChanges) {
  Conditions all{{"Ready", "True", "Ok", "fine", 0, "2024-01-01T00:00:00Z"}};
  setCondition(all, {"Ready", "False", "Bad", "not fine"}, "2024-02-02T00:00:00Z");
  EXPECT_EQ(all[0].lastTransitionTime, "2024-02-02T00:00:00Z");
}

TEST(SetCondition, LeavesOtherConditionsAlone) {
  Conditions all{{"Theirs", "True", "X", "", 7, "2024-01-01T00:00:00Z"}};
  const Condition theirs = all[0];
  setCondition(all, {"Ready", "True", "Ok", ""}, "2024-02-02T00:00:00Z");
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0], theirs);
  EXPECT_EQ(all[0].lastTransitionTime, theirs.lastTransitionTime);
  EXPECT_EQ(all[1].lastTransitionTime, "2024-02-02T00:00:00Z");
}

TEST(Condition, IsEqualWhateverItsTime) {
  const Condition a{"Ready", "True", "Ok", "", 0, "2024-01-01T00:00:00Z"};
  const Condition b{"Ready", "True", "Ok", "", 0, "2024-02-02T00:00:00Z"};
  EXPECT_EQ(a, b);
}

}  // namespace
}  // namespace barevip::model
