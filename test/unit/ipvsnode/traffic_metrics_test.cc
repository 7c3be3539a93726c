// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/daemon/traffic_metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <string>
#include <vector>

#include "fakes/fake_traffic.h"
#include "fakes/manual_clock.h"
#include "unit/ipvsnode/builders.h"

namespace barevip::node::test {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

const std::string kWeb =
    R"({namespace="default",service="web",address="192.0.2.1",port="80",protocol="TCP"} )";
const std::string kWebPod =
    R"({namespace="default",service="web",address="192.0.2.1",port="80",protocol="TCP",)"
    R"(backend_address="10.1.0.1",backend_port="8080"} )";

VipPort vipPort(const std::string& name, const ipvs::VirtualServerKey& key) {
  return {key, std::make_shared<const model::Service>(service(name, {key.vip.toString()})), {}};
}

class TrafficMetricsTest : public testing::Test {
 protected:
  TrafficMetricsTest() {
    kernel.servers[tcp("192.0.2.1", 80)] = {{1, 2, 3, 4, 5},
                                            {{real("10.1.0.1"), {11, 12, 13, 14, 15}, 16, 17}}};
    traffic.serve({vipPort("web", tcp("192.0.2.1", 80))});
  }

  fakes::FakeTraffic kernel;
  bool counting = true;
  ManualClock clock;
  obs::Registry metrics;
  TrafficMetrics traffic{kernel, [this] { return counting; }, clock, metrics, {2, 1}};
};

TEST_F(TrafficMetricsTest, EachPortOfAVipHasItsCountersByServiceAndAddress) {
  traffic.read();
  const std::string text = metrics.text();
  const std::vector<std::pair<std::string, int>> expected{
      {"vip_connections_total", 1},      {"vip_incoming_packets_total", 2},
      {"vip_outgoing_packets_total", 3}, {"vip_incoming_bytes_total", 4},
      {"vip_outgoing_bytes_total", 5},   {"vip_active_connections", 16},
      {"vip_inactive_connections", 17}};
  for (const auto& [name, value] : expected) {
    EXPECT_THAT(text, HasSubstr("\nbarevip_node_" + name + kWeb + std::to_string(value) + "\n"));
  }
  EXPECT_THAT(text, HasSubstr("# TYPE barevip_node_vip_connections_total counter\n"));
  EXPECT_THAT(text, HasSubstr("# TYPE barevip_node_vip_active_connections gauge\n"));
  EXPECT_THAT(text, HasSubstr("\nbarevip_node_traffic_counting 1\n"));
  EXPECT_THAT(text, HasSubstr("\nbarevip_node_traffic_read_failures_total 0\n"));
}

TEST_F(TrafficMetricsTest, EachBackendHasItsCounters) {
  traffic.read();
  const std::string text = metrics.text();
  const std::vector<std::pair<std::string, int>> expected{
      {"backend_connections_total", 11},      {"backend_incoming_packets_total", 12},
      {"backend_outgoing_packets_total", 13}, {"backend_incoming_bytes_total", 14},
      {"backend_outgoing_bytes_total", 15},   {"backend_active_connections", 16},
      {"backend_inactive_connections", 17}};
  for (const auto& [name, value] : expected) {
    EXPECT_THAT(text, HasSubstr("\nbarevip_node_" + name + kWebPod + std::to_string(value) + "\n"));
  }
}

TEST_F(TrafficMetricsTest, SeriesLeaveWithTheirVipBeforeTheNextReading) {
  traffic.read();
  traffic.serve({});
  EXPECT_THAT(metrics.text(), Not(HasSubstr("192.0.2.1")));
}

TEST_F(TrafficMetricsTest, AVipThatAnotherServiceTakesIsThatServicesAtOnce) {
  traffic.read();
  traffic.serve({vipPort("shop", tcp("192.0.2.1", 80))});
  EXPECT_THAT(metrics.text(), HasSubstr(R"(_total{namespace="default",service="shop",)"));
  EXPECT_THAT(metrics.text(), Not(HasSubstr(R"(service="web")")));
}

TEST_F(TrafficMetricsTest, WhatIsLeftOutIsCounted) {
  for (const char* vip : {"192.0.2.2", "192.0.2.3", "192.0.2.4"}) {
    kernel.servers[tcp(vip, 80)].realServers = {{real("10.1.0.1"), {}, 0, 0}};
  }
  traffic.serve({vipPort("web", tcp("192.0.2.1", 80)), vipPort("b", tcp("192.0.2.2", 80)),
                 vipPort("c", tcp("192.0.2.3", 80)), vipPort("d", tcp("192.0.2.4", 80))});
  traffic.read();
  EXPECT_THAT(metrics.text(), HasSubstr("\nbarevip_node_traffic_left_out{kind=\"vip\"} 2\n"));
  EXPECT_THAT(metrics.text(), HasSubstr("\nbarevip_node_traffic_left_out{kind=\"backend\"} 1\n"));
}

TEST_F(TrafficMetricsTest, CountersThatStandStillAreNotShownButConnectionsAre) {
  counting = false;
  traffic.read();
  const std::string text = metrics.text();
  EXPECT_THAT(text, Not(HasSubstr("_total{")));
  EXPECT_THAT(text, HasSubstr("\nbarevip_node_vip_active_connections" + kWeb + "16\n"));
  EXPECT_THAT(text, HasSubstr("\nbarevip_node_backend_active_connections" + kWebPod + "16\n"));
  EXPECT_THAT(text, HasSubstr("\nbarevip_node_traffic_counting 0\n"));
}

TEST_F(TrafficMetricsTest, AfterAFailedReadingThereAreNoOldValues) {
  traffic.read();
  kernel.error = Error{ErrorCode::kUnavailable, "no buffer space", ENOBUFS, {}};
  traffic.read();
  EXPECT_THAT(metrics.text(), Not(HasSubstr("192.0.2.1")));
  EXPECT_THAT(metrics.text(), HasSubstr("\nbarevip_node_traffic_read_failures_total 1\n"));
  EXPECT_THAT(metrics.text(),
              HasSubstr("\nbarevip_node_netlink_errors_total{errno=\"ENOBUFS\"} 1\n"));
  kernel.error.reset();
  traffic.read();
  EXPECT_THAT(metrics.text(), HasSubstr("192.0.2.1"));
}

/// Takes its time.
class SlowTraffic final : public ipvs::Traffic {
 public:
  explicit SlowTraffic(ManualClock& clock) : clock_(clock) {}
  Result<std::vector<ipvs::VirtualServerTraffic>> virtualServers() override {
    clock_.advance(4s);
    return std::vector<ipvs::VirtualServerTraffic>{};
  }
  Result<std::vector<ipvs::RealServerTraffic>> realServers(
      const ipvs::VirtualServerKey& /*key*/) override {
    return std::vector<ipvs::RealServerTraffic>{};
  }

 private:
  ManualClock& clock_;
};

TEST_F(TrafficMetricsTest, AReadingThatTakesLongIsMadeLessOften) {
  EXPECT_EQ(traffic.read(), clock.now() + 15s);
  SlowTraffic slow(clock);
  obs::Registry others;
  TrafficMetrics slowly(
      slow, [] { return true; }, clock, others);
  const MonotonicTime next = slowly.read();
  EXPECT_EQ(next, clock.now() + 40s);
  EXPECT_THAT(others.text(), HasSubstr("\nbarevip_node_traffic_read_seconds 4\n"));
}

TEST_F(TrafficMetricsTest, TheThreadReadsAgainAfterThePeriod) {
  traffic.start();
  ASSERT_TRUE(clock.waitIdle(1));
  EXPECT_THAT(metrics.text(), HasSubstr("\nbarevip_node_vip_connections_total" + kWeb + "1\n"));
  kernel.servers[tcp("192.0.2.1", 80)].counters.connections = 8;
  clock.advance(TrafficMetrics::kPeriod);
  ASSERT_TRUE(clock.waitIdle(1));
  EXPECT_THAT(metrics.text(), HasSubstr("\nbarevip_node_vip_connections_total" + kWeb + "8\n"));
}

}  // namespace
}  // namespace barevip::node::test
