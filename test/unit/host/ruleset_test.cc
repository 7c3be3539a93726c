// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/filter/ruleset.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "barevip/net/data_path.h"

namespace barevip::host {
namespace {

using ipvs::Protocol;

constexpr const char* kFresh = "add table inet barevip\ndelete table inet barevip\n";

IpAddress address(const std::string& text) { return *IpAddress::parse(text); }

const ipvs::VirtualServerKey kWeb{address("192.0.2.200"), 80, Protocol::kTcp};
const ipvs::VirtualServerKey kDns{address("2001:db8::200"), 53, Protocol::kUdp};
const ipvs::VirtualServerKey kSctp{address("192.0.2.201"), 9, Protocol::kSctp};

net::FilterState someState() {
  net::FilterState state;
  state.vips = {kWeb.vip, kSctp.vip, kDns.vip};
  state.virtualServers = {kWeb, kSctp, kDns};
  state.keepClient = {kWeb};
  state.sourceRanges = {{kWeb, {*IpPrefix::parse("10.0.0.0/8"), *IpPrefix::parse("192.0.2.7")}},
                        {kDns, {}}};
  return state;
}

Ruleset ruleset(FilterRole role, const net::FilterState& state = someState(),
                const std::vector<std::string>& bindInterfaces = {"eth0"}) {
  const auto made = rulesetOf(role, bindInterfaces, state);
  EXPECT_TRUE(made) << made.error().message;
  return made.value_or(Ruleset{});
}

TEST(Ruleset, OfTheDirectorMasqueradesAllButPolicyLocalAndGuardsWhatComesFromOutside) {
  EXPECT_EQ(replacing(ruleset(FilterRole::kDirector)).text, std::string(kFresh) +
                                                                R"(table inet barevip {
	set allow4 {
		type ipv4_addr . inet_proto . inet_service . ipv4_addr
		flags interval
		elements = { 192.0.2.200 . 6 . 80 . 10.0.0.0/8,
192.0.2.200 . 6 . 80 . 192.0.2.7 }
	}
	set allow6 {
		type ipv6_addr . inet_proto . inet_service . ipv6_addr
		flags interval
	}
	set guard4 {
		type ipv4_addr . inet_proto . inet_service
		elements = { 192.0.2.200 . 6 . 80 }
	}
	set guard6 {
		type ipv6_addr . inet_proto . inet_service
		elements = { 2001:db8::200 . 17 . 53 }
	}
	set keep4 {
		type ipv4_addr . inet_proto . inet_service
		elements = { 192.0.2.200 . 6 . 80 }
	}
	set keep6 {
		type ipv6_addr . inet_proto . inet_service
	}
	chain input {
		type filter hook input priority -175; policy accept;
		iifname "outside" ip daddr . meta l4proto . th dport @guard4 ip daddr . meta l4proto . th dport . ip saddr != @allow4 drop
		iifname "outside" ip6 daddr . meta l4proto . th dport @guard6 ip6 daddr . meta l4proto . th dport . ip6 saddr != @allow6 drop
	}
	chain postrouting {
		type nat hook postrouting priority 99; policy accept;
		meta mark 0x00000001 masquerade fully-random
	}
	chain prerouting {
		type filter hook prerouting priority -175; policy accept;
		iifname "inside" meta mark set 0x00000001
		iifname "outside" meta mark set 0x00000001
		iifname "outside" ip daddr . meta l4proto . th dport @keep4 meta mark set 0x00000000
		iifname "outside" ip6 daddr . meta l4proto . th dport @keep6 meta mark set 0x00000000
	}
	chain replies {
		type filter hook postrouting priority -150; policy accept;
		meta l4proto { 6, 17, 132 } ct direction reply ip saddr set ct original ip daddr
		meta l4proto { 6, 17, 132 } ct direction reply ip6 saddr set ct original ip6 daddr
		ct direction reply tcp sport set ct original proto-dst
		ct direction reply udp checksum != 0 udp sport set ct original proto-dst
	}
}
)");
}

TEST(Ruleset, OfTheNodeSendsRepliesBackAndGuardsWhatComesFromInside) {
  EXPECT_EQ(replacing(ruleset(FilterRole::kNode, {})).text, std::string(kFresh) +
                                                                R"(table inet barevip {
	set allow4 {
		type ipv4_addr . inet_proto . inet_service . ipv4_addr
		flags interval
	}
	set allow6 {
		type ipv6_addr . inet_proto . inet_service . ipv6_addr
		flags interval
	}
	set guard4 {
		type ipv4_addr . inet_proto . inet_service
	}
	set guard6 {
		type ipv6_addr . inet_proto . inet_service
	}
	set vips4 {
		type ipv4_addr
	}
	set vips6 {
		type ipv6_addr
	}
	chain forward {
		type filter hook forward priority -175; policy accept;
		oifname "bvip-in" ip daddr . meta l4proto . th dport @guard4 ip daddr . meta l4proto . th dport . ip saddr != @allow4 drop
		oifname "bvip-in" ip6 daddr . meta l4proto . th dport @guard6 ip6 daddr . meta l4proto . th dport . ip6 saddr != @allow6 drop
	}
	chain output {
		type route hook output priority -175; policy accept;
		ct mark & 0x00001f00 == 0x00001000 meta mark set meta mark & 0xfffff0ff | 0x00001000
	}
	chain own_vips {
		type nat hook output priority -110; policy accept;
		ip daddr @vips4 dnat ip to ip daddr
		ip6 daddr @vips6 dnat ip6 to ip6 daddr
	}
	chain postrouting {
		type nat hook postrouting priority 99; policy accept;
		ip saddr 169.254.77.2 oifname != "bvip*" masquerade fully-random
		ip6 saddr fd77:6276:6970::2 oifname != "bvip*" masquerade fully-random
	}
	chain prerouting {
		type filter hook prerouting priority -175; policy accept;
		iifname "bvip-out" ct state new ct mark set ct mark & 0xfffff0ff | 0x00001000
		iifname != "bvip-out" ct mark & 0x00001f00 == 0x00001000 meta mark set meta mark & 0xfffff0ff | 0x00001000
	}
	chain vips {
		type nat hook prerouting priority -110; policy accept;
		ip daddr @vips4 dnat ip to ip daddr
		ip6 daddr @vips6 dnat ip6 to ip6 daddr
	}
}
)");
}

TEST(Ruleset, OfPlacementHostRefusesPortsWithoutAServiceAndMasqueradesTheRest) {
  const Ruleset host = ruleset(FilterRole::kHost);
  EXPECT_EQ(host.sets.at("vips4").elements, (std::set<std::string>{"192.0.2.200", "192.0.2.201"}));
  EXPECT_EQ(host.sets.at("services6").elements, std::set<std::string>{"2001:db8::200 . 17 . 53"});
  std::string rules;
  for (const std::string& rule : host.chains.at("input").rules) rules += rule + "\n";
  EXPECT_EQ(
      rules,
      R"(iifname != "lo" ip daddr . meta l4proto . th dport @guard4 ip daddr . meta l4proto . th dport . ip saddr != @allow4 drop
iifname != "lo" ip6 daddr . meta l4proto . th dport @guard6 ip6 daddr . meta l4proto . th dport . ip6 saddr != @allow6 drop
meta l4proto 1 return
meta l4proto 58 return
ct state established,related return
ip daddr @vips4 ip daddr . meta l4proto . tcp dport != @services4 reject with tcp reset
ip daddr @vips4 ip daddr . meta l4proto . th dport != @services4 reject with icmp port-unreachable
ip6 daddr @vips6 ip6 daddr . meta l4proto . tcp dport != @services6 reject with tcp reset
ip6 daddr @vips6 ip6 daddr . meta l4proto . th dport != @services6 reject with icmpv6 port-unreachable
)");
  EXPECT_EQ(host.chains.at("prerouting").rules.at(1),
            "iifname \"eth0\" ip daddr . meta l4proto . th dport @services4 ip daddr . meta "
            "l4proto . th dport != @keep4 meta mark set meta mark & 0xfffff0ff | 0x00001000");
}

TEST(Ruleset, OfTheNodeOnSeveralInterfacesLeadsRepliesOutWhereTheirConnectionCameIn) {
  const Ruleset several = ruleset(FilterRole::kNode, {}, {"eth0", "eth1"});
  Ruleset one = ruleset(FilterRole::kNode, {}, {"eth0"});
  auto& forward = one.chains.at("forward").rules;
  forward.insert(
      forward.begin(),
      {R"(iifname "eth0" oifname "bvip-out" ct state new ct mark set ct mark & 0xfffff1ff | 0x00001100)",
       R"(iifname "eth1" oifname "bvip-out" ct state new ct mark set ct mark & 0xfffff2ff | 0x00001200)"});
  auto& prerouting = one.chains.at("prerouting").rules;
  prerouting.insert(
      prerouting.end(),
      {R"(iifname "bvip-out" ct mark & 0x00001f00 == 0x00001100 meta mark set meta mark & 0xfffff1ff | 0x00001100)",
       R"(iifname "bvip-out" ct mark & 0x00001f00 == 0x00001200 meta mark set meta mark & 0xfffff2ff | 0x00001200)"});
  EXPECT_EQ(several, one);
}

TEST(Ruleset, OfPlacementHostOnSeveralInterfacesLeadsRepliesOutWhereTheirConnectionCameIn) {
  const Ruleset host = ruleset(FilterRole::kHost, {}, {"eth0", "eth1"});
  std::string rules;
  for (const std::string& rule : host.chains.at("prerouting").rules) rules += rule + "\n";
  EXPECT_EQ(
      rules,
      R"(ct direction reply ct mark & 0x00001f00 == 0x00001100 meta mark set meta mark & 0xfffff1ff | 0x00001100
ct direction reply ct mark & 0x00001f00 == 0x00001200 meta mark set meta mark & 0xfffff2ff | 0x00001200
iifname "eth0" ip daddr . meta l4proto . th dport @services4 ct state new ct mark set ct mark & 0xfffff1ff | 0x00001100
iifname "eth1" ip daddr . meta l4proto . th dport @services4 ct state new ct mark set ct mark & 0xfffff2ff | 0x00001200
iifname != "eth0" iifname != "eth1" ip daddr . meta l4proto . th dport @services4 meta mark set meta mark & 0xfffff0ff | 0x00001000
iifname "eth0" ip daddr . meta l4proto . th dport @services4 ip daddr . meta l4proto . th dport != @keep4 meta mark set meta mark & 0xfffff0ff | 0x00001000
iifname "eth1" ip daddr . meta l4proto . th dport @services4 ip daddr . meta l4proto . th dport != @keep4 meta mark set meta mark & 0xfffff0ff | 0x00001000
iifname "eth0" ip6 daddr . meta l4proto . th dport @services6 ct state new ct mark set ct mark & 0xfffff1ff | 0x00001100
iifname "eth1" ip6 daddr . meta l4proto . th dport @services6 ct state new ct mark set ct mark & 0xfffff2ff | 0x00001200
iifname != "eth0" iifname != "eth1" ip6 daddr . meta l4proto . th dport @services6 meta mark set meta mark & 0xfffff0ff | 0x00001000
iifname "eth0" ip6 daddr . meta l4proto . th dport @services6 ip6 daddr . meta l4proto . th dport != @keep6 meta mark set meta mark & 0xfffff0ff | 0x00001000
iifname "eth1" ip6 daddr . meta l4proto . th dport @services6 ip6 daddr . meta l4proto . th dport != @keep6 meta mark set meta mark & 0xfffff0ff | 0x00001000
)");
  auto output = ruleset(FilterRole::kHost, {}).chains.at("output").rules;
  output.insert(output.end(), host.chains.at("prerouting").rules.begin(),
                host.chains.at("prerouting").rules.begin() + 2);
  EXPECT_EQ(host.chains.at("output").rules, output) << "of the node's own servers";
}

TEST(Ruleset, OnOneInterfaceMarksNoConnectionByIt) {
  EXPECT_EQ(ruleset(FilterRole::kNode, {}, {"eth0"}), ruleset(FilterRole::kNode, {}, {}));
  for (const auto& [name, chain] : ruleset(FilterRole::kHost, {}, {"eth0"}).chains) {
    for (const std::string& rule : chain.rules) {
      EXPECT_EQ(rule.find("ct mark"), std::string::npos) << name << ": " << rule;
    }
  }
}

TEST(Marks, OfOthersAreNoneOfOurs) {
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

struct Name {
  std::string what;
  std::string device;
  std::string spelled;  ///< empty: refused
};

class DeviceName : public ::testing::TestWithParam<Name> {};

TEST_P(DeviceName, IsMatchedExactlyOrRefused) {
  const auto made = rulesetOf(FilterRole::kHost, {GetParam().device}, {});
  if (GetParam().spelled.empty()) {
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().code, ErrorCode::kInvalid);
    EXPECT_NE(made.error().message.find("ip link set"), std::string::npos);
    return;
  }
  ASSERT_TRUE(made) << made.error().message;
  const std::string& rule = made->chains.at("prerouting").rules.front();
  EXPECT_TRUE(rule.starts_with("iifname != " + GetParam().spelled + " ip daddr")) << rule;
}

TEST(Ruleset, RefusesADevicesNameOnlyWhereARuleSaysIt) {
  EXPECT_TRUE(rulesetOf(FilterRole::kNode, {"e\"drop"}, {}));
  EXPECT_FALSE(rulesetOf(FilterRole::kNode, {"eth0", "e\"drop"}, {}));
  EXPECT_TRUE(rulesetOf(FilterRole::kDirector, {"eth0", "e\"drop"}, {}));
}

INSTANTIATE_TEST_SUITE_P(Names, DeviceName,
                         ::testing::Values(Name{"Plain", "bond0.100", "\"bond0.100\""},
                                           Name{"Asterisk", "eth*", "\"eth\\*\""},
                                           Name{"Dollar", "$eth{}", "\"$eth{}\""},
                                           Name{"Quote", "e\"drop", ""}),
                         [](const auto& name) { return name.param.what; });

struct Ranges {
  std::string what;
  std::vector<std::string> allowed;
  std::set<std::string> elements;  ///< what follows the virtual server
};

class SourceRanges : public ::testing::TestWithParam<Ranges> {};

TEST_P(SourceRanges, BecomeElementsThatDoNotOverlap) {
  net::FilterState state;
  state.sourceRanges = {{kWeb, {}}};
  for (const auto& range : GetParam().allowed) {
    state.sourceRanges.front().allowed.push_back(*IpPrefix::parse(range));
  }
  std::set<std::string> expected;
  for (const auto& element : GetParam().elements) {
    expected.insert("192.0.2.200 . 6 . 80 . " + element);
  }
  const Ruleset made = ruleset(FilterRole::kNode, state);
  EXPECT_EQ(made.sets.at("allow4").elements, expected);
  EXPECT_TRUE(made.sets.at("allow6").elements.empty());
  EXPECT_EQ(made.sets.at("guard4").elements.size(), 1U);
}

INSTANTIATE_TEST_SUITE_P(
    Examples, SourceRanges,
    ::testing::Values(
        Ranges{"None", {}, {}}, Ranges{"All", {"0.0.0.0/0"}, {"0.0.0.0/0"}},
        Ranges{"Nested", {"10.0.0.0/8", "10.1.0.0/16", "10.1.2.3"}, {"10.0.0.0/8"}},
        Ranges{"AllAndOne", {"0.0.0.0/0", "192.0.2.7"}, {"0.0.0.0/0"}},
        Ranges{"Neighbours", {"10.0.0.0/9", "10.128.0.0/9"}, {"10.0.0.0/9", "10.128.0.0/9"}},
        Ranges{"OtherFamily", {"10.0.0.0/8", "2001:db8::/32"}, {"10.0.0.0/8"}}),
    [](const auto& ranges) { return ranges.param.what; });

class RulesetOfEachRole : public ::testing::TestWithParam<FilterRole> {};

TEST_P(RulesetOfEachRole, WhatIsWrittenIsReadBackAsItIs) {
  const Ruleset made = ruleset(GetParam(), someState(), {"eth0", "eth1"});
  const std::string text = replacing(made).text.substr(std::string(kFresh).size());
  EXPECT_EQ(parseRuleset(text), made);
  EXPECT_EQ(changingElements(parseRuleset(text).sets, made.sets).writes, 0U);
  EXPECT_EQ(changingElements(parseRuleset(text).sets, made.sets).text, "");
}

INSTANTIATE_TEST_SUITE_P(Roles, RulesetOfEachRole,
                         ::testing::Values(FilterRole::kDirector, FilterRole::kNode,
                                           FilterRole::kHost));

TEST(Ruleset, OfAListingWithElementsOnManyLinesIsRead) {
  const Ruleset found = parseRuleset(
      "table inet barevip {\n\tset keep4 {\n\t\ttype ipv4_addr . inet_proto . inet_service\n"
      "\t\telements = { 192.0.2.1 . 6 . 80,\n\t\t\t     192.0.2.2 . 17 . 53 }\n\t}\n\n"
      "\tchain output {\n\t\ttype route hook output priority -175; policy accept;\n\t}\n}\n");
  EXPECT_EQ(found.sets.at("keep4").elements,
            (std::set<std::string>{"192.0.2.1 . 6 . 80", "192.0.2.2 . 17 . 53"}));
  EXPECT_EQ(found.chains.at("output").hook, "type route hook output priority -175; policy accept;");
  EXPECT_TRUE(found.others.empty());
}

struct Harm {
  std::string what;
  void (*by)(Ruleset&);
};

class FrameHarm : public ::testing::TestWithParam<Harm> {};

TEST_P(FrameHarm, IsSeen) {
  const Ruleset made = ruleset(FilterRole::kDirector);
  Ruleset found = made;
  GetParam().by(found);
  EXPECT_FALSE(sameFrame(found, made));
  EXPECT_FALSE(sameFrame(made, found));
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, FrameHarm,
    ::testing::Values(
        Harm{"RuleGone", [](Ruleset& r) { r.chains.at("input").rules.pop_back(); }},
        Harm{"RuleAdded", [](Ruleset& r) { r.chains.at("input").rules.emplace_back("accept"); }},
        Harm{"RulesSwapped",
             [](Ruleset& r) {
               auto& rules = r.chains.at("prerouting").rules;
               std::swap(rules.front(), rules.back());
             }},
        Harm{"ChainGone", [](Ruleset& r) { r.chains.erase("postrouting"); }},
        Harm{"ChainAdded", [](Ruleset& r) { r.chains["mine"] = {}; }},
        Harm{"PolicyChanged",
             [](Ruleset& r) {
               r.chains.at("input").hook = "type filter hook input priority -175; policy drop;";
             }},
        Harm{"SetGone", [](Ruleset& r) { r.sets.erase("keep6"); }},
        Harm{"SetOfAnotherType", [](Ruleset& r) { r.sets.at("keep4").type = "ipv4_addr"; }},
        Harm{"Dormant", [](Ruleset& r) { r.others.emplace_back("flags dormant"); }}),
    [](const auto& harm) { return harm.param.what; });

struct Change {
  std::string what;
  void (*by)(net::FilterState&);
  std::string commands;
  std::size_t writes;
};

class ChangedState : public ::testing::TestWithParam<Change> {};

TEST_P(ChangedState, WritesTheElementsThatDifferAloneAndDeletesBeforeItAdds) {
  net::FilterState after = someState();
  GetParam().by(after);
  const NftCommands commands = changingElements(FilterRole::kNode, someState(), after);
  EXPECT_EQ(commands.text, GetParam().commands);
  EXPECT_EQ(commands.writes, GetParam().writes);
  // The same as a comparison of all that is read back.
  const NftCommands whole =
      changingElements(ruleset(FilterRole::kNode).sets, ruleset(FilterRole::kNode, after).sets);
  EXPECT_EQ(commands.text, whole.text);
}

INSTANTIATE_TEST_SUITE_P(
    Examples, ChangedState,
    ::testing::Values(
        Change{"Nothing", [](net::FilterState& /*state*/) {}, "", 0},
        Change{"WhatTheRoleDoesNotHave", [](net::FilterState& state) { state.keepClient.clear(); },
               "", 0},
        Change{"AVipGoes", [](net::FilterState& state) { state.vips.pop_back(); },
               "delete element inet barevip vips6 { 2001:db8::200 }\n", 1},
        Change{"WiderRanges",
               [](net::FilterState& state) {
                 state.sourceRanges.front().allowed = {*IpPrefix::parse("0.0.0.0/0")};
               },
               "delete element inet barevip allow4 { 192.0.2.200 . 6 . 80 . 10.0.0.0/8,\n"
               "192.0.2.200 . 6 . 80 . 192.0.2.7 }\n"
               "add element inet barevip allow4 { 192.0.2.200 . 6 . 80 . 0.0.0.0/0 }\n",
               3},
        Change{"OneRangeMore",
               [](net::FilterState& state) {
                 state.sourceRanges.front().allowed.push_back(*IpPrefix::parse("198.51.100.0/24"));
               },
               "add element inet barevip allow4 { 192.0.2.200 . 6 . 80 . 198.51.100.0/24 }\n", 1},
        Change{"NoRangesAnyMore", [](net::FilterState& state) { state.sourceRanges.pop_back(); },
               "delete element inet barevip guard6 { 2001:db8::200 . 17 . 53 }\n", 1}),
    [](const auto& change) { return change.param.what; });

std::string hexOf(const std::vector<std::byte>& bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const std::byte byte : bytes) {
    text += kDigits[std::to_integer<unsigned>(byte) >> 4U];
    text += kDigits[std::to_integer<unsigned>(byte) & 0xfU];
  }
  return text;
}

TEST(ElementChanges, HaveKeysAsTheKernelComparesThem) {
  net::FilterState after = someState();
  after.vips.erase(after.vips.begin());
  after.sourceRanges.back().allowed = {*IpPrefix::parse("2001:db8:1::/48")};
  after.sourceRanges.front().allowed.pop_back();
  const auto changes = elementChanges(FilterRole::kNode, someState(), after);
  ASSERT_EQ(changes.size(), 3U);
  EXPECT_FALSE(changes[0].add);
  EXPECT_EQ(changes[0].set, "allow4");
  EXPECT_EQ(hexOf(changes[0].key),
            "c00002c8"
            "06000000"
            "00500000"
            "c0000207");
  EXPECT_EQ(changes[0].keyEnd, changes[0].key);
  EXPECT_FALSE(changes[1].add);
  EXPECT_EQ(changes[1].set, "vips4");
  EXPECT_EQ(hexOf(changes[1].key), "c00002c8");
  EXPECT_TRUE(changes[1].keyEnd.empty());
  EXPECT_TRUE(changes[2].add);
  EXPECT_EQ(changes[2].set, "allow6");
  const std::string server =
      "20010db8000000000000000000000200"
      "11000000"
      "00350000";
  EXPECT_EQ(hexOf(changes[2].key), server + "20010db8000100000000000000000000");
  EXPECT_EQ(hexOf(changes[2].keyEnd), server + "20010db80001ffffffffffffffffffff");
}

TEST(States, LackAllOfThemselves) {
  EXPECT_EQ(without(someState(), someState()), net::FilterState{});
  EXPECT_EQ(without(someState(), {}), someState());
}

TEST(Ruleset, AnyBytesAreReadWithoutACrash) {
  for (const std::string text :
       {"", "}", "}}}\n}", "set x {", "chain {\n", "table\n\0x", "set a {\nelements = {",
        "set a {\nelements = { , ,}\n}", "chain \" {\n}\n", "elements = { a }"}) {
    (void)parseRuleset(text);
  }
  EXPECT_EQ(parseRuleset("set a {\nelements = { b, , c }\n}").sets.at("a").elements.size(), 2U);
}

}  // namespace
}  // namespace barevip::host
