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

constexpr std::int64_t kEarlier = 1'704'067'200;
constexpr std::int64_t kLater = 1'706'832'000;

TEST(SetCondition, KeepsTheTimeWhileTheStatusStays) {
  Conditions all{{"Ready", "True", "Ok", "fine", 0, kEarlier}};
  setCondition(all, {"Ready", "True", "Other", "still fine"}, kLater);
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].reason, "Other");
  EXPECT_EQ(all[0].lastTransition, kEarlier);
}

TEST(SetCondition, SetsTheTimeWhenTheStatusChanges) {
  Conditions all{{"Ready", "True", "Ok", "fine", 0, kEarlier}};
  setCondition(all, {"Ready", "False", "Bad", "not fine"}, kLater);
  EXPECT_EQ(all[0].lastTransition, kLater);
}

TEST(SetCondition, LeavesOtherConditionsAlone) {
  Conditions all{{"Theirs", "True", "X", "", 7, kEarlier}};
  const Condition theirs = all[0];
  setCondition(all, {"Ready", "True", "Ok", ""}, kLater);
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0], theirs);
  EXPECT_EQ(all[0].lastTransition, theirs.lastTransition);
  EXPECT_EQ(all[1].lastTransition, kLater);
}

TEST(Condition, IsEqualWhateverItsTime) {
  const Condition a{"Ready", "True", "Ok", "", 0, kEarlier};
  const Condition b{"Ready", "True", "Ok", "", 0, kLater};
  EXPECT_EQ(a, b);
}

}  // namespace
}  // namespace barevip::model
