// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/host/sysctl.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "ipvsnode/host/capabilities.h"

namespace barevip::host {
namespace {

namespace fs = std::filesystem;
using Demand = Sysctl::Demand;

constexpr KernelVersion kNew{6, 1};

class SysctlFolder : public ::testing::Test {
 protected:
  SysctlFolder() {
    std::string pattern = (fs::temp_directory_path() / "sysctl-XXXXXX").string();
    root_ = ::mkdtemp(pattern.data());
  }
  ~SysctlFolder() override { fs::remove_all(root_); }

  void put(const std::string& name, const std::string& value) {
    fs::create_directories((root_ / name).parent_path());
    std::ofstream(root_ / name) << value << "\n";
  }
  void putAll(const std::vector<Sysctl>& table, const std::string& value) {
    for (const Sysctl& entry : table) put(entry.name, value);
  }
  [[nodiscard]] std::string get(const std::string& name) const {
    return tree().read(name).value_or("absent");
  }
  [[nodiscard]] SysctlTree tree() const { return SysctlTree(root_); }

  fs::path root_;
};

using Table = std::vector<Sysctl>;

std::vector<std::string> texts(const std::vector<Deviation>& deviations) {
  std::vector<std::string> result;
  for (const Deviation& one : deviations) result.push_back(one.text);
  return result;
}

TEST_F(SysctlFolder, WhatDiffersIsSetAndReported) {
  put("net/ipv4/ip_forward", "0");
  put("net/ipv4/vs/conntrack", "1");
  const SysctlReport report = tree().apply(
      {{"net/ipv4/ip_forward", "1", "forwarding"}, {"net/ipv4/vs/conntrack", "1", "conntrack"}});
  EXPECT_EQ(report.changed, (std::vector<std::string>{"net/ipv4/ip_forward: 0 -> 1"}));
  EXPECT_TRUE(report.problems.empty());
  EXPECT_EQ(get("net/ipv4/ip_forward"), "1");
}

TEST_F(SysctlFolder, ASecondTimeThereIsNothingToDo) {
  const Table table = directorSysctls(true, kNew);
  putAll(table, "7");
  EXPECT_EQ(tree().apply(table).changed.size(), table.size());
  const SysctlReport again = tree().apply(table);
  EXPECT_TRUE(again.changed.empty());
  EXPECT_TRUE(again.problems.empty());
  EXPECT_TRUE(tree().check(table).empty());
}

TEST_F(SysctlFolder, AnAbsentSettingIsReportedByNameUnlessItIsOnlyAWish) {
  const Table table{{"net/ipv4/vs/conntrack", "1", "needs its connections"},
                    {"net/ipv4/vs/conn_reuse_mode", "1", "wish", Demand::kWish}};
  for (const auto& problems : {tree().apply(table).problems, texts(tree().check(table))}) {
    ASSERT_EQ(problems.size(), 1U);
    EXPECT_NE(problems[0].find("net/ipv4/vs/conntrack"), std::string::npos) << problems[0];
    EXPECT_NE(problems[0].find("needs its connections"), std::string::npos) << problems[0];
  }
}

TEST_F(SysctlFolder, ASettingThatMayNotBeWrittenIsReportedWithTheValueThatItMustHave) {
  put("net/ipv4/ip_forward", "0");
  fs::permissions(root_ / "net/ipv4/ip_forward", fs::perms::owner_read);
  std::vector<std::string> problems;
  std::jthread([&] {
    // Permissions bind root as well once it has no CAP_DAC_OVERRIDE.
    ASSERT_TRUE(dropCapabilities());
    problems = tree().apply({{"net/ipv4/ip_forward", "1", "forwarding"}}).problems;
  }).join();
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_NE(problems[0].find("net/ipv4/ip_forward is 0, but must be 1"), std::string::npos);
  EXPECT_NE(problems[0].find("Permission denied"), std::string::npos);
}

TEST_F(SysctlFolder, CheckOnlyLooks) {
  put("net/ipv4/ip_forward", "0");
  EXPECT_EQ(
      texts(tree().check({{"net/ipv4/ip_forward", "1", "forwarding"}})),
      (std::vector<std::string>{"sysctl net/ipv4/ip_forward is 0, but must be 1 (forwarding)"}));
  EXPECT_EQ(get("net/ipv4/ip_forward"), "0");
}

TEST_F(SysctlFolder, StrictSourceFilteringIsTheAdministratorsAndOnlyReported) {
  const Table table = nodeSysctls({"eth0"}, true);
  putAll(table, "0");
  put("net/ipv4/conf/all/rp_filter", "1");
  const auto problems = tree().apply(table).problems;
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_NE(problems[0].find("net/ipv4/conf/all/rp_filter is 1"), std::string::npos);
  EXPECT_NE(problems[0].find("/etc/sysctl.d"), std::string::npos) << "says how to mend it";
  EXPECT_EQ(get("net/ipv4/conf/all/rp_filter"), "1");
}

TEST_F(SysctlFolder, ADeviceWithDotsInItsNameIsOneDevice) {
  putAll(nodeSysctls({"bond0.100"}, true), "0");
  EXPECT_TRUE(tree().apply(nodeSysctls({"bond0.100"}, true)).problems.empty());
  EXPECT_EQ(get("net/ipv6/conf/bond0.100/proxy_ndp"), "1");
}

/// A setting by which the node cannot serve a family any more.
struct Breaking {
  std::string name;
  std::string value;
  net::Breakage expected;
};

class BreakingSettings : public SysctlFolder, public ::testing::WithParamInterface<Breaking> {};

TEST_P(BreakingSettings, NameTheFamilyAndTheCause) {
  Table table = nodeSysctls({"eth0"}, true);
  for (const auto& more : {directorSysctls(true, kNew), familySysctls({"eth0"})}) {
    table.insert(table.end(), more.begin(), more.end());
  }
  for (const Sysctl& entry : table) {
    put(entry.name, entry.demand == Demand::kRefuse ? "0" : entry.value);
  }
  ASSERT_TRUE(tree().check(table).empty());
  put(GetParam().name, GetParam().value);
  std::set<net::Breakage> broken;
  for (const Deviation& one : tree().check(table)) {
    if (one.breaks) broken.insert(*one.breaks);
  }
  EXPECT_EQ(broken, std::set{GetParam().expected});
}

INSTANTIATE_TEST_SUITE_P(
    All, BreakingSettings,
    ::testing::Values(
        Breaking{"net/ipv4/ip_forward", "0", {Family::kIpv4, "ip_forward"}},
        Breaking{"net/ipv4/conf/eth0/forwarding", "0", {Family::kIpv4, "interface_forwarding"}},
        Breaking{"net/ipv4/conf/bvip-out/rp_filter", "1", {Family::kIpv4, "rp_filter"}},
        Breaking{"net/ipv4/vs/conntrack", "0", {Family::kIpv4, "vs_conntrack"}},
        Breaking{"net/ipv6/conf/eth0/proxy_ndp", "0", {Family::kIpv6, "proxy_ndp"}},
        Breaking{"net/ipv6/conf/eth0/disable_ipv6", "1", {Family::kIpv6, "disable_ipv6"}},
        Breaking{"net/ipv6/conf/eth0/forwarding", "0", {Family::kIpv6, "interface_forwarding"}}));

TEST_F(SysctlFolder, CountersStandStillWhileNothingEstimates) {
  EXPECT_TRUE(estimatesTraffic(tree())) << "a kernel without the setting";
  put("net/ipv4/vs/run_estimation", "0");
  EXPECT_FALSE(estimatesTraffic(tree()));
  put("net/ipv4/vs/run_estimation", "1");
  EXPECT_TRUE(estimatesTraffic(tree()));
}

TEST_F(SysctlFolder, WhatOnlyCostsTimeBreaksNothing) {
  const Table table = nodeSysctls({"eth0"}, true);
  for (const Sysctl& entry : table) {
    put(entry.name, entry.demand == Demand::kRefuse ? "0" : entry.value);
  }
  put("net/ipv4/neigh/eth0/proxy_delay", "80");
  const auto deviations = tree().check(table);
  ASSERT_EQ(deviations.size(), 1U);
  EXPECT_FALSE(deviations[0].breaks);
}

struct Advertisements {
  std::string what;
  std::string forwarding;
  std::string acceptRa;
  std::string expected;
};

class RouterAdvertisements : public SysctlFolder,
                             public ::testing::WithParamInterface<Advertisements> {};

TEST_P(RouterAdvertisements, StayValidWhenForwardingIsSwitchedOn) {
  const Table table = nodeSysctls({"eth0"}, true);
  putAll(table, "0");
  put("net/ipv6/conf/eth0/forwarding", GetParam().forwarding);
  put("net/ipv6/conf/eth0/accept_ra", GetParam().acceptRa);
  (void)tree().apply(advertisementSysctls({"eth0"}));
  (void)tree().apply(table);
  EXPECT_EQ(get("net/ipv6/conf/eth0/accept_ra"), GetParam().expected);
  EXPECT_EQ(get("net/ipv6/conf/eth0/forwarding"), "1");
}

INSTANTIATE_TEST_SUITE_P(Hosts, RouterAdvertisements,
                         ::testing::Values(Advertisements{"AHostThatFollowsThem", "0", "1", "2"},
                                           Advertisements{"AHostThatIgnoresThem", "0", "0", "0"},
                                           Advertisements{"ARouterThatIgnoresThemAlready", "1", "1",
                                                          "1"},
                                           Advertisements{"ARouterThatWantsThem", "1", "2", "2"}),
                         [](const auto& one) { return one.param.what; });

TEST_F(SysctlFolder, Ipv6CountsAsThereUnlessItIsDisabledForAll) {
  EXPECT_FALSE(tree().hasIpv6());
  put("net/ipv6/conf/all/disable_ipv6", "1");
  EXPECT_FALSE(tree().hasIpv6());
  put("net/ipv6/conf/all/disable_ipv6", "0");
  EXPECT_TRUE(tree().hasIpv6());
}

std::map<std::string, std::string> valuesOf(const Table& table) {
  std::map<std::string, std::string> values;
  for (const Sysctl& entry : table) {
    if (entry.demand != Demand::kRefuse) values[entry.name] = entry.value;
  }
  return values;
}

TEST(SysctlTables, TheDirectorForwardsMasqueradesAndFiltersNoSources) {
  const auto values = valuesOf(directorSysctls(true, kNew));
  for (const auto& [name, value] :
       std::map<std::string, std::string>{{"net/ipv4/vs/conntrack", "1"},
                                          {"net/ipv4/vs/expire_nodest_conn", "1"},
                                          {"net/ipv4/vs/expire_quiescent_template", "1"},
                                          {"net/ipv4/vs/conn_reuse_mode", "1"},
                                          {"net/ipv4/ip_forward", "1"},
                                          {"net/ipv6/conf/all/forwarding", "1"},
                                          {"net/ipv4/conf/all/rp_filter", "0"},
                                          {"net/ipv4/conf/outside/rp_filter", "0"},
                                          {"net/ipv4/conf/inside/rp_filter", "0"}}) {
    EXPECT_EQ(values.contains(name) ? values.at(name) : "absent", value) << name;
  }
}

TEST(SysctlTables, TheDirectorDoesNothingForEachVipOnEachPacket) {
  const auto values = valuesOf(directorSysctls(true, kNew));
  EXPECT_EQ(values.at("net/ipv4/vs/run_estimation"), "0");
  EXPECT_EQ(values.at("net/ipv6/conf/outside/use_oif_addrs_only"), "1");
  EXPECT_EQ(values.at("net/ipv6/conf/inside/use_oif_addrs_only"), "1");
  EXPECT_FALSE(valuesOf(directorSysctls(true, {6, 2})).contains("net/ipv4/vs/run_estimation"))
      << "there threads do it, and the counters go on";
  EXPECT_FALSE(
      valuesOf(hostPlacementSysctls({"eth0"}, true, kNew)).contains("net/ipv4/vs/run_estimation"))
      << "it is the other virtual servers', too";
  for (const Sysctl& entry : directorSysctls(true, kNew)) {
    if (entry.name.ends_with("use_oif_addrs_only") || entry.name.ends_with("run_estimation")) {
      EXPECT_EQ(entry.demand, Demand::kWish) << "older kernels lack it";
    }
  }
}

TEST(SysctlTables, TheNodeAnswersForVipsAtOnce) {
  const auto values = valuesOf(nodeSysctls({"eth0"}, true));
  EXPECT_EQ(values.at("net/ipv4/neigh/eth0/proxy_delay"), "0");
  EXPECT_EQ(values.at("net/ipv6/neigh/eth0/proxy_delay"), "0");
  EXPECT_EQ(values.at("net/ipv6/conf/eth0/proxy_ndp"), "1");
  EXPECT_EQ(values.at("net/ipv4/conf/eth0/forwarding"), "1");
  EXPECT_FALSE(values.contains("net/ipv4/vs/conntrack")) << "IPVS of the node is not ours";
}

TEST(SysctlTables, PlacementHostLetsOnlyTheOwnerAnswerArp) {
  const auto values = valuesOf(hostPlacementSysctls({"eth0"}, true, kNew));
  EXPECT_EQ(values.at("net/ipv4/conf/all/arp_ignore"), "1") << "on no interface";
  EXPECT_EQ(values.at("net/ipv4/conf/all/arp_announce"), "2");
  EXPECT_EQ(values.at("net/ipv4/vs/conntrack"), "1");
}

TEST_F(SysctlFolder, PlacementHostLeavesAStricterArpIgnoreAsItIs) {
  const Table table = hostPlacementSysctls({"eth0"}, true, kNew);
  putAll(table, "0");
  put("net/ipv4/conf/all/arp_ignore", "2");
  (void)tree().apply(table);
  EXPECT_EQ(get("net/ipv4/conf/all/arp_ignore"), "2");
  EXPECT_TRUE(tree().check(table).empty());
  put("net/ipv4/conf/all/arp_ignore", "0");
  EXPECT_EQ(tree().check(table).size(), 1U);
  (void)tree().apply(table);
  EXPECT_EQ(get("net/ipv4/conf/all/arp_ignore"), "1");
}

TEST(SysctlTables, WithoutIpv6NoneOfItsSettingsIsAskedFor) {
  for (const Table& table : {directorSysctls(false, kNew), nodeSysctls({"eth0"}, false),
                             hostPlacementSysctls({"eth0"}, false, kNew)}) {
    EXPECT_TRUE(std::none_of(table.begin(), table.end(), [](const Sysctl& entry) {
      return entry.name.starts_with("net/ipv6/");
    }));
  }
}

TEST(SysctlTables, EverySettingSaysWhy) {
  for (const Table& table :
       {directorSysctls(true, kNew), nodeSysctls({"eth0"}, true),
        hostPlacementSysctls({"eth0"}, true, kNew), advertisementSysctls({"eth0"})}) {
    for (const Sysctl& entry : table) EXPECT_FALSE(entry.why.empty()) << entry.name;
  }
}

TEST(KernelVersion, IsReadFromAReleaseAndDecidesAboutReuse) {
  EXPECT_EQ(KernelVersion::parse("6.1.0-18-amd64"), (KernelVersion{6, 1}));
  EXPECT_EQ(KernelVersion::parse("5.10"), (KernelVersion{5, 10}));
  for (const char* text : {"", "6", "6.", "x.y", ".1"}) {
    EXPECT_EQ(KernelVersion::parse(text), KernelVersion{}) << text;
  }
  EXPECT_EQ(valuesOf(directorSysctls(true, {5, 8})).at("net/ipv4/vs/conn_reuse_mode"), "0");
  EXPECT_EQ(valuesOf(directorSysctls(true, {5, 9})).at("net/ipv4/vs/conn_reuse_mode"), "1");
}

TEST(SysctlTables, ProxyArpOfAnInterfaceAnswersForNoVip) {
  const auto values = valuesOf(nodeSysctls({"eth0", "eth1"}, true));
  EXPECT_EQ(values.at("net/ipv4/conf/bvip-in/medium_id"), "-1");
  EXPECT_EQ(values.at("net/ipv4/conf/bvip-out/medium_id"), "-1");
  EXPECT_NE(values.at("net/ipv4/conf/eth0/medium_id"), values.at("net/ipv4/conf/eth1/medium_id"))
      << "for others it goes on";
}

TEST_F(SysctlFolder, AMediumThatAPersonChoseStays) {
  put("net/ipv4/conf/eth0/medium_id", "7");
  (void)tree().apply(nodeSysctls({"eth0"}, true));
  EXPECT_EQ(tree().read("net/ipv4/conf/eth0/medium_id").value(), "7");
}

TEST(SysctlTables, EachBindInterfaceForwardsAndAnswersAtOnce) {
  const auto values = valuesOf(nodeSysctls({"eth0", "eth1"}, true));
  for (const std::string name : {"eth0", "eth1"}) {
    EXPECT_EQ(values.at("net/ipv4/conf/" + name + "/forwarding"), "1");
    EXPECT_EQ(values.at("net/ipv4/neigh/" + name + "/proxy_delay"), "0");
    EXPECT_EQ(values.at("net/ipv6/conf/" + name + "/proxy_ndp"), "1");
  }
}

}  // namespace
}  // namespace barevip::host
