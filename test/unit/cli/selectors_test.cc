// SPDX-License-Identifier: Apache-2.0
#include "cli/selectors.h"

#include <gtest/gtest.h>

namespace barevip::cli {
namespace {

using model::LabelSelector;

const LabelSelector kAll{};
const LabelSelector kEdge{{{"tier", "edge"}}, {}};
const LabelSelector kFront{{{"tier", "front"}}, {}};
const LabelSelector kWeb{{{"app", "web"}}, {}};
const LabelSelector kWebEdge{{{"app", "web"}, {"tier", "edge"}}, {}};
const LabelSelector kBackOrEdge{{}, {{"tier", "In", {"back", "edge"}}}};
const LabelSelector kNotEdge{{}, {{"tier", "NotIn", {"edge"}}}};

struct UnionCase {
  const char* name;
  std::vector<LabelSelector> selectors;
  std::optional<LabelSelector> all;
};

class UnionOf : public testing::TestWithParam<UnionCase> {};

INSTANTIATE_TEST_SUITE_P(
    Table, UnionOf,
    testing::Values(UnionCase{"None", {}, std::nullopt}, UnionCase{"One", {kWebEdge}, kWebEdge},
                    UnionCase{"Equals", {kNotEdge, kNotEdge}, kNotEdge},
                    UnionCase{"OneThatMatchesEverything", {kEdge, kAll}, kAll},
                    UnionCase{"ValuesOfOneKey",
                              {kEdge, kFront},
                              LabelSelector{{}, {{"tier", "In", {"edge", "front"}}}}},
                    UnionCase{"ValueAndList",
                              {kFront, kBackOrEdge, kEdge},
                              LabelSelector{{}, {{"tier", "In", {"front", "back", "edge"}}}}},
                    UnionCase{"OtherKeys", {kEdge, kWeb}, std::nullopt},
                    UnionCase{"MoreThanOneKey", {kEdge, kWebEdge}, std::nullopt},
                    UnionCase{"OtherOperators", {kEdge, kNotEdge}, std::nullopt}),
    [](const auto& each) { return std::string(each.param.name); });

TEST_P(UnionOf, MatchesWhatAnyOfThemMatches) {
  EXPECT_EQ(unionOf(GetParam().selectors), GetParam().all);
}

TEST(Joined, NotesWhatCannotBeJoinedAndTakesTheFirst) {
  Report report;
  EXPECT_EQ(joined({kEdge, kWeb}, {"in.yaml", 1, 0, "L2Advertisement a"}, "spec.x", report), kEdge);
  EXPECT_EQ(report.notes.size(), 1U);
}

}  // namespace
}  // namespace barevip::cli
