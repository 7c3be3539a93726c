// SPDX-License-Identifier: Apache-2.0
#include "cli/convert/selectors.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>

namespace barevip::cli {
namespace {

using model::LabelSelector;

const LabelSelector kAll{};
const LabelSelector kEdge{{{"tier", "edge"}}, {}};
const LabelSelector kFront{{{"tier", "front"}}, {}};
const LabelSelector kWeb{{{"app", "web"}}, {}};
const LabelSelector kWebEdge{{{"app", "web"}, {"tier", "edge"}}, {}};
const LabelSelector kWebFront{{{"app", "web"}, {"tier", "front"}}, {}};
const LabelSelector kMailFront{{{"app", "mail"}, {"tier", "front"}}, {}};
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
                    UnionCase{"OneThatMatchesAllOfAnother", {kWebEdge, kEdge}, kEdge},
                    UnionCase{"OneThatMatchesMoreValues", {kEdge, kBackOrEdge}, kBackOrEdge},
                    UnionCase{"ValuesOfOneOfSeveralKeys",
                              {kWebEdge, kWebFront},
                              LabelSelector{{{"app", "web"}}, {{"tier", "In", {"edge", "front"}}}}},
                    UnionCase{"ValuesOfTwoKeys", {kWebEdge, kMailFront}, std::nullopt},
                    UnionCase{"AThirdThatJoinsTheFirstTwo", {kEdge, kWeb, kAll}, kAll},
                    UnionCase{"OtherOperators", {kEdge, kNotEdge}, std::nullopt}),
    [](const auto& each) { return std::string(each.param.name); });

TEST_P(UnionOf, MatchesWhatAnyOfThemMatches) {
  EXPECT_EQ(unionOf(GetParam().selectors), GetParam().all);
}

// Over few labels and values, so that selectors often can be joined.
LabelSelector arbitrarySelector() {
  LabelSelector selector;
  const auto value = [] { return std::string(1, *rc::gen::inRange('a', 'd')); };
  for (int left = *rc::gen::inRange(0, 3); left > 0; --left) {
    const std::string key(1, *rc::gen::inRange('x', 'z'));
    switch (*rc::gen::inRange(0, 4)) {
      case 0:
        selector.matchLabels[key] = value();
        break;
      case 1:
        selector.matchExpressions.push_back({key, "Exists", {}});
        break;
      case 2:
        selector.matchExpressions.push_back({key, "NotIn", {value()}});
        break;
      default:
        selector.matchExpressions.push_back({key, "In", {value(), value()}});
    }
  }
  return selector;
}

std::vector<LabelSelector> arbitrarySelectors() {
  std::vector<LabelSelector> selectors;
  for (int left = *rc::gen::inRange(1, 5); left > 0; --left) {
    selectors.push_back(arbitrarySelector());
  }
  return selectors;
}

// Each with no value, or with one of four, of either key.
std::vector<model::StringMap> allLabels() {
  std::vector<model::StringMap> all;
  for (const std::string x : {"", "a", "b", "c", "d"}) {
    for (const std::string y : {"", "a", "b", "c", "d"}) {
      model::StringMap labels;
      if (!x.empty()) labels["x"] = x;
      if (!y.empty()) labels["y"] = y;
      all.push_back(std::move(labels));
    }
  }
  return all;
}

bool anyMatches(const std::vector<LabelSelector>& selectors, const model::StringMap& labels) {
  return std::any_of(selectors.begin(), selectors.end(),
                     [&](const LabelSelector& each) { return each.matches(labels); });
}

TEST(UnionOfAny, MatchesWhatAnyOfThemMatches) {
  EXPECT_TRUE(rc::check("a union neither narrows nor widens", [] {
    const auto selectors = arbitrarySelectors();
    const auto all = unionOf(selectors);
    if (!all) return;
    for (const model::StringMap& labels : allLabels()) {
      RC_ASSERT(all->matches(labels) == anyMatches(selectors, labels));
    }
  }));
}

TEST(Coverage, IsCertain) {
  EXPECT_TRUE(rc::check("kAll and kNone hold for all labels", [] {
    const auto of = arbitrarySelectors();
    const auto by = arbitrarySelectors();
    const Coverage found = coverage(of, by);
    for (const model::StringMap& labels : allLabels()) {
      if (!anyMatches(of, labels)) continue;
      if (found == Coverage::kAll) RC_ASSERT(anyMatches(by, labels));
      if (found == Coverage::kNone) RC_ASSERT(!anyMatches(by, labels));
    }
  }));
}

TEST(Coverage, OfNoSelectorIsThatOfAll) {
  EXPECT_EQ(coverage({}, {}), Coverage::kAll);
  EXPECT_EQ(coverage({kEdge}, {}), Coverage::kAll);
  EXPECT_EQ(coverage({}, {kEdge}), Coverage::kPart);
  EXPECT_EQ(coverage({kEdge}, {kFront}), Coverage::kNone);
}

TEST(Joined, LosesWhatCannotBeJoinedAndTakesTheFirst) {
  Report report;
  EXPECT_EQ(joined({kEdge, kWeb}, {"in.yaml", 1, 0, "L2Advertisement a"}, "spec.x", report), kEdge);
  EXPECT_EQ(report.losses.size(), 1U);
}

}  // namespace
}  // namespace barevip::cli
