// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <linux/genetlink.h>

#include <cerrno>
#include <chrono>
#include <stdexcept>
#include <string>
#include <vector>

#include "fakes/printers.h"
#include "ipvsnode/netlink/ipvs_kernel.h"
#include "wire/netlink/heap.h"
#include "wire/netlink/ipvs_table.h"

namespace barevip::wire_test {
namespace {

using ipvs::Op;
using ipvs::OpResult;
using ipvs::VirtualServer;
using ipvs::VirtualServerKey;
using netlink::IpvsKernel;

IpAddress ip(const char* text) { return *IpAddress::parse(text); }

const VirtualServerKey kWeb{ip("192.0.2.1"), 80, ipvs::Protocol::kTcp};
const VirtualServerKey kWeb6{ip("2001:db8::1"), 80, ipvs::Protocol::kTcp};

Op virtualServer(Op::Kind kind, const VirtualServerKey& key, const char* scheduler = "rr") {
  return {kind, key, {scheduler, 0, 0}, {}, 1};
}

Op realServer(Op::Kind kind, const VirtualServerKey& key, const char* address,
              std::uint32_t weight = 1) {
  return {kind, key, {}, {ip(address), 8080}, weight};
}

ipvs::RealServer pod(const char* address, std::uint32_t weight = 1) {
  return {.key = {ip(address), 8080}, .weight = weight};
}

constexpr auto kAdd = Op::Kind::kAddVirtualServer;
constexpr auto kSet = Op::Kind::kSetVirtualServer;
constexpr auto kDelete = Op::Kind::kDeleteVirtualServer;
constexpr auto kAddPod = Op::Kind::kAddRealServer;
constexpr auto kSetPod = Op::Kind::kSetRealServer;
constexpr auto kDeletePod = Op::Kind::kDeleteRealServer;

class IpvsWireTest : public ::testing::Test {
 protected:
  IpvsKernel open() { return open(kernel_.options()); }

  static IpvsKernel open(const netlink::SocketOptions& options) {
    auto kernel = IpvsKernel::open(WireKernel::connect(options));
    if (!kernel) throw std::runtime_error(kernel.error().message);
    return std::move(*kernel);
  }

  static std::vector<OpResult> applied(IpvsKernel& kernel, const std::vector<Op>& plan) {
    auto results = kernel.apply(plan);
    if (!results) throw std::runtime_error(results.error().message);
    return std::move(*results);
  }

  static std::vector<VirtualServer> dumped(IpvsKernel& kernel) {
    auto servers = kernel.dump();
    if (!servers) throw std::runtime_error(servers.error().message);
    return std::move(*servers);
  }

  IpvsTable table_;
  WireKernel kernel_{table_.handler()};
};

TEST_F(IpvsWireTest, WhatWasAppliedIsDumpedInOrder) {
  auto kernel = open();
  EXPECT_EQ(applied(kernel,
                    {virtualServer(kAdd, kWeb6), virtualServer(kAdd, kWeb, "sh"),
                     realServer(kAddPod, kWeb, "10.0.0.2", 5),
                     realServer(kAddPod, kWeb, "10.0.0.1"), realServer(kAddPod, kWeb6, "fd00::1")}),
            std::vector<OpResult>(5, 0));
  EXPECT_EQ(dumped(kernel),
            (std::vector<VirtualServer>{{kWeb, {"sh", 0, 0}, {pod("10.0.0.1"), pod("10.0.0.2", 5)}},
                                        {kWeb6, {"rr", 0, 0}, {pod("fd00::1")}}}));
}

TEST_F(IpvsWireTest, WithoutTheModuleItSaysHowToGetIt) {
  table_.setMissing(true);
  const auto kernel = IpvsKernel::open(kernel_.connect());
  ASSERT_FALSE(kernel);
  EXPECT_EQ(kernel.error().code, ErrorCode::kUnsupported);
  EXPECT_NE(kernel.error().message.find("modprobe ip_vs"), std::string::npos);
}

TEST_F(IpvsWireTest, WithoutTheCapabilityItSaysWhichOne) {
  auto kernel = open();
  table_.setError(EPERM);
  const auto dumpedNow = kernel.dump();
  const auto appliedNow = kernel.apply(std::vector<Op>{virtualServer(kAdd, kWeb)});
  for (const Error& error : {dumpedNow.error(), appliedNow.error()}) {
    EXPECT_EQ(error.code, ErrorCode::kForbidden);
    EXPECT_NE(error.message.find("CAP_NET_ADMIN"), std::string::npos) << error.message;
  }
}

TEST_F(IpvsWireTest, AddsOfWhatIsThereBecomeSets) {
  auto kernel = open();
  applied(kernel, {virtualServer(kAdd, kWeb, "wrr"), realServer(kAddPod, kWeb, "10.0.0.1", 9)});
  EXPECT_EQ(applied(kernel, {virtualServer(kAdd, kWeb), realServer(kAddPod, kWeb, "10.0.0.1")}),
            std::vector<OpResult>(2, 0));
  EXPECT_EQ(dumped(kernel), (std::vector<VirtualServer>{{kWeb, {"rr", 0, 0}, {pod("10.0.0.1")}}}));
}

TEST_F(IpvsWireTest, ALaterOpOfThePlanOverrulesAnAddOfWhatIsThere) {
  auto kernel = open();
  applied(kernel, {virtualServer(kAdd, kWeb, "wrr"), realServer(kAddPod, kWeb, "10.0.0.1", 9),
                   virtualServer(kAdd, kWeb6)});
  EXPECT_EQ(applied(kernel, {virtualServer(kAdd, kWeb, "sh"), virtualServer(kSet, kWeb),
                             realServer(kAddPod, kWeb, "10.0.0.1"),
                             realServer(kDeletePod, kWeb, "10.0.0.1"), virtualServer(kAdd, kWeb6),
                             virtualServer(kDelete, kWeb6)}),
            std::vector<OpResult>(6, 0));
  EXPECT_EQ(dumped(kernel), (std::vector<VirtualServer>{{kWeb, {"rr", 0, 0}, {}}}));
}

TEST_F(IpvsWireTest, DeletesOfWhatIsGoneAreDone) {
  auto kernel = open();
  applied(kernel, {virtualServer(kAdd, kWeb)});
  EXPECT_EQ(
      applied(kernel, {realServer(kDeletePod, kWeb, "10.0.0.1"),
                       realServer(kDeletePod, kWeb6, "fd00::1"), virtualServer(kDelete, kWeb6),
                       virtualServer(kDelete, kWeb), virtualServer(kDelete, kWeb)}),
      std::vector<OpResult>(5, 0));
}

TEST_F(IpvsWireTest, SetsOfWhatIsGoneFailByThemselves) {
  auto kernel = open();
  EXPECT_EQ(
      applied(kernel, {virtualServer(kSet, kWeb), virtualServer(kAdd, kWeb),
                       realServer(kSetPod, kWeb, "10.0.0.1"), realServer(kSetPod, kWeb6, "fd00::1"),
                       realServer(kAddPod, kWeb, "10.0.0.1")}),
      (std::vector<OpResult>{ESRCH, 0, ENOENT, ESRCH, 0}));
}

TEST_F(IpvsWireTest, ALongPlanKeepsItsOrderOverManySends) {
  auto kernel = open();
  std::vector<Op> plan = {virtualServer(kAdd, kWeb)};
  for (std::uint32_t weight = 0; weight < 1000; ++weight) {
    plan.push_back(realServer(weight == 0 ? kAddPod : kSetPod, kWeb, "10.0.0.1", weight));
  }
  EXPECT_EQ(applied(kernel, plan), std::vector<OpResult>(1001, 0));
  EXPECT_EQ(dumped(kernel).front().realServers.front().weight, 999U);
}

// A cold start with 10,000 Services of 10 endpoints each. Its results alone are 430 KiB.
TEST_F(IpvsWireTest, TheMemoryForSendingAPlanDoesNotGrowWithThePlan) {
  std::vector<Op> plan(110'000, realServer(kAddPod, kWeb, "10.0.0.1"));
  HeapPeak peak;
  if (!peak.counts()) GTEST_SKIP() << "a sanitizer allocates here";
  std::size_t requests = 0;
  const auto lookup = table_.handler();
  const WireKernel forgetful([&](const netlink::Received& request) {
    if (request.header().nlmsg_type == GENL_ID_CTRL) return lookup(request);
    if (requests++ % 1000 == 0) peak.look();
    return Answer{};
  });
  auto kernel = IpvsKernel::open(forgetful.connect());
  ASSERT_TRUE(kernel) << kernel.error().message;
  ASSERT_TRUE(kernel->apply(plan));
  EXPECT_EQ(requests, plan.size());
  EXPECT_LT(peak.bytes(), 3U << 20U);
}

TEST_F(IpvsWireTest, TimeoutsAreReadBackAsTheyWereSet) {
  using std::chrono::seconds;
  auto kernel = open();
  const ipvs::Timeouts wish{seconds(7260), seconds(60), seconds(30)};
  ASSERT_TRUE(kernel.setTimeouts(wish));
  const auto found = kernel.timeouts();
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(*found, wish);
  table_.setError(EINVAL);
  EXPECT_EQ(kernel.setTimeouts(wish).error().message,
            "cannot set the timeouts of IPVS to tcp 7260s, tcp-fin 60s, udp 30s: Invalid argument");
}

TEST_F(IpvsWireTest, RepeatedEntriesOfADumpCountOnce) {
  auto kernel = open();
  applied(kernel, {virtualServer(kAdd, kWeb), realServer(kAddPod, kWeb, "10.0.0.1"),
                   realServer(kAddPod, kWeb, "10.0.0.2")});
  const auto before = dumped(kernel);
  table_.setRepeating(true);
  EXPECT_EQ(dumped(kernel), before);
}

TEST_F(IpvsWireTest, EntriesThatAreCutOffAreAnErrorAndNoCrash) {
  auto kernel = open();
  applied(kernel, {virtualServer(kAdd, kWeb)});
  for (const std::size_t size : {1U, 4U, 8U, 20U, 60U}) {
    table_.setCut(size);
    const auto servers = kernel.dump();
    ASSERT_FALSE(servers) << size;
    EXPECT_EQ(servers.error().code, ErrorCode::kInvalid) << servers.error().message;
  }
}

TEST_F(IpvsWireTest, AKernelThatDoesNotAnswerIsATimeoutNotAHang) {
  auto options = kernel_.options();
  options.timeout = std::chrono::milliseconds(50);
  auto kernel = open(options);
  kernel_.setMute(true);
  EXPECT_EQ(kernel.dump().error().code, ErrorCode::kTimeout);
  EXPECT_EQ(kernel.apply(std::vector<Op>{virtualServer(kAdd, kWeb)}).error().code,
            ErrorCode::kTimeout);
  kernel_.setMute(false);
}

TEST_F(IpvsWireTest, ALostAnswerIsAnErrorAndAnewDumpTellsTheState) {
  auto options = kernel_.options();
  options.timeout = std::chrono::milliseconds(500);
  auto kernel = open(options);
  kernel_.loseAcks(1);
  EXPECT_EQ(kernel.apply(std::vector<Op>{virtualServer(kAdd, kWeb)}).error().code,
            ErrorCode::kTimeout);
  EXPECT_EQ(dumped(kernel).size(), 1U) << "it had been done";
}

}  // namespace
}  // namespace barevip::wire_test
