// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/filter/packet_filter_iptables.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "fake_packet_tools.h"

namespace barevip::host {
namespace {

using ipvs::Protocol;

const ipvs::VirtualServerKey kWeb{*IpAddress::parse("192.0.2.200"), 80, Protocol::kTcp};
const ipvs::VirtualServerKey kDns{*IpAddress::parse("2001:db8::200"), 53, Protocol::kUdp};

class PacketFilterTest : public ::testing::Test {
 protected:
  PacketFilterTest() {
    // What others have on a node.
    tools.rules["iptables-legacy"]["nat"]["POSTROUTING"] = {"-j KUBE-POSTROUTING"};
    tools.rules["iptables-legacy"]["nat"]["KUBE-POSTROUTING"] = {"-j RETURN"};
    tools.sets["KUBE-NODE-PORT"] = {"bitmap:port range 0-65535", {"80"}};
    foreign_ = tools.rules;
    state.vips = {kWeb.vip, kDns.vip};
    state.virtualServers = {kWeb, kDns};
    state.keepClient = {kWeb};
  }

  IptablesPacketFilter filter(FilterRole role, bool ipv6 = true) {
    return {{role, FilterBackend::kLegacy, ipv6, {"eth0"}}, tools};
  }

  std::size_t reconcile(FilterRole role) {
    const auto writes = filter(role).reconcile(state);
    EXPECT_TRUE(writes) << writes.error().message;
    return writes.value_or(9999);
  }

  FakePacketTools tools;
  std::map<std::string, FakePacketTools::Tables> foreign_;
  net::FilterState state;
};

class EachRole : public PacketFilterTest, public ::testing::WithParamInterface<FilterRole> {};

TEST_P(EachRole, ASecondReconcileWritesNothing) {
  EXPECT_GT(reconcile(GetParam()), 0U);
  EXPECT_EQ(reconcile(GetParam()), 0U);
}

TEST_P(EachRole, WhatAnotherHandRemovedComesBack) {
  (void)reconcile(GetParam());
  const auto right = tools.rules;
  auto& mangle = tools.rules["ip6tables-legacy"]["mangle"];
  mangle["PREROUTING"].clear();
  mangle["BAREVIP-PREROUTING"].pop_back();
  EXPECT_GT(reconcile(GetParam()), 0U);
  EXPECT_EQ(tools.rules, right);
  EXPECT_EQ(reconcile(GetParam()), 0U);
}

TEST_P(EachRole, ClearLeavesOnlyWhatIsOthers) {
  (void)reconcile(GetParam());
  ASSERT_TRUE(filter(GetParam()).clear());
  EXPECT_EQ(tools.rules, foreign_);
  EXPECT_EQ(tools.sets.size(), 1U);
  EXPECT_TRUE(tools.sets.contains("KUBE-NODE-PORT"));
}

TEST_P(EachRole, WithoutIpv6ItsToolsAreNotUsed) {
  tools.rules.erase("ip6tables-legacy");
  auto only4 = filter(GetParam(), false);
  EXPECT_TRUE(only4.reconcile(state));
  EXPECT_TRUE(only4.clear());
}

INSTANTIATE_TEST_SUITE_P(Roles, EachRole,
                         ::testing::Values(FilterRole::kDirector, FilterRole::kNode,
                                           FilterRole::kHost));

TEST_F(PacketFilterTest, EntriesOfSetsFollowTheState) {
  (void)reconcile(FilterRole::kDirector);
  EXPECT_EQ(tools.sets["barevip-keep4"].second, std::set<std::string>{"192.0.2.200,tcp:80"});
  state.keepClient = {kDns};
  EXPECT_EQ(reconcile(FilterRole::kDirector), 2U);
  EXPECT_TRUE(tools.sets["barevip-keep4"].second.empty());
  EXPECT_EQ(tools.sets["barevip-keep6"].second, std::set<std::string>{"2001:db8::200,udp:53"});
}

TEST_F(PacketFilterTest, AForeignEntryInOneOfOurSetsGoes) {
  (void)reconcile(FilterRole::kDirector);
  tools.sets["barevip-keep4"].second.insert("192.0.2.99,tcp:22");
  EXPECT_EQ(reconcile(FilterRole::kDirector), 1U);
  EXPECT_EQ(tools.sets["barevip-keep4"].second, std::set<std::string>{"192.0.2.200,tcp:80"});
}

TEST_F(PacketFilterTest, AChangeOfPlacementTakesTheOldRulesAndSetsAway) {
  (void)reconcile(FilterRole::kHost);
  EXPECT_GT(reconcile(FilterRole::kNode), 0U);
  EXPECT_FALSE(tools.sets.contains("barevip-vips4"));
  EXPECT_FALSE(tools.rules["iptables-legacy"]["filter"].contains("BAREVIP-INPUT"));
  EXPECT_EQ(reconcile(FilterRole::kNode), 0U);
}

TEST_F(PacketFilterTest, AnUpdateCostsOneProgramAndNoneWhereNothingVaries) {
  FakePacketTools nodeTools;  // another namespace
  IptablesPacketFilter node({FilterRole::kNode, FilterBackend::kLegacy, true, {}}, nodeTools);
  auto director = filter(FilterRole::kDirector);
  ASSERT_TRUE(director.reconcile(state));
  ASSERT_TRUE(node.reconcile(state));
  tools.commands.clear();
  nodeTools.commands.clear();
  state.keepClient = {kDns};
  EXPECT_EQ(director.update(state), std::size_t{2});
  EXPECT_EQ(node.update(state), std::size_t{0});
  EXPECT_EQ(tools.commands, std::vector<std::string>{"ipset restore"});
  EXPECT_TRUE(nodeTools.commands.empty());
  EXPECT_EQ(reconcile(FilterRole::kDirector), 0U) << "it was right";
}

TEST_F(PacketFilterTest, AnUpdateWithoutAnyReconcileBeforeMakesEverything) {
  EXPECT_GT(filter(FilterRole::kDirector).update(state).value_or(0), 0U);
  EXPECT_EQ(reconcile(FilterRole::kDirector), 0U);
}

TEST_F(PacketFilterTest, AnUpdateOfASetThatIsGoneMendsIt) {
  auto director = filter(FilterRole::kDirector);
  ASSERT_TRUE(director.reconcile(state));
  tools.sets.erase("barevip-keep6");
  state.keepClient = {kDns};
  ASSERT_TRUE(director.update(state));
  EXPECT_EQ(tools.sets["barevip-keep6"].second, std::set<std::string>{"2001:db8::200,udp:53"});
}

TEST_F(PacketFilterTest, AFailureIsReportedWithTheProgramsWordsAndTheNextTimeAllIsLookedAt) {
  auto director = filter(FilterRole::kDirector);
  tools.failing = "iptables-legacy-restore";
  const auto failed = director.reconcile(state);
  ASSERT_FALSE(failed);
  EXPECT_NE(failed.error().message.find("it fails"), std::string::npos);
  tools.failing.reset();
  EXPECT_GT(director.update(state).value_or(0), 0U);
  EXPECT_EQ(reconcile(FilterRole::kDirector), 0U);
}

TEST_F(PacketFilterTest, SetsOfADisabledFamilyAreLeftToTheRulesThatNameThem) {
  (void)reconcile(FilterRole::kDirector);
  EXPECT_EQ(filter(FilterRole::kDirector, false).reconcile(state), std::size_t{0});
  EXPECT_TRUE(tools.sets.contains("barevip-keep6"));
}

TEST_F(PacketFilterTest, TheLockOfLegacyIsWaitedFor) {
  (void)reconcile(FilterRole::kNode);
  EXPECT_TRUE(std::any_of(tools.commands.begin(), tools.commands.end(), [](const auto& command) {
    return command == "iptables-legacy-restore --noflush -w 5";
  }));
}

class Backends : public ::testing::Test {
 protected:
  Backends() { tools.rules.clear(); }

  void install(const std::string& backend, const std::vector<std::string>& chains = {}) {
    for (const char* program : {"iptables-", "ip6tables-"}) {
      auto& tables = tools.rules[program + backend] = FakePacketTools::empty();
      for (const std::string& chain : chains) tables["mangle"][chain] = {"-j RETURN"};
    }
  }

  FakePacketTools tools;
};

TEST_F(Backends, TheOneOfKubernetesIsOurs) {
  install("nft", {"KUBE-IPTABLES-HINT"});
  install("legacy", {"OTHER", "ANOTHER"});
  EXPECT_EQ(detectBackend(tools), FilterBackend::kNft);
  install("nft", {"OTHER"});
  install("legacy", {"KUBE-KUBELET-CANARY"});
  EXPECT_EQ(detectBackend(tools), FilterBackend::kLegacy);
}

TEST_F(Backends, WithoutKubernetesWhereMoreRulesAre) {
  install("nft");
  install("legacy", {"OTHER"});
  EXPECT_EQ(detectBackend(tools), FilterBackend::kLegacy);
}

TEST_F(Backends, WhatWasChosenOnceIsKeptWhoeverAddsRules) {
  install("nft", {"OTHER", "ANOTHER"});
  install("legacy", {"BAREVIP-PREROUTING"});
  EXPECT_EQ(detectBackend(tools), FilterBackend::kLegacy);
}

TEST_F(Backends, OnAFreshNodeNft) {
  install("nft");
  install("legacy");
  EXPECT_EQ(detectBackend(tools), FilterBackend::kNft);
}

TEST_F(Backends, WhatTheKernelCannotDoIsNotChosen) {
  install("nft");
  install("legacy");
  tools.rules.erase("ip6tables-nft");
  tools.failing = "iptables-nft-save";
  EXPECT_EQ(detectBackend(tools), FilterBackend::kLegacy);
}

TEST_F(Backends, WithoutProgramsTheSentenceNamesThePackage) {
  const auto backend = detectBackend(tools);
  ASSERT_FALSE(backend);
  EXPECT_EQ(backend.error().code, ErrorCode::kNotFound);
  EXPECT_NE(backend.error().message.find("package iptables"), std::string::npos);
}

TEST_F(Backends, WithoutEitherInTheKernelTheSentenceSaysSo) {
  install("legacy");
  tools.rules.erase("ip6tables-legacy");
  tools.failing = "iptables-legacy-save";
  const auto backend = detectBackend(tools);
  ASSERT_FALSE(backend);
  EXPECT_EQ(backend.error().code, ErrorCode::kUnsupported);
}

}  // namespace
}  // namespace barevip::host
