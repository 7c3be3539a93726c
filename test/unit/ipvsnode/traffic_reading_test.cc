// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/daemon/traffic_reading.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <string>
#include <vector>

#include "fakes/fake_traffic.h"
#include "unit/ipvsnode/builders.h"

namespace barevip::node::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class TrafficReadingTest : public testing::Test {
 protected:
  /// A port of a VIP and its virtual server, with so many backends and connections so far.
  void add(const std::string& vip, std::size_t backends, std::uint64_t connections = 0) {
    const auto key = tcp(vip, 80);
    vipPorts.push_back({key, std::make_shared<const model::Service>(service("web", {vip})), {}});
    auto& entry = kernel.servers[key];
    entry.counters.connections = connections;
    for (std::size_t i = 1; i <= backends; ++i) {
      entry.realServers.push_back({real("10.1.0." + std::to_string(i)), {}, 2, 3});
    }
  }

  TrafficReading read(const TrafficReading& before = {}) {
    return readTraffic(kernel, vipPorts, before, limits).value();
  }

  static std::vector<std::string> vipsOf(const TrafficReading& reading) {
    std::vector<std::string> vips;
    vips.reserve(reading.listed.size());
    for (const auto& one : reading.listed) vips.push_back(one.server.key.vip.toString());
    return vips;
  }

  fakes::FakeTraffic kernel;
  std::vector<VipPort> vipPorts;
  TrafficLimits limits{2, 3};
};

TEST_F(TrafficReadingTest, ListsAVirtualServerWithItsBackendsAndTheSumOfTheirConnections) {
  add("192.0.2.1", 3, 7);
  const TrafficReading reading = read();
  ASSERT_THAT(vipsOf(reading), ElementsAre("192.0.2.1"));
  EXPECT_EQ(reading.listed[0].server.counters.connections, 7U);
  EXPECT_EQ(reading.listed[0].activeConnections, 6U);
  EXPECT_EQ(reading.listed[0].inactiveConnections, 9U);
  EXPECT_EQ(reading.listed[0].realServers.size(), 3U);
  EXPECT_EQ(reading.virtualServersLeftOut, 0U);
  EXPECT_EQ(reading.realServersLeftOut, 0U);
}

TEST_F(TrafficReadingTest, AVirtualServerOfAnotherProgramIsNeitherListedNorCounted) {
  add("192.0.2.1", 1);
  kernel.servers[tcp("192.0.2.1", 81)];
  kernel.servers[tcp("192.0.2.9", 80)];
  EXPECT_THAT(vipsOf(read()), ElementsAre("192.0.2.1"));
  EXPECT_EQ(read().virtualServersLeftOut, 0U);
  EXPECT_THAT(kernel.asked, ElementsAre(tcp("192.0.2.1", 80), tcp("192.0.2.1", 80)));
}

TEST_F(TrafficReadingTest, BeyondTheLimitTheFirstByAddressAreListedAndTheRestIsCounted) {
  for (const char* vip : {"192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"}) add(vip, 0);
  const TrafficReading reading = read();
  EXPECT_THAT(vipsOf(reading), ElementsAre("192.0.2.1", "192.0.2.2"));
  EXPECT_EQ(reading.virtualServersLeftOut, 2U);
  EXPECT_THAT(kernel.asked, ElementsAre(tcp("192.0.2.1", 80), tcp("192.0.2.2", 80)))
      << "what is left out costs nothing";
}

TEST_F(TrafficReadingTest, BeyondTheLimitThoseWithTrafficGoFirst) {
  add("192.0.2.1", 0);
  add("192.0.2.2", 0, 5);
  add("192.0.2.3", 0);
  add("192.0.2.4", 0, 1);
  EXPECT_THAT(vipsOf(read()), ElementsAre("192.0.2.2", "192.0.2.4"));
}

TEST_F(TrafficReadingTest, BeyondTheLimitWhatIsListedStaysListed) {
  add("192.0.2.2", 0, 1);
  add("192.0.2.3", 0, 1);
  const TrafficReading before = read();
  add("192.0.2.4", 0, 9);
  add("192.0.2.1", 0, 9);
  std::sort(vipPorts.begin(), vipPorts.end(),
            [](const VipPort& a, const VipPort& b) { return a.key < b.key; });
  EXPECT_THAT(vipsOf(read(before)), ElementsAre("192.0.2.2", "192.0.2.3"));
  kernel.servers.erase(tcp("192.0.2.2", 80));
  EXPECT_THAT(vipsOf(read(before)), ElementsAre("192.0.2.1", "192.0.2.3"));
}

TEST_F(TrafficReadingTest, BackendsThatDoNotAllFitAreOnlySummedUp) {
  add("192.0.2.1", 2);
  add("192.0.2.2", 2);
  const TrafficReading reading = read();
  EXPECT_EQ(reading.listed[0].realServers.size(), 2U);
  EXPECT_THAT(reading.listed[1].realServers, IsEmpty());
  EXPECT_EQ(reading.listed[1].activeConnections, 4U);
  EXPECT_EQ(reading.realServersLeftOut, 2U);
}

TEST_F(TrafficReadingTest, BackendsOfThoseWithTrafficGoFirstAndStayListed) {
  limits = {4, 3};
  add("192.0.2.1", 2);
  add("192.0.2.2", 2, 5);
  TrafficReading reading = read();
  EXPECT_THAT(vipsOf(reading), ElementsAre("192.0.2.1", "192.0.2.2"));
  EXPECT_THAT(reading.listed[0].realServers, IsEmpty());
  EXPECT_EQ(reading.listed[1].realServers.size(), 2U);
  kernel.servers[tcp("192.0.2.1", 80)].counters.connections = 9;
  reading = read(reading);
  EXPECT_THAT(reading.listed[0].realServers, IsEmpty());
  EXPECT_EQ(reading.listed[1].realServers.size(), 2U);
}

TEST_F(TrafficReadingTest, AFailureIsTheReadersError) {
  add("192.0.2.1", 1);
  kernel.error = Error{ErrorCode::kUnavailable, "no buffer space", ENOBUFS, {}};
  EXPECT_EQ(readTraffic(kernel, vipPorts, {}, limits).error().detail, ENOBUFS);
}

}  // namespace
}  // namespace barevip::node::test
