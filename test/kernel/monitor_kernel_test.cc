// SPDX-License-Identifier: Apache-2.0
// Monitor against the real thing.
#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>

#include "ipvsnode/netlink/monitor.h"
#include "ipvsnode/netlink/rtnetlink_socket.h"
#include "kernel/namespace_test.h"

namespace barevip::kernel_test {
namespace {

using netlink::Monitor;
using netlink::MonitorOptions;
using netlink::RtnetlinkSocket;

/// Counts what a monitor reports.
class Reports {
 public:
  Monitor::Changed handler() {
    return [this](bool overrun) {
      const std::lock_guard lock(mutex_);
      ++count_;
      overrun_ = overrun_ || overrun;
      changed_.notify_all();
    };
  }

  /// True if there were more than `before` reports, or will be soon.
  bool moreThan(int before) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(10), [&] { return count_ > before; });
  }

  [[nodiscard]] int count() {
    const std::lock_guard lock(mutex_);
    return count_;
  }

  [[nodiscard]] bool overrun() {
    const std::lock_guard lock(mutex_);
    return overrun_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int count_ = 0;
  bool overrun_ = false;
};

class MonitorTest : public NamespaceTest {
 protected:
  void SetUp() override {
    NamespaceTest::SetUp();
    runIp("link add nic type dummy\nlink set nic up");
  }

  static std::unique_ptr<Monitor> start(Reports& reports, const MonitorOptions& options = {}) {
    auto monitor = Monitor::start(options, reports.handler());
    if (!monitor) throw std::runtime_error(monitor.error().message);
    return std::move(*monitor);
  }
};

TEST_F(MonitorTest, ChangesByOthersAreReported) {
  Reports reports;
  const auto monitor = start(reports);
  for (const char* change :
       {"ip addr add 192.0.2.1/32 dev nic", "ip addr del 192.0.2.1/32 dev nic",
        "ip -6 addr add 2001:db8::1/128 dev nic nodad", "ip route add 192.0.2.9/32 dev nic",
        "ip -6 route add 2001:db8::9/128 dev nic", "ip rule add pref 119 lookup 11801",
        "ip -6 rule add pref 119 lookup 11801", "ip link set nic down",
        "ip link add other type dummy"}) {
    const int before = reports.count();
    run(change);
    EXPECT_TRUE(reports.moreThan(before)) << change;
  }
  EXPECT_FALSE(reports.overrun());
}

TEST_F(MonitorTest, OurOwnChangesAreNot) {
  auto links = RtnetlinkSocket::open({.ownDevices = {"nic"}});
  ASSERT_TRUE(links);
  Reports reports;
  const auto monitor = start(reports, {.ownPorts = {links->port()}});
  for (const auto kind : {net::NetOp::Kind::kAdd, net::NetOp::Kind::kDelete}) {
    const std::vector<net::NetOp> plan = {
        {kind, net::BoundAddress{ip("192.0.2.1"), "nic"}},
        {kind, net::Route{IpPrefix::host(ip("192.0.2.2")), 11801, ip("10.0.0.1"), "nic"}},
        {kind, net::Rule{Family::kIpv4, 119, 11801, "nic", 0, 0}}};
    ASSERT_EQ(*links->apply(plan), std::vector<int>(3, 0));
  }
  // A change by another hand behind ours: what is reported by then is all there is.
  run("ip addr add 192.0.2.9/32 dev nic");
  ASSERT_TRUE(reports.moreThan(0));
  EXPECT_EQ(reports.count(), 1);
}

TEST_F(MonitorTest, ABurstIsFewReports) {
  Reports reports;
  const auto monitor = start(reports, {.coalesce = std::chrono::milliseconds(500)});
  run("for i in $(seq 50); do echo addr add 192.0.2.$i/32 dev nic; done | ip -batch -");
  ASSERT_TRUE(reports.moreThan(0));
  EXPECT_LE(reports.count(), 5);
}

TEST_F(MonitorTest, LostEventsAreReportedAsAnOverrun) {
  Reports reports;
  const auto monitor = start(reports, {.coalesce = std::chrono::seconds(1), .bufferBytes = 4096});
  run("for i in $(seq 200); do echo addr add 192.0.2.$i/32 dev nic; done | ip -batch -");
  ASSERT_TRUE(reports.moreThan(0));
  EXPECT_TRUE(reports.overrun());
}

TEST_F(MonitorTest, ItListensInTheNamespaceOfTheDescriptor) {
  const auto director = newNamespace();
  Reports reports;
  const auto monitor = start(reports, {.namespaceFd = director.get()});
  within(director, [] { run("ip addr add 192.0.2.1/32 dev lo"); });
  EXPECT_TRUE(reports.moreThan(0));
}

TEST_F(MonitorTest, ItEndsAtOnceWithoutAnyEvent) {
  Reports reports;
  auto monitor = start(reports);
  const auto begin = std::chrono::steady_clock::now();
  monitor.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(1));
}

}  // namespace
}  // namespace barevip::kernel_test
