// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/filter/foreign_chains.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace barevip::host {
namespace {

using Kind = ForeignRule::Kind;

const ForeignChain kForward{"ip", "filter", "FORWARD"};

constexpr const char* kAddIn = "add rule ip filter FORWARD iifname \"bvip*\" counter accept\n";
constexpr const char* kAddOut = "add rule ip filter FORWARD oifname \"bvip*\" counter accept\n";
constexpr const char* kInsertIn =
    "insert rule ip filter FORWARD position 9 iifname \"bvip*\" counter accept\n";
constexpr const char* kInsertOut =
    "insert rule ip filter FORWARD position 9 oifname \"bvip*\" counter accept\n";

struct Case {
  std::string what;
  ForeignRules found;
  std::string commands;
};

class ForwardChain : public ::testing::TestWithParam<Case> {};

TEST_P(ForwardChain, IsOutvotedBehindTheRulesOfOthersAndOnlyWhereItDropsTheRest) {
  EXPECT_EQ(lettingThrough(kForward, GetParam().found), GetParam().commands);
}

const ForeignRule kOther{3, Kind::kOther, "DOCKER-USER"};
const ForeignRule kIn{7, Kind::kPassIn, ""};
const ForeignRule kOut{8, Kind::kPassOut, ""};
const ForeignRule kWall{9, Kind::kWall, ""};

INSTANTIATE_TEST_SUITE_P(
    Examples, ForwardChain,
    ::testing::Values(
        Case{"NoChain", {}, ""}, Case{"Accepts", {false, {kOther}}, ""},
        Case{"PolicyDrops", {true, {kOther}}, std::string(kAddIn) + kAddOut},
        Case{"OutvotedAlready", {true, {kOther, kIn, kOut}}, ""},
        Case{"HalfOfIt", {true, {kIn}}, kAddOut},
        Case{"LastRuleRejects", {false, {kOther, kWall}}, std::string(kInsertIn) + kInsertOut},
        Case{"InFrontOfItAlready", {true, {kIn, kOut, kWall}}, ""},
        Case{"BehindIt",
             {true, {kIn, kWall, kOut}},
             std::string(kInsertOut) + "delete rule ip filter FORWARD handle 8\n"}),
    [](const auto& example) { return example.param.what; });

TEST(ForwardChains, AreThoseOfBothFamilies) {
  EXPECT_EQ(forwardChains(),
            (std::vector<ForeignChain>{{"ip", "filter", "FORWARD"}, {"ip6", "filter", "FORWARD"}}));
}

TEST(ForwardChains, GiveBackExactlyTheRulesThatWereAdded) {
  EXPECT_EQ(takingBack(kForward, {true, {kOther, kIn, kWall, kOut}}),
            "delete rule ip filter FORWARD handle 7\ndelete rule ip filter FORWARD handle 8\n");
  EXPECT_EQ(takingBack(kForward, {true, {kOther, kWall}}), "");
}

std::string listing(const std::string& policy, const std::string& expressions) {
  return R"({"nftables": [{"metainfo": {"version": "1.0.6"}}, {"chain": {"family": "ip", "table":
      "filter", "name": "FORWARD", "policy": ")" +
         policy + R"("}}, {"rule": {"family": "ip", "handle": 12, "expr": [)" + expressions +
         "]}}]}";
}

struct Rule {
  std::string what;
  std::string expressions;
  Kind kind;
};

class RuleInJson : public ::testing::TestWithParam<Rule> {};

TEST_P(RuleInJson, IsKnownForWhatItDoes) {
  const ForeignRules found = parseForeignRules(listing("drop", GetParam().expressions));
  EXPECT_TRUE(found.policyDrops);
  ASSERT_EQ(found.rules.size(), 1U);
  EXPECT_EQ(found.rules.front().handle, 12U);
  EXPECT_EQ(found.rules.front().kind, GetParam().kind);
}

constexpr const char* kCounter = R"({"counter": {"packets": 5, "bytes": 9}}, )";
constexpr const char* kComment = R"({"xt": {"type": "match", "name": "comment"}}, )";
constexpr const char* kFromUs =
    R"({"match": {"op": "==", "left": {"meta": {"key": "iifname"}}, "right": "bvip*"}}, )";

INSTANTIATE_TEST_SUITE_P(
    Examples, RuleInJson,
    ::testing::Values(
        Rule{"Drop", R"({"drop": null})", Kind::kWall},
        Rule{"CountedDropWithComment", std::string(kComment) + kCounter + R"({"drop": null})",
             Kind::kWall},
        Rule{"Reject", R"({"reject": {"type": "icmp", "expr": "host-prohibited"}})", Kind::kWall},
        Rule{"RejectOfIptables",
             std::string(kCounter) + R"({"xt": {"type": "target", "name": "REJECT"}})",
             Kind::kWall},
        Rule{"DropOfSome",
             std::string(R"({"xt": {"type": "match", "name": "conntrack"}}, )") + kCounter +
                 R"({"drop": null})",
             Kind::kOther},
        Rule{"OursIn", std::string(kFromUs) + kCounter + R"({"accept": null})", Kind::kPassIn},
        Rule{
            "OursOut",
            std::string(
                R"({"match": {"op": "==", "left": {"meta": {"key": "oifname"}}, "right": "bvip*"}}, )") +
                kCounter + R"({"accept": null})",
            Kind::kPassOut},
        Rule{
            "OfOneDevice",
            std::string(
                R"({"match": {"op": "==", "left": {"meta": {"key": "iifname"}}, "right": "bvip-x"}}, )") +
                kCounter + R"({"accept": null})",
            Kind::kOther},
        Rule{"OursButDropped", std::string(kFromUs) + kCounter + R"({"drop": null})", Kind::kOther},
        Rule{"Log", std::string(kCounter) + R"({"xt": {"type": "target", "name": "LOG"}})",
             Kind::kOther}),
    [](const auto& rule) { return rule.param.what; });

TEST(RulesInJson, TellWhereTheyJump) {
  const auto found = parseForeignRules(
      listing("accept", std::string(kCounter) + R"({"jump": {"target": "BAREVIP-FORWARD"}})"));
  EXPECT_FALSE(found.policyDrops);
  EXPECT_EQ(found.rules.at(0).jump, "BAREVIP-FORWARD");
}

TEST(RulesInJson, AreNoneInAnyOtherBytes) {
  for (const char* text : {"", "{", "[]", "{}", "\xff", R"({"nftables": 1})",
                           R"({"nftables": [1, null, {"chain": 1}]})",
                           R"({"nftables": [{"chain": {"policy": 1}}]})"}) {
    const auto found = parseForeignRules(text);
    EXPECT_FALSE(found.policyDrops) << text;
    EXPECT_TRUE(found.rules.empty()) << text;
  }
  for (const char* rule : {"1", "{}", R"({"expr": 1})", R"({"expr": [{"jump": 1}]})",
                           R"({"handle": "x", "expr": [{"jump": {"target": 1}}]})"}) {
    const auto found = parseForeignRules(std::string(R"({"nftables": [{"rule": )") + rule + "}]}");
    ASSERT_EQ(found.rules.size(), 1U) << rule;
    EXPECT_EQ(found.rules.front().kind, Kind::kOther) << rule;
    EXPECT_EQ(found.rules.front().jump, "") << rule;
  }
}

constexpr const char* kChains =
    "table ip mangle {\n\tchain PREROUTING {\n\t}\n\tchain BAREVIP-PREROUTING {\n\t}\n"
    "\tchain BAREVIP-MINE {\n\t}\n}\ntable ip6 filter {\n\tchain BAREVIP-FORWARD {\n\t}\n}\n"
    "table inet mine {\n\tchain BAREVIP-OUTPUT {\n\t}\n}\n";

TEST(FormerChains, AreFoundByTableAndNameAlone) {
  EXPECT_EQ(formerChains(kChains), (std::vector<ForeignChain>{{"ip", "mangle", "PREROUTING"},
                                                              {"ip6", "filter", "FORWARD"}}));
  EXPECT_TRUE(formerChains("").empty());
}

TEST(FormerChains, NeedOnlyTheLinesThatMatter) {
  EXPECT_TRUE(mattersToFormerChains("table ip nat {"));
  EXPECT_TRUE(mattersToFormerChains("\tchain BAREVIP-INPUT {"));
  EXPECT_FALSE(mattersToFormerChains("\tchain KUBE-SVC-ABC {"));
  EXPECT_FALSE(mattersToFormerChains("\t\ttype filter hook input priority 0; policy accept;"));
}

TEST(FormerChains, GoWithEachJumpToThem) {
  const ForeignChain chain{"ip", "mangle", "PREROUTING"};
  const std::string itself =
      "flush chain ip mangle BAREVIP-PREROUTING\ndelete chain ip mangle BAREVIP-PREROUTING\n";
  EXPECT_EQ(removingFormer(chain, {false,
                                   {{5, Kind::kOther, "BAREVIP-PREROUTING"},
                                    {6, Kind::kOther, "BAREVIP-PREROUTING-MINE"},
                                    {7, Kind::kOther, "BAREVIP-PREROUTING"}}}),
            "delete rule ip mangle PREROUTING handle 5\n"
            "delete rule ip mangle PREROUTING handle 7\n" +
                itself);
  EXPECT_EQ(removingFormer(chain, {}), itself);
}

}  // namespace
}  // namespace barevip::host
