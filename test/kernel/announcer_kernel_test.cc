// SPDX-License-Identifier: Apache-2.0
// ARP and neighbour discovery between two hosts of a real kernel.
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <stop_token>
#include <string>
#include <thread>

#include "ipvsnode/announce/l2/announcer_raw.h"
#include "kernel/lab_network.h"

namespace barevip::kernel_test {
namespace {

using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;

constexpr const char* kOurMac = "02:00:00:00:00:01";
constexpr const char* kTheirMac = "02:00:00:00:00:02";

IpAddress ip(const char* text) { return *IpAddress::parse(text); }

class Announcing : public ::testing::Test {
 protected:
  Announcing() {
    us_.ip("link add eth0 type veth peer name eth0 netns them");
    us_.ip(std::string("link set eth0 address ") + kOurMac +
           "\naddr add 192.0.2.1/24 dev eth0\naddr add 2001:db8::1/64 dev eth0 nodad");
    them_.ip(std::string("link set eth0 address ") + kTheirMac +
             "\naddr add 192.0.2.2/24 dev eth0\naddr add 2001:db8::2/64 dev eth0 nodad");
    for (Space* space : {&us_, &them_}) {
      space->run("sysctl -qw net.ipv6.conf.eth0.accept_dad=0");
      space->ip("link set eth0 up");
    }
    auto opened = us_.thread().run([] { return host::RawAnnouncer::open(); });
    EXPECT_TRUE(opened) << opened.error().message;
    if (opened) announcer_ = std::make_unique<host::RawAnnouncer>(*std::move(opened));
  }

  std::optional<std::string> probe(const char* address, std::chrono::milliseconds wait = 5s) {
    // ioctls of the socket's namespace, a listener of the thread's.
    const auto answer =
        us_.thread().run([&] { return announcer_->probe(ip(address), "eth0", wait, {}); });
    EXPECT_TRUE(answer) << answer.error().message;
    return answer.value_or(std::nullopt);
  }

  Space us_{"us"};
  Space them_{"them"};
  std::unique_ptr<host::RawAnnouncer> announcer_;
};

TEST_F(Announcing, NeighboursThatKnowAnotherOwnerLearnTheNewOne) {
  for (const char* vip : {"192.0.2.200", "2001:db8::200"}) {
    them_.ip(std::string("neigh replace ") + vip + " lladdr 02:00:00:00:00:99 nud stale dev eth0");
    std::string entry;
    // Again and again, as the daemon does: a device that just came up takes nothing in at first.
    for (int i = 0; i < 200 && entry.find(kOurMac) == std::string::npos; ++i) {
      const auto sent = announcer_->announce({ip(vip)}, "eth0");
      ASSERT_FALSE(sent.failure) << sent.failure->message;
      entry = them_.run(std::string("ip neigh show ") + vip + " dev eth0");
    }
    EXPECT_NE(entry.find(kOurMac), std::string::npos) << vip << ": " << entry;
  }
}

TEST_F(Announcing, ManyAddressesGoOutAtOnce) {
  std::vector<IpAddress> vips;
  for (std::uint32_t i = 0; i < 500; ++i) {
    vips.push_back(IpAddress::fromNumber(Family::kIpv4, ip("192.0.2.0").number() + i));
    vips.push_back(IpAddress::fromNumber(Family::kIpv6, ip("2001:db8::1000").number() + i));
  }
  const auto sent = announcer_->announce(vips, "eth0");
  EXPECT_FALSE(sent.failure) << sent.failure->message;
  EXPECT_TRUE(sent.unsent.empty());
}

TEST_F(Announcing, WhatADeviceThatIsDownDidNotTakeIsWorthAnotherTry) {
  us_.ip("link set eth0 down");
  const std::vector<IpAddress> vips = {ip("192.0.2.200"), ip("2001:db8::200")};
  const auto sent = announcer_->announce(vips, "eth0");
  EXPECT_TRUE(sent.failure);
  EXPECT_EQ(sent.unsent, vips);
}

TEST_F(Announcing, AProbeFindsWhoHoldsAnAddress) {
  EXPECT_EQ(probe("192.0.2.2"), kTheirMac);
  EXPECT_EQ(probe("2001:db8::2"), kTheirMac);
}

TEST_F(Announcing, AProbeFindsAnotherNodeThatOnlyProxiesTheAddress) {
  them_.run(
      "sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 "
      "net.ipv6.conf.eth0.proxy_ndp=1 net.ipv4.neigh.eth0.proxy_delay=0 "
      "net.ipv6.neigh.eth0.proxy_delay=0");
  them_.ip(
      "link add other type dummy\nlink set other up\nroute add 192.0.2.200 dev other\n"
      "route add 2001:db8::200 dev other\nneigh add proxy 192.0.2.200 dev eth0\n"
      "neigh add proxy 2001:db8::200 dev eth0");
  EXPECT_EQ(probe("192.0.2.200"), kTheirMac);
  EXPECT_EQ(probe("2001:db8::200"), kTheirMac);
}

TEST_F(Announcing, AProbeForAFreeAddressFindsNobody) {
  EXPECT_EQ(probe("192.0.2.77", 90ms), std::nullopt);
  EXPECT_EQ(probe("2001:db8::77", 90ms), std::nullopt);
}

TEST_F(Announcing, OurOwnAddressIsNobodyElses) {
  EXPECT_EQ(probe("192.0.2.1", 90ms), std::nullopt);
  EXPECT_EQ(probe("2001:db8::1", 90ms), std::nullopt);
}

TEST_F(Announcing, AProbeEndsWhenStopped) {
  std::stop_source source;
  source.request_stop();
  const auto answer = us_.thread().run(
      [&] { return announcer_->probe(ip("192.0.2.77"), "eth0", 100s, source.get_token()); });
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::kStopped);
}

TEST_F(Announcing, ADeviceThatIsNotThereOrNoEthernetIsAClearError) {
  const auto missing = announcer_->announce({ip("192.0.2.200")}, "eth7");
  ASSERT_TRUE(missing.failure);
  EXPECT_EQ(missing.failure->code, ErrorCode::kNotFound);
  const auto loopback = announcer_->announce({ip("192.0.2.200")}, "lo");
  ASSERT_TRUE(loopback.failure);
  EXPECT_EQ(loopback.failure->code, ErrorCode::kUnsupported);
  EXPECT_TRUE(loopback.unsent.empty()) << "it never will be sent";
}

}  // namespace
}  // namespace barevip::kernel_test
