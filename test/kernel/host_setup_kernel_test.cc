// SPDX-License-Identifier: Apache-2.0
// What `barevip-node init` makes, and what the daemon's check mends, on a real kernel.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <linux/ipv6_route.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "common/base/file_descriptor.h"
#include "ipvsnode/host/capabilities.h"
#include "ipvsnode/host/host_setup.h"
#include "ipvsnode/host/kernel_modules.h"
#include "ipvsnode/host/sysctl.h"
#include "kernel/lab_network.h"

namespace barevip::kernel_test {
namespace {

using host::HostSetupReport;

constexpr const char* kPath = "/run/netns/ground";
constexpr const char* kAlias = "/run/netns/ground-alias";

class HostSetup : public ::testing::Test {
 protected:
  HostSetup() { node_.ip("link add eth0 type dummy\nlink set eth0 mtu 9000 up"); }
  ~HostSetup() override {
    director_.reset();
    EXPECT_TRUE(host::removeNamespace(kPath));
    EXPECT_TRUE(host::removeNamespace(kAlias));
  }

  [[nodiscard]] static host::HostSetupOptions options(net::Placement placement,
                                                      const std::string& alias = "") {
    return {placement, {"eth0"}, kPath, alias};
  }

  HostSetupReport make(net::Placement placement = net::Placement::kDirector,
                       const std::string& alias = "") {
    auto report =
        node_.thread().run([&] { return host::setUpHost(options(placement, alias), runner_); });
    EXPECT_TRUE(report) << report.error().message;
    return report.value_or(HostSetupReport{});
  }

  void enter() {
    auto thread = host::NamespaceThread::start(kPath, host::dropCapabilities);
    ASSERT_TRUE(thread) << thread.error().message;
    director_ = *std::move(thread);
  }

  /// As the daemon does it: the director's thread has no CAP_SYS_ADMIN any more, neither has this.
  HostSetupReport check(net::Placement placement = net::Placement::kDirector) {
    auto daemon = host::NamespaceThread::start("/run/netns/node", host::dropCapabilities);
    EXPECT_TRUE(daemon) << daemon.error().message;
    auto report = (*daemon)->run(
        [&] { return host::verifyHost(options(placement), director_.get(), runner_); });
    EXPECT_TRUE(report) << report.error().message;
    return report.value_or(HostSetupReport{});
  }

  [[nodiscard]] std::string inDirector(const std::string& commandLine) {
    return node_.run("nsenter --net=" + std::string(kPath) + " " + commandLine);
  }

  Space node_{"node"};
  LabCommandRunner runner_;
  std::unique_ptr<host::NamespaceThread> director_;
};

TEST_F(HostSetup, ASecondInitChangesNothing) {
  const HostSetupReport first = make();
  EXPECT_FALSE(first.done.empty());
  EXPECT_TRUE(first.problems.empty()) << first.problems.front();
  const HostSetupReport second = make();
  EXPECT_TRUE(second.done.empty()) << second.done.front();
  EXPECT_TRUE(second.problems.empty()) << second.problems.front();
}

TEST_F(HostSetup, ADaemonWithoutSysAdminFindsAllRightAfterInit) {
  make();
  enter();
  const HostSetupReport report = check();
  EXPECT_TRUE(report.done.empty()) << report.done.front();
  EXPECT_TRUE(report.problems.empty()) << report.problems.front();
}

TEST_F(HostSetup, TheDirectorHasTheWaysOutAndTheBindInterfacesMtu) {
  make();
  EXPECT_NE(inDirector("ip route").find("default via 169.254.77.1 dev outside"), std::string::npos);
  EXPECT_NE(inDirector("ip -6 route").find("default via fd77:6276:6970::1 dev outside"),
            std::string::npos);
  EXPECT_NE(inDirector("ip link show outside").find("mtu 9000"), std::string::npos);
}

TEST_F(HostSetup, ManyVipsCostThePacketPathOfTheDirectorNothing) {
  make();
  EXPECT_EQ(inDirector("sysctl -n net.ipv6.conf.outside.use_oif_addrs_only "
                       "net.ipv6.conf.inside.use_oif_addrs_only"),
            "1\n1\n");
  const bool estimates = host::KernelVersion::running().atLeast(6, 2);
  EXPECT_EQ(inDirector("sysctl -n net.ipv4.vs.run_estimation"), estimates ? "1\n" : "0\n");
}

TEST_F(HostSetup, TheDaemonMendsWhatSomebodyRemoved) {
  make();
  enter();
  for (const char* harm :
       {"ip link delete bvip-in", "ip address flush dev bvip-out", "ip link set bvip-in down"}) {
    node_.run(harm);
    EXPECT_FALSE(check().done.empty()) << harm;
    EXPECT_TRUE(check().done.empty()) << harm;
  }
  for (const char* harm : {"ip route delete default", "ip -6 route delete default",
                           "ip address flush dev inside", "ip link delete outside"}) {
    (void)inDirector(harm);
    EXPECT_FALSE(check().done.empty()) << harm;
    EXPECT_TRUE(check().done.empty()) << harm;
  }
}

TEST_F(HostSetup, ASettingThatIsWrongIsNamedByTheDaemonAndMendedByInit) {
  make();
  enter();
  (void)inDirector("sysctl -qw net.ipv4.vs.conntrack=0");
  const HostSetupReport report = check();
  ASSERT_EQ(report.problems.size(), 1U);
  for (const char* part :
       {"director", "net/ipv4/vs/conntrack is 0, but must be 1", "barevip-node init"}) {
    EXPECT_NE(report.problems[0].find(part), std::string::npos) << report.problems[0];
  }
  EXPECT_EQ(make().done, std::vector<std::string>{"director: net/ipv4/vs/conntrack: 0 -> 1"});
  EXPECT_TRUE(check().problems.empty());
}

TEST_F(HostSetup, StrictSourceFilteringOfTheNodeIsAProblem) {
  node_.run("sysctl -qw net.ipv4.conf.all.rp_filter=1");
  const HostSetupReport report = make();
  ASSERT_EQ(report.problems.size(), 1U);
  EXPECT_NE(report.problems[0].find("net/ipv4/conf/all/rp_filter is 1"), std::string::npos);
}

TEST_F(HostSetup, ANamespaceThatWentIsMadeAnewWithItsDevices) {
  make();
  ASSERT_TRUE(host::removeNamespace(kPath));
  const HostSetupReport report = make();
  EXPECT_TRUE(std::any_of(report.done.begin(), report.done.end(), [](const std::string& line) {
    return line.starts_with("made the network namespace");
  }));
  enter();
  EXPECT_TRUE(check().problems.empty());
}

TEST_F(HostSetup, ADaemonWhoseNamespaceWasReplacedIsToldToStartAgain) {
  make();
  enter();
  ASSERT_TRUE(host::removeNamespace(kPath));
  make();
  const HostSetupReport report = check();
  EXPECT_TRUE(
      std::any_of(report.problems.begin(), report.problems.end(), [](const std::string& line) {
        return line.find("was made again under this process") != std::string::npos;
      }));
}

TEST_F(HostSetup, APlainFileInThePlaceOfTheNamespaceIsMountedOver) {
  std::ofstream(kPath) << "left by a reboot";
  EXPECT_FALSE(host::isNamespace(kPath));
  make();
  EXPECT_TRUE(host::isNamespace(kPath));
}

TEST_F(HostSetup, PlacementHostHasItsDummyDevice) {
  EXPECT_FALSE(make(net::Placement::kHost).done.empty());
  EXPECT_TRUE(make(net::Placement::kHost).done.empty());
  EXPECT_TRUE(check(net::Placement::kHost).problems.empty());
  node_.run("ip link delete barevip0");
  EXPECT_FALSE(check(net::Placement::kHost).done.empty());
}

TEST_F(HostSetup, PlacementHostIsUnsafeOnceAKubeProxyOfIpvsModeIsThere) {
  make(net::Placement::kHost);
  EXPECT_TRUE(check(net::Placement::kHost).safe);
  node_.ip("link add kube-ipvs0 type dummy");
  const HostSetupReport report = check(net::Placement::kHost);
  EXPECT_FALSE(report.safe);
  ASSERT_EQ(report.problems.size(), 1U);
  EXPECT_NE(report.problems[0].find("kube-proxy runs in ipvs mode"), std::string::npos);
  make();
  enter();
  EXPECT_TRUE(check().safe) << "the director is out of its reach";
}

TEST_F(HostSetup, RouterAdvertisementsStayValidOnEveryInterfaceThatFollowsThem) {
  node_.ip(
      "link add eth1 type dummy\nlink set eth1 up\n"
      "link add eth2 type dummy\nlink set eth2 up");
  // As an advertisement makes it (net/ipv6/route.c, rt6_add_dflt_router).
  node_.thread().run([] {
    const FileDescriptor socket(::socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    in6_rtmsg route{};
    ASSERT_EQ(::inet_pton(AF_INET6, "fe80::1", &route.rtmsg_gateway), 1);
    route.rtmsg_metric = 1024;
    constexpr std::uint32_t kUp = 0x1;       // RTF_UP and RTF_GATEWAY of linux/route.h,
    constexpr std::uint32_t kGateway = 0x2;  // which net/if.h cannot stand beside it
    route.rtmsg_flags = kUp | kGateway | RTF_DEFAULT | RTF_ADDRCONF;
    route.rtmsg_ifindex = static_cast<int>(::if_nametoindex("eth1"));
    ASSERT_EQ(::ioctl(socket.get(), SIOCADDRT, &route), 0);
  });
  make();
  const std::string folder = "cat /proc/sys/net/ipv6/conf/";
  EXPECT_EQ(node_.run(folder + "eth0/accept_ra"), "2\n");
  EXPECT_EQ(node_.run(folder + "eth1/accept_ra"), "2\n");
  EXPECT_EQ(node_.run(folder + "eth2/accept_ra"), "1\n") << "nobody advertised anything there";
  EXPECT_NE(node_.run("ip -6 route").find("default via fe80::1 dev eth1"), std::string::npos);
}

TEST_F(HostSetup, AnUnknownInterfaceIsAnErrorThatNamesTheOnesThatAreThere) {
  const auto report = node_.thread().run([&] {
    return host::setUpHost({net::Placement::kDirector, {"eth7"}, kPath}, runner_);
  });
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, ErrorCode::kNotFound);
  EXPECT_NE(report.error().message.find("eth7"), std::string::npos);
  EXPECT_NE(report.error().message.find("eth0"), std::string::npos);
}

TEST_F(HostSetup, RemovalLeavesNothingOfOurs) {
  make(net::Placement::kHost);
  make();
  make(net::Placement::kDirector, kAlias);
  const auto remove = [] { return host::tearDownHost(options(net::Placement::kDirector, kAlias)); };
  const auto removed = node_.thread().run(remove);
  ASSERT_TRUE(removed) << removed.error().message;
  const std::string links = node_.run("ip -o link");
  EXPECT_EQ(links.find("bvip"), std::string::npos) << links;
  EXPECT_EQ(links.find("barevip"), std::string::npos) << links;
  EXPECT_FALSE(host::isNamespace(kPath));
  EXPECT_FALSE(host::isNamespace(kAlias));
  EXPECT_TRUE(node_.thread().run(remove)) << "a second time is fine";
}

TEST_F(HostSetup, IpNetnsFindsTheNamespaceUnderItsAlias) {
  make(net::Placement::kDirector, kAlias);
  EXPECT_TRUE(std::filesystem::equivalent(kPath, kAlias));
  EXPECT_TRUE(make(net::Placement::kDirector, kAlias).done.empty());
}

TEST_F(HostSetup, ANamespaceOfAnEarlierReleaseIsKeptWithAllThatIsInIt) {
  ASSERT_TRUE(host::ensureNamespace(kAlias));
  node_.run("nsenter --net=" + std::string(kAlias) + " ip link add marker type dummy");
  make(net::Placement::kDirector, kAlias);
  EXPECT_NE(inDirector("ip link").find("marker"), std::string::npos);
  EXPECT_TRUE(host::isNamespace(kAlias)) << "an earlier release finds it there after a rollback";
}

TEST_F(HostSetup, AnAliasOfAnotherNamespaceIsReplaced) {
  make();
  ASSERT_TRUE(host::ensureNamespace(kAlias));
  make(net::Placement::kDirector, kAlias);
  EXPECT_TRUE(std::filesystem::equivalent(kPath, kAlias));
}

/// A node whose kernel was built without modules that can be loaded.
class NoModules final : public CommandRunner {
 public:
  Result<CommandOutput> run(const Command& command, std::stop_token /*stop*/) override {
    return CommandOutput{1, "", command.program + ": FATAL: Module not found"};
  }
};

TEST(Modules, AKernelWithoutIpvsIsAnErrorThatSaysHowToMendIt) {
  Space space("modules");
  space.run("lsmod | sed -n 's/^\\(ip_vs_[a-z]*\\) .*/\\1/p' | xargs -r rmmod && rmmod ip_vs");
  NoModules runner;
  const auto made = space.thread().run(
      [&] { return host::loadModules(host::modulesOf(net::Placement::kDirector), runner); });
  const auto checked = space.thread().run([] { return host::checkIpvs(); });
  LabCommandRunner lab;
  ASSERT_TRUE(host::loadModules(host::modulesOf(net::Placement::kDirector), lab));

  ASSERT_FALSE(made);
  ASSERT_FALSE(checked);
  for (const Error& error : {made.error(), checked.error()}) {
    EXPECT_EQ(error.code, ErrorCode::kUnsupported);
    EXPECT_NE(error.message.find("has no ip_vs"), std::string::npos) << error.message;
    EXPECT_NE(error.message.find("CONFIG_IP_VS"), std::string::npos) << error.message;
  }
}

}  // namespace
}  // namespace barevip::kernel_test
