// SPDX-License-Identifier: Apache-2.0
// The packet filter of each role on a real kernel, beside rules of others in both kinds of
// iptables.
#include <gtest/gtest.h>

#include <cerrno>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "ipvsnode/filter/ip_tables_kernel.h"
#include "ipvsnode/filter/packet_filter_nft.h"
#include "ipvsnode/host/capabilities.h"
#include "ipvsnode/host/kernel_modules.h"
#include "ipvsnode/host/network_namespace.h"
#include "ipvsnode/netlink/former_sets.h"
#include "ipvsnode/netlink/nft_sets.h"
#include "kernel/lab_network.h"

namespace barevip::kernel_test {
namespace {

using ipvs::Protocol;

struct Role {
  std::string name;
  host::FilterRole role;
  std::vector<std::string> bindInterfaces{"eth0"};
};

class Filter : public ::testing::TestWithParam<Role> {
 protected:
  static void SetUpTestSuite() {
    LabCommandRunner modules;
    for (const auto placement : {net::Placement::kDirector, net::Placement::kHost}) {
      const auto loaded = host::loadModules(host::modulesOf(placement), modules);
      ASSERT_TRUE(loaded) << loaded.error().message;
      EXPECT_EQ(loaded->missing, std::vector<std::string>{});
    }
    // Those of others, and of releases before nftables.
    for (const char* module :
         {"iptable_mangle", "iptable_nat", "iptable_filter", "ip6table_mangle", "ip6table_nat",
          "ip6table_filter", "xt_set", "ip_set_hash_ip", "ip_set_hash_ipport"}) {
      const auto loaded = runSuccessfully(modules, {"modprobe", {module}});
      EXPECT_TRUE(loaded) << loaded.error().message;
    }
  }

  Filter() {
    space_.run(
        "for p in iptables-nft ip6tables-nft iptables-legacy ip6tables-legacy; do"
        " $p -t nat -A POSTROUTING -o others -j MASQUERADE; $p -N OTHERS;"
        " $p -A OTHERS -p tcp --dport 7 -m comment --comment 'of others' -j ACCEPT;"
        " $p -A FORWARD -j OTHERS; $p -t mangle -A OUTPUT -j ACCEPT; done;"
        " nft add table inet others; nft add set inet others keep4 '{ type ipv4_addr; }'");
    state_.vips = {*IpAddress::parse("192.0.2.200"), *IpAddress::parse("2001:db8::200")};
    for (const IpAddress& vip : state_.vips) {
      for (const auto protocol : {Protocol::kTcp, Protocol::kUdp, Protocol::kSctp}) {
        const ipvs::VirtualServerKey key{vip, 80, protocol};
        state_.virtualServers.push_back(key);
        state_.keepClient.push_back(key);
        state_.sourceRanges.push_back(
            {key,
             {vip.isIpv4() ? *IpPrefix::parse("0.0.0.0/0") : *IpPrefix::parse("2001:db8::/48"),
              vip.isIpv4() ? *IpPrefix::parse("192.0.2.7") : *IpPrefix::parse("2001:db9::7")}});
      }
    }
  }

  std::size_t reconcile() {
    const auto writes = filter_.reconcile(state_);
    EXPECT_TRUE(writes) << writes.error().message;
    return writes.value_or(9999);
  }

  std::string table() { return space_.run("nft -s list table inet barevip"); }

  /// All rules and sets, without what the tools add of their own.
  std::string everything() {
    return space_.run(
        "nft -s list ruleset; for p in iptables-legacy-save ip6tables-legacy-save; do"
        " $p | grep -v '^#' | sed 's/ \\[.*//'; done; ipset list -n | sort");
  }

  /// The daemon's thread in the director: with the capabilities that it keeps.
  static std::unique_ptr<host::NamespaceThread> enter() {
    auto thread = host::NamespaceThread::start("/run/netns/filter", host::dropCapabilities);
    EXPECT_TRUE(thread) << thread.error().message;
    return thread ? *std::move(thread) : nullptr;
  }

  /// As the daemon puts them together.
  host::OtherRules others() {
    const auto there = [this](Result<std::size_t> (*call)()) {
      return [this, call] { return thread_->run(call); };
    };
    return {there(host::letThroughIpTables), there(host::takeBackFromIpTables),
            there([]() -> Result<std::size_t> {
              const auto rules = host::removeFormerFromIpTables();
              if (!rules) return rules;
              return netlink::removeFormerSets();
            })};
  }

  Space space_{"filter"};
  std::unique_ptr<host::NamespaceThread> thread_ = enter();
  SystemCommandRunner system_;
  host::NamespaceCommandRunner runner_{*thread_, system_};
  Result<netlink::NftSets> sets_ = thread_->run([] { return netlink::NftSets::open("barevip"); });
  host::NftPacketFilter filter_{{GetParam().role, GetParam().bindInterfaces, others(),
                                 [this](const auto& changes) { return sets_->apply(changes); }},
                                runner_};
  net::FilterState state_;
};

TEST_P(Filter, ASecondReconcileWritesNothing) {
  EXPECT_GT(reconcile(), 0U);
  EXPECT_EQ(reconcile(), 0U) << everything();
  host::NftPacketFilter ofTheNextDaemon({GetParam().role, GetParam().bindInterfaces, others()},
                                        runner_);
  EXPECT_EQ(ofTheNextDaemon.reconcile(state_), 0U);
}

TEST_P(Filter, WhatSomebodyChangedInTheTableIsRepaired) {
  (void)reconcile();
  const std::string right = table();
  for (const char* harm :
       {"nft flush chain inet barevip postrouting",
        "nft insert rule inet barevip prerouting accept", "nft add chain inet barevip mine",
        "nft chain inet barevip prerouting '{ policy drop; }'",
        "nft add table inet barevip '{ flags dormant; }'", "nft flush ruleset",
        "nft delete table inet barevip", "nft flush set inet barevip allow6",
        "nft add element inet barevip guard4 '{ 192.0.2.201 . tcp . 22 }'",
        "nft delete element inet barevip guard6 '{ 2001:db8::200 . sctp . 80 }'"}) {
    space_.run(harm);
    EXPECT_GT(reconcile(), 0U) << harm;
    EXPECT_EQ(table(), right) << harm;
  }
}

constexpr const char* kDropPolicies =
    "for p in iptables-nft ip6tables-nft iptables-legacy ip6tables-legacy; do"
    " $p -P FORWARD DROP; done";

TEST_P(Filter, ClearLeavesExactlyWhatOthersHad) {
  space_.run(kDropPolicies);
  const std::string before = everything();
  (void)reconcile();
  EXPECT_NE(everything(), before);
  const auto cleared = filter_.clear();
  ASSERT_TRUE(cleared) << cleared.error().message;
  EXPECT_EQ(everything(), before);
}

TEST_P(Filter, AnUpdateMakesWhatAReconcileWouldMake) {
  (void)reconcile();
  state_.keepClient.clear();
  state_.vips.pop_back();
  state_.sourceRanges.front().allowed = {*IpPrefix::parse("192.0.0.0/16")};
  state_.sourceRanges.pop_back();
  const auto updated = filter_.update(state_);
  ASSERT_TRUE(updated) << updated.error().message;
  EXPECT_EQ(reconcile(), 0U);
}

TEST_P(Filter, ElementsThatTheKernelRefusesChangeNothing) {
  (void)reconcile();
  const std::string right = everything();
  auto after = state_;
  after.sourceRanges.front().allowed.clear();
  auto changes = host::elementChanges(GetParam().role, state_, after);
  ASSERT_FALSE(changes.empty());
  auto missing = changes.front();
  missing.key.front() = std::byte{9};
  missing.keyEnd.front() = std::byte{9};
  changes.push_back(missing);
  const auto applied = sets_->apply(changes);
  ASSERT_FALSE(applied);
  EXPECT_EQ(applied.error().detail, ENOENT);
  EXPECT_EQ(everything(), right);
}

TEST_P(Filter, AnUpdateRunsNoProgram) {
  (void)reconcile();
  auto after = state_;
  after.vips.pop_back();
  after.keepClient.clear();
  after.sourceRanges.front().allowed = {*IpPrefix::parse("10.0.0.0/8")};
  const auto applied = sets_->apply(host::elementChanges(GetParam().role, state_, after));
  ASSERT_TRUE(applied) << applied.error().message;
  host::NftPacketFilter next({GetParam().role, GetParam().bindInterfaces, {}}, runner_);
  EXPECT_EQ(next.reconcile(after), 0U) << table();
}

TEST_P(Filter, ATransactionThatFailsChangesNothing) {
  (void)reconcile();
  const std::string right = everything();
  host::Ruleset broken = *host::rulesetOf(GetParam().role, GetParam().bindInterfaces, state_);
  broken.chains["last"] = {"type nat hook forward priority 0; policy accept;", {}};
  const auto written = runner_.run({"nft", {"-f", "-"}, host::replacing(broken).text}, {});
  ASSERT_TRUE(written);
  EXPECT_NE(written->status, 0);
  EXPECT_EQ(everything(), right);
}

TEST_P(Filter, AForwardChainThatDropsTheRestLetsTheNodesTrafficPassBehindTheRulesOfOthers) {
  space_.run(std::string(kDropPolicies) +
             "; iptables-nft -A FORWARD -m comment --comment last -j REJECT;"
             " ip6tables-legacy -A FORWARD -j REJECT");
  (void)reconcile();
  const std::string passes = GetParam().role == host::FilterRole::kNode
                                 ? "-A FORWARD -i bvip+ -j ACCEPT\n-A FORWARD -o bvip+ -j ACCEPT\n"
                                 : "";
  const std::string before = "-P FORWARD DROP\n-A FORWARD -j OTHERS\n" + passes;
  EXPECT_EQ(space_.run("iptables-nft -S FORWARD"),
            before +
                "-A FORWARD -m comment --comment last -j REJECT --reject-with "
                "icmp-port-unreachable\n");
  EXPECT_EQ(space_.run("ip6tables-nft -S FORWARD"), before);
  EXPECT_EQ(space_.run("iptables-legacy -S FORWARD"), before);
  EXPECT_EQ(space_.run("ip6tables-legacy -S FORWARD"),
            before + "-A FORWARD -j REJECT --reject-with icmp6-port-unreachable\n");
  // What others append comes behind; that a tool of theirs removed ours is repaired.
  space_.run(
      "for p in iptables-nft iptables-legacy; do $p -D FORWARD -i bvip+ -j ACCEPT || :; done");
  EXPECT_EQ(reconcile(), passes.empty() ? 0U : 2U);
}

/// A command for each built-in chain that releases before nftables used, in every iptables: $p is
/// the program, $1 the table, $2 the chain.
std::string forEachFormer(const std::string& command) {
  return "for p in iptables-nft ip6tables-nft iptables-legacy ip6tables-legacy; do"
         " for c in 'mangle PREROUTING' 'mangle FORWARD' 'mangle OUTPUT' 'nat POSTROUTING'"
         " 'filter INPUT' 'filter FORWARD'; do set -- $c; " +
         command + "; done; done; ";
}

TEST_P(Filter, WhatAFormerReleaseLeftInIptablesAndIpsetGoes) {
  // So that the built-in chains are there before and after.
  space_.run(forEachFormer("$p -t $1 -A $2 -j RETURN; $p -t $1 -D $2 -j RETURN") +
             "ipset create others hash:ip");
  const std::string before = everything();
  space_.run(
      "ipset create barevip-guard4 hash:ip,port; ipset create barevip-keep6 hash:ip,port family "
      "inet6; " +
      forEachFormer("$p -t $1 -N BAREVIP-$2; $p -t $1 -A BAREVIP-$2 -p tcp -j RETURN;"
                    " $p -t $1 -I $2 -j BAREVIP-$2") +
      "for p in iptables-nft iptables-legacy; do $p -t mangle -A BAREVIP-FORWARD -m set"
      " --match-set barevip-guard4 dst,dst -j DROP; done");
  (void)reconcile();
  const auto cleared = filter_.clear();
  ASSERT_TRUE(cleared) << cleared.error().message;
  EXPECT_EQ(everything(), before);
  space_.run("ipset destroy others");
}

INSTANTIATE_TEST_SUITE_P(
    Roles, Filter,
    ::testing::Values(Role{"Director", host::FilterRole::kDirector},
                      Role{"Node", host::FilterRole::kNode}, Role{"Host", host::FilterRole::kHost},
                      Role{"NodeOfTwoNetworks", host::FilterRole::kNode, {"eth0", "eth1"}},
                      Role{"HostOfTwoNetworks", host::FilterRole::kHost, {"eth0", "eth1"}}),
    [](const auto& role) { return role.param.name; });

}  // namespace
}  // namespace barevip::kernel_test
