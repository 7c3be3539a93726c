// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/filter/filter_rules.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "barevip/net/data_path.h"

namespace barevip::host {
namespace {

using ipvs::Protocol;
using Rules = std::vector<std::string>;

IpAddress ip(const char* text) { return *IpAddress::parse(text); }

const ipvs::VirtualServerKey kWeb{ip("192.0.2.200"), 80, Protocol::kTcp};
const ipvs::VirtualServerKey kDns{ip("2001:db8::200"), 53, Protocol::kUdp};

TEST(FilterRules, TheDirectorMasqueradesAllFromInsideAndWhatNeedNotKeepItsClientFromOutside) {
  const RuleSet rules = rulesOf(FilterRole::kDirector, Family::kIpv4, {});
  EXPECT_EQ(rules.at("mangle").at("BAREVIP-PREROUTING"),
            (Chain{{"PREROUTING"},
                   {"-i inside -j MARK --set-xmark 0x1/0x1",
                    "-i outside -m set ! --match-set barevip-keep4 dst,dst -j MARK --set-xmark "
                    "0x1/0x1"}}));
  EXPECT_EQ(rules.at("nat").at("BAREVIP-POSTROUTING").rules,
            (Rules{"-m mark --mark 0x1/0x1 -j MASQUERADE --random-fully"}));
  EXPECT_EQ(rules.at("filter").at("BAREVIP-INPUT").rules,
            (Rules{"-i outside -m set --match-set barevip-guard4 dst,dst -m set ! --match-set "
                   "barevip-allow4 dst,dst,src -j DROP"}));
}

TEST(FilterRules, TheNodeLeadsRepliesBackAndOnlyOutvotesAForwardPolicy) {
  const RuleSet rules = rulesOf(FilterRole::kNode, Family::kIpv6, {});
  EXPECT_EQ(rules.at("nat").at("BAREVIP-POSTROUTING").rules,
            (Rules{"-s fd77:6276:6970::2/128 ! -o bvip+ -j MASQUERADE --random-fully"}));
  EXPECT_EQ(rules.at("mangle").at("BAREVIP-PREROUTING").rules,
            (Rules{"-i bvip-out -m conntrack --ctstate NEW -j CONNMARK --set-xmark "
                   "0x1000/0x1f00",
                   "! -i bvip-out -m connmark --mark 0x1000/0x1f00 -j MARK --set-xmark "
                   "0x1000/0x1f00"}));
  EXPECT_FALSE(rules.at("filter").at("BAREVIP-FORWARD").jump.first);
  EXPECT_EQ(rules.at("mangle").at("BAREVIP-FORWARD"),
            (Chain{{"FORWARD"},
                   {"-o bvip-in -m set --match-set barevip-guard6 dst,dst -m set ! --match-set "
                    "barevip-allow6 dst,dst,src -j DROP"}}));
  EXPECT_TRUE(rules.at("mangle").at("BAREVIP-PREROUTING").jump.first);
}

TEST(FilterRules, PlacementHostClosesVipsForAllThatIsNoService) {
  const RuleSet rules = rulesOf(FilterRole::kHost, Family::kIpv6, {"eth0"});
  const Rules& input = rules.at("filter").at("BAREVIP-INPUT").rules;
  EXPECT_EQ(input[0],
            "! -i lo -m set --match-set barevip-guard6 dst,dst -m set ! --match-set "
            "barevip-allow6 dst,dst,src -j DROP")
      << "whatever interface it comes by";
  EXPECT_EQ(input[1], "-p ipv6-icmp -j RETURN") << "neighbour discovery must pass";
  EXPECT_EQ(input.back(),
            "-m set --match-set barevip-vips6 dst -m set ! --match-set barevip-services6 dst,dst "
            "-j REJECT --reject-with icmp6-port-unreachable");
}

TEST(FilterRules, EveryChainCarriesOurNameAndEverySetIsOneOfTheRole) {
  for (const FilterRole role : {FilterRole::kDirector, FilterRole::kNode, FilterRole::kHost}) {
    for (const Family family : {Family::kIpv4, Family::kIpv6}) {
      const SetTable sets = setsOf(role, {family}, {});
      for (const auto& [table, chains] : rulesOf(role, family, {"eth0"})) {
        for (const auto& [name, chain] : chains) {
          EXPECT_TRUE(name.starts_with(kChainPrefix));
          EXPECT_LE(name.size(), 28U) << "XT_EXTENSION_MAXNAMELEN";
          for (const std::string& rule : chain.rules) {
            for (std::size_t at = rule.find("barevip-"); at != std::string::npos;
                 at = rule.find("barevip-", at + 1)) {
              const std::string set = rule.substr(at, rule.find(' ', at) - at);
              EXPECT_TRUE(sets.contains(set)) << rule;
            }
          }
        }
      }
    }
  }
}

struct Spelling {
  std::string a;
  std::string b;
  bool same;
};

class Spellings : public ::testing::TestWithParam<Spelling> {};

TEST_P(Spellings, OfOneRuleAreTheSame) {
  EXPECT_EQ(sameRule(GetParam().a, GetParam().b), GetParam().same)
      << GetParam().a << " and " << GetParam().b;
}

INSTANTIATE_TEST_SUITE_P(
    Rules, Spellings,
    ::testing::Values(
        Spelling{"-i a -j MARK --set-xmark 0x1/0x1", "-i a -j MARK --set-xmark 1/1", true},
        Spelling{"-j MARK --set-xmark 0x1/0xffffffff", "-j MARK --set-xmark 0x1", true},
        Spelling{"-s 192.0.2.1/32 ! -o bvip+ -j DROP", "! -o bvip+ -s 192.0.2.1 -j DROP", true},
        Spelling{"-s fd00::2/128 -j DROP", "-s fd00:0::2 -j DROP", true},
        Spelling{"-m comment --comment \"a  b\" -j DROP", "-j DROP -m comment --comment \"a  b\"",
                 true},
        Spelling{"! -o bvip+ -j DROP", "-o bvip+ -j DROP", false},
        Spelling{"-s 192.0.2.1 -j DROP", "-s 192.0.2.0/24 -j DROP", false},
        Spelling{"-j MARK --set-xmark 0x1/0x1", "-j MARK --set-xmark 0x1/0x3", false},
        Spelling{"-j DROP", "-j ACCEPT", false},
        Spelling{"-m set ! --match-set x dst", "-m set --match-set x dst", false}));

const RuleSet kNodeRules = rulesOf(FilterRole::kNode, Family::kIpv4, {});

/// iptables-save's output for these rules and jumps, among rules of others.
std::string saved(const RuleSet& rules, int jumps = 1) {
  std::string text = "# Generated by iptables-save\n";
  for (const auto& [table, chains] : rules) {
    text += "*" + table + "\n:INPUT ACCEPT [12:34]\n:KUBE-SERVICES - [0:0]\n";
    for (const auto& [name, chain] : chains) text += ":" + name + " - [0:0]\n";
    text += "-A INPUT -j KUBE-SERVICES\n";
    for (const auto& [name, chain] : chains) {
      for (int i = 0; i < jumps; ++i) text += "-A " + chain.jump.from + " -j " + name + "\n";
      for (const auto& rule : chain.rules) text += "-A " + name + " " + rule + "\n";
    }
    text += "COMMIT\n";
  }
  return text;
}

TEST(RestoreText, ARightStateNeedsNothing) {
  EXPECT_EQ(restoreText(kNodeRules, parseRules(saved(kNodeRules))), "");
}

TEST(RestoreText, ChainsAreFilledBeforeTheirJumpInTheSameTransaction) {
  const std::string text =
      restoreText({{"filter", {{"BAREVIP-X", {{"FORWARD", false}, {"-i a -j ACCEPT"}}}}}}, {});
  EXPECT_EQ(text,
            "*filter\n:BAREVIP-X - [0:0]\n-A BAREVIP-X -i a -j ACCEPT\n-A FORWARD -j BAREVIP-X\n"
            "COMMIT\n");
}

TEST(RestoreText, OnlyTheChainThatDiffersIsWritten) {
  RuleSet there = kNodeRules;
  there["mangle"]["BAREVIP-PREROUTING"].rules.pop_back();
  const std::string text = restoreText(kNodeRules, parseRules(saved(there)));
  EXPECT_TRUE(text.starts_with("*mangle\n:BAREVIP-PREROUTING - [0:0]\n")) << text;
  EXPECT_EQ(text.find("*nat"), std::string::npos);
  EXPECT_EQ(text.find("-I "), std::string::npos) << "the jump is there";
}

TEST(RestoreText, AMissingJumpIsInsertedAndOneTooManyRemoved) {
  const std::string missing = restoreText(kNodeRules, parseRules(saved(kNodeRules, 0)));
  EXPECT_NE(missing.find("-I PREROUTING -j BAREVIP-PREROUTING\n"), std::string::npos);
  EXPECT_NE(missing.find("-A FORWARD -j BAREVIP-FORWARD\n"), std::string::npos);
  const std::string doubled = restoreText(kNodeRules, parseRules(saved(kNodeRules, 2)));
  EXPECT_NE(doubled.find("-D PREROUTING -j BAREVIP-PREROUTING\n"), std::string::npos);
}

TEST(RestoreText, ChainsOfAnotherPlacementGo) {
  const std::string text = restoreText({}, parseRules(saved(kNodeRules)));
  EXPECT_NE(text.find("-D FORWARD -j BAREVIP-FORWARD\n-X BAREVIP-FORWARD\n"), std::string::npos)
      << text;
  EXPECT_EQ(text.find("KUBE"), std::string::npos);
}

RC_GTEST_PROP(ParseRules, AnyTextIsReadWithoutHarm, (const std::string& text)) {
  const FoundRules found = parseRules("*nat\n:BAREVIP-" + text + "\n-A BAREVIP-" + text);
  (void)restoreText({}, found);
  (void)sameRule(text, "-j DROP " + text);
  (void)parseSets("add barevip-" + text);
}

TEST(Sets, HoldKeysByFamilyAndNoPrefixOfLengthZero) {
  net::FilterState state;
  state.keepClient = {kWeb, kDns};
  state.sourceRanges = {{kWeb, {*IpPrefix::parse("0.0.0.0/0"), *IpPrefix::parse("192.0.2.7")}},
                        {kDns, {*IpPrefix::parse("::/0")}}};
  const SetTable sets = setsOf(FilterRole::kDirector, {Family::kIpv4, Family::kIpv6}, state);
  using Entries = std::set<std::string>;
  EXPECT_EQ(sets.at("barevip-keep4").entries, Entries{"192.0.2.200,tcp:80"});
  EXPECT_EQ(sets.at("barevip-keep6").entries, Entries{"2001:db8::200,udp:53"});
  EXPECT_EQ(sets.at("barevip-allow4").entries,
            (Entries{"192.0.2.200,tcp:80,0.0.0.0/1", "192.0.2.200,tcp:80,128.0.0.0/1",
                     "192.0.2.200,tcp:80,192.0.2.7"}));
  EXPECT_EQ(sets.at("barevip-allow6").entries,
            (Entries{"2001:db8::200,udp:53,::/1", "2001:db8::200,udp:53,8000::/1"}));
  EXPECT_EQ(sets.at("barevip-guard6").entries, Entries{"2001:db8::200,udp:53"});
}

TEST(Sets, TellPortsAndProtocolsOfOneVipApart) {
  const ipvs::VirtualServerKey open = kWeb;
  ipvs::VirtualServerKey guarded = kWeb;
  guarded.protocol = model::Protocol::kUdp;
  net::FilterState state;
  state.vips = {open.vip};
  state.virtualServers = {open, guarded};
  state.keepClient = {guarded};
  state.sourceRanges = {{guarded, {*IpPrefix::parse("10.0.0.0/8")}}};
  for (const FilterRole role : {FilterRole::kDirector, FilterRole::kHost}) {
    const SetTable sets = setsOf(role, {Family::kIpv4}, state);
    using Entries = std::set<std::string>;
    EXPECT_EQ(sets.at("barevip-keep4").entries, Entries{"192.0.2.200,udp:80"});
    EXPECT_EQ(sets.at("barevip-guard4").entries, Entries{"192.0.2.200,udp:80"});
    EXPECT_EQ(sets.at("barevip-allow4").entries, Entries{"192.0.2.200,udp:80,10.0.0.0/8"});
  }
}

TEST(Sets, OfTheNodeBesideTheDirectorAreThoseOfItsGuard) {
  net::FilterState state;
  state.keepClient = {kWeb};
  state.sourceRanges = {{kWeb, {*IpPrefix::parse("10.0.0.0/8")}}};
  const SetTable sets = setsOf(FilterRole::kNode, {Family::kIpv4}, state);
  EXPECT_EQ(sets.size(), 2U);
  EXPECT_EQ(sets.at("barevip-guard4").entries.size(), 1U);
  EXPECT_EQ(sets.at("barevip-allow4").entries.size(), 1U);
}

TEST(FilterRules, MarksOfOthersAreNoneOfOurs) {
  for (const std::uint32_t other :
       {0x80U, 0x2000U, 0x4000U, 0x8000U, 0x40000U, 0xffff0000U,
        // Cilium: identity, encrypted by WireGuard, by IPsec with key 1, in an overlay.
        0x12340f00U, 0x1e00U, 0x11e00U, 0x1400U}) {
    EXPECT_NE(other & net::kMarkMask, net::kReturnMark) << std::hex << other;
    EXPECT_NE(other & net::kMarkMask, net::kMasqueradeMark) << std::hex << other;
  }
  for (const std::uint32_t other : {0x80U, 0x2000U, 0x4000U, 0x8000U, 0xffff0000U}) {
    EXPECT_EQ(net::kMarkMask & other, 0U) << "ours stays ours beside " << std::hex << other;
  }
}

TEST(Sets, WithoutIpv6ItsKeysAreLeftOut) {
  net::FilterState state;
  state.keepClient = {kDns};
  const SetTable sets = setsOf(FilterRole::kDirector, {Family::kIpv4}, state);
  EXPECT_FALSE(sets.contains("barevip-keep6"));
}

const std::string kSaved =
    "create KUBE-CLUSTER-IP hash:ip,port family inet hashsize 1024 maxelem 65536\n"
    "add KUBE-CLUSTER-IP 10.96.0.1,tcp:443\n"
    "create barevip-keep4 hash:ip,port family inet hashsize 1024 maxelem 262144 bucketsize 12 "
    "initval 0x0021af3b\n"
    "add barevip-keep4 192.0.2.200,tcp:80\n"
    "create barevip-allow6 hash:ip,port,net family inet6 hashsize 1024 maxelem 262144\n"
    "add barevip-allow6 2001:db8:0::200,udp:53,2001:db8:1::/48\n";

TEST(Sets, ASaveIsReadWithoutTheSetsOfOthers) {
  const SetTable sets = parseSets(kSaved);
  EXPECT_EQ(sets.size(), 2U);
  EXPECT_EQ(sets.at("barevip-keep4"),
            (SetContent{"hash:ip,port", Family::kIpv4, {"192.0.2.200,tcp:80"}}));
  EXPECT_EQ(
      sets.at("barevip-allow6"),
      (SetContent{"hash:ip,port,net", Family::kIpv6, {"2001:db8::200,udp:53,2001:db8:1::/48"}}));
}

TEST(Sets, ARightStateNeedsNothing) {
  const auto plan = setPlan(parseSets(kSaved), parseSets(kSaved));
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->text, "");
  EXPECT_EQ(plan->writes, 0U);
}

TEST(Sets, OnlyTheDifferenceIsWritten) {
  const SetTable found{{"barevip-keep4", {"hash:ip,port", Family::kIpv4, {"a", "b"}}}};
  const SetTable desired{{"barevip-keep4", {"hash:ip,port", Family::kIpv4, {"b", "c"}}}};
  const auto plan = setPlan(desired, found);
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->text, "add barevip-keep4 c -exist\ndel barevip-keep4 a -exist\n");
  EXPECT_EQ(plan->writes, 2U);
}

TEST(Sets, WhoIsAllowedIsKnownBeforeTheGuardAsksAndUntilItAsksNoMore) {
  net::FilterState guarded;
  guarded.sourceRanges = {{kWeb, {*IpPrefix::parse("192.0.2.0/24")}}};
  const SetTable with = setsOf(FilterRole::kDirector, {Family::kIpv4}, guarded);
  const SetTable without = setsOf(FilterRole::kDirector, {Family::kIpv4}, {});
  const std::string adding = setPlan(with, without)->text;
  EXPECT_LT(adding.find("add barevip-allow4"), adding.find("add barevip-guard4")) << adding;
  const std::string removing = setPlan(without, with)->text;
  EXPECT_LT(removing.find("del barevip-guard4"), removing.find("del barevip-allow4")) << removing;
}

TEST(Sets, ASetOfOurNameWithAnotherTypeIsAConflictWithItsMending) {
  const SetTable found{{"barevip-keep4", {"hash:net", Family::kIpv4, {}}}};
  const auto plan = setPlan(setsOf(FilterRole::kDirector, {Family::kIpv4}, {}), found);
  ASSERT_FALSE(plan);
  EXPECT_EQ(plan.error().code, ErrorCode::kConflict);
  EXPECT_NE(plan.error().message.find("barevip-node cleanup"), std::string::npos);
}

TEST(FilterRules, OnSeveralInterfacesConnectionsRememberWhereTheyCameIn) {
  const RuleSet node = rulesOf(FilterRole::kNode, Family::kIpv4, {"eth0", "eth1"});
  const Rules& forward = node.at("mangle").at("BAREVIP-FORWARD").rules;
  EXPECT_EQ(forward[1],
            "-i eth1 -o bvip-out -m conntrack --ctstate NEW -j CONNMARK --set-xmark "
            "0x1200/0x1f00");
  EXPECT_EQ(node.at("mangle").at("BAREVIP-PREROUTING").rules.back(),
            "-i bvip-out -m connmark --mark 0x1200/0x1f00 -j MARK --set-xmark 0x1200/0x1f00");
  const RuleSet host = rulesOf(FilterRole::kHost, Family::kIpv4, {"eth0", "eth1"});
  EXPECT_EQ(host.at("mangle").at("BAREVIP-PREROUTING").rules[3],
            "-m conntrack --ctdir REPLY -m connmark --mark 0x1200/0x1f00 -j MARK --set-xmark "
            "0x1200/0x1f00");
  EXPECT_EQ(host.at("mangle").at("BAREVIP-OUTPUT").rules.size(), 3U) << "of the node's own servers";
}

TEST(FilterRules, OnOneInterfaceTheyAreWhatTheyWere) {
  for (const Family family : {Family::kIpv4, Family::kIpv6}) {
    EXPECT_EQ(rulesOf(FilterRole::kNode, family, {"eth0"}), rulesOf(FilterRole::kNode, family, {}));
  }
  EXPECT_EQ(rulesOf(FilterRole::kHost, Family::kIpv4, {"eth0"})
                .at("mangle")
                .at("BAREVIP-PREROUTING")
                .rules,
            (Rules{"! -i eth0 -m set --match-set barevip-services4 dst,dst -j MARK --set-xmark "
                   "0x1000/0x1f00",
                   "-i eth0 -m set --match-set barevip-services4 dst,dst -m set ! --match-set "
                   "barevip-keep4 dst,dst -j MARK --set-xmark 0x1000/0x1f00"}));
}

}  // namespace
}  // namespace barevip::host
