// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "ipvsnode/netlink/monitor.h"
#include "wire/netlink/wire_kernel.h"

namespace barevip::wire_test {
namespace {

using netlink::Monitor;
using netlink::MonitorOptions;

constexpr auto kPatience = std::chrono::seconds(20);
constexpr std::uint32_t kOurPort = 4711;

class MonitorWireTest : public ::testing::Test {
 protected:
  /// A monitor of the events of kernel_; what it reports gets into reports_.
  std::unique_ptr<Monitor> start(const MonitorOptions& options = {}) {
    auto socket = kernel_.connect();
    port_ = socket.port();
    mayFlood_ = WireKernel::mayFlood(socket);
    return *Monitor::start(std::move(socket), options, [this](bool overrun) {
      const std::lock_guard lock(mutex_);
      reports_.push_back(overrun);
      changed_.notify_all();
    });
  }

  /// An event that was caused by the port.
  void notify(std::uint16_t type, std::uint32_t cause = 0, const Bytes& payload = {}) {
    kernel_.sendTo(port_, messageBytes(type, 0, 0, cause, payload));
  }

  /// Waits for that many reports; true if they came.
  bool reported(std::size_t count) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kPatience, [&] { return reports_.size() >= count; });
  }

  [[nodiscard]] std::vector<bool> reports() {
    const std::lock_guard lock(mutex_);
    return reports_;
  }

  WireKernel kernel_{[](const netlink::Received&) { return Answer{}; }};
  std::uint32_t port_ = 0;
  bool mayFlood_ = false;

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<bool> reports_;
};

Bytes neighbour(std::uint8_t flags) {
  ndmsg header{};
  header.ndm_flags = flags;
  const auto bytes = netlink::bytesOf(header);
  return {bytes.begin(), bytes.end()};
}

TEST_F(MonitorWireTest, EventsAreReportedOneByOneIfTheyComeApart) {
  const auto monitor = start({.coalesce = std::chrono::milliseconds(0)});
  for (std::size_t i = 1; i <= 3; ++i) {
    notify(RTM_NEWADDR);
    ASSERT_TRUE(reported(i));
  }
  EXPECT_EQ(reports(), (std::vector<bool>{false, false, false}));
}

TEST_F(MonitorWireTest, EventsThatComeTogetherAreOneReport) {
  const auto monitor = start({.coalesce = std::chrono::milliseconds(500)});
  for (int i = 0; i < 20; ++i) notify(RTM_NEWADDR);
  ASSERT_TRUE(reported(1));
  EXPECT_EQ(reports().size(), 1U);
}

TEST_F(MonitorWireTest, OurOwnChangesAndTheNeighboursTrafficAreNoReports) {
  const auto monitor = start({.ownPorts = {kOurPort}, .coalesce = std::chrono::milliseconds(0)});
  notify(RTM_NEWROUTE, kOurPort);
  notify(RTM_NEWNEIGH, 0, neighbour(0));
  notify(RTM_DELNEIGH);
  // Behind them one that counts, by a port of somebody else.
  notify(RTM_NEWNEIGH, kOurPort + 1, neighbour(NTF_PROXY));
  ASSERT_TRUE(reported(1));
  EXPECT_EQ(reports().size(), 1U);
}

TEST_F(MonitorWireTest, LostEventsAreAnOverrunAndItGoesOn) {
  const auto monitor = start({.coalesce = std::chrono::milliseconds(500)});
  if (!mayFlood_) GTEST_SKIP() << "only root may listen to a group here";
  kernel_.flood(1000, 4096);
  ASSERT_TRUE(reported(1));
  EXPECT_EQ(reports().front(), true);
  const std::size_t before = reports().size();
  notify(RTM_NEWADDR);
  ASSERT_TRUE(reported(before + 1));
  EXPECT_EQ(reports().back(), false);
}

TEST_F(MonitorWireTest, GarbageIsNoEvent) {
  const auto monitor = start({.coalesce = std::chrono::milliseconds(0)});
  for (const std::size_t size : {1U, 15U, 17U, 40U}) kernel_.sendTo(port_, Bytes(size));
  notify(RTM_NEWADDR);
  ASSERT_TRUE(reported(1));
  EXPECT_EQ(reports().size(), 1U);
}

TEST_F(MonitorWireTest, ItEndsWhileItWaitsForTheRestOfABurst) {
  const auto begin = std::chrono::steady_clock::now();
  {
    const auto monitor = start({.coalesce = std::chrono::hours(1)});
    notify(RTM_NEWADDR);
  }
  EXPECT_LT(std::chrono::steady_clock::now() - begin, kPatience);
}

}  // namespace
}  // namespace barevip::wire_test
