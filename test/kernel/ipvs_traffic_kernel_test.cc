// SPDX-License-Identifier: Apache-2.0
// The counters of a real IPVS, moved by real packets.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <chrono>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "ipvsnode/netlink/ipvs_traffic.h"
#include "kernel/namespace_test.h"

namespace barevip::kernel_test {
namespace {

using namespace std::chrono_literals;
using netlink::IpvsTraffic;

const ipvs::VirtualServerKey kDns{ip("192.0.2.1"), 53, ipvs::Protocol::kUdp};
const ipvs::RealServerKey kPod{ip("10.0.0.1"), 5353};
constexpr std::size_t kPayload = 100;
constexpr std::uint64_t kHeaders = 28;  // IPv4 and UDP

sockaddr_in at(const char* address, std::uint16_t port) {
  sockaddr_in result{};
  result.sin_family = AF_INET;
  result.sin_port = htons(port);
  inet_pton(AF_INET, address, &result.sin_addr);
  return result;
}

FileDescriptor udpSocket(const sockaddr_in& bound) {
  FileDescriptor fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const timeval patience{5, 0};
  EXPECT_EQ(setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
  EXPECT_EQ(bind(fd.get(), reinterpret_cast<const sockaddr*>(&bound), sizeof bound), 0);
  return fd;
}

void send(const FileDescriptor& from, const sockaddr_in& to) {
  const std::string payload(kPayload, 'x');
  EXPECT_EQ(sendto(from.get(), payload.data(), payload.size(), 0,
                   reinterpret_cast<const sockaddr*>(&to), sizeof to),
            static_cast<ssize_t>(kPayload));
}

sockaddr_in receive(const FileDescriptor& socket) {
  std::array<char, 2 * kPayload> buffer{};
  sockaddr_in from{};
  socklen_t length = sizeof from;
  EXPECT_EQ(recvfrom(socket.get(), buffer.data(), buffer.size(), 0,
                     reinterpret_cast<sockaddr*>(&from), &length),
            static_cast<ssize_t>(kPayload));
  return from;
}

class IpvsTrafficTest : public NamespaceTest {
 protected:
  void SetUp() override {
    NamespaceTest::SetUp();
    for (const char* address : {"192.0.2.1", "10.0.0.1", "10.0.0.2"}) {
      run("ip address add " + std::string(address) + "/32 dev lo");
    }
    run("ipvsadm -A -u 192.0.2.1:53 -s rr");
    run("ipvsadm -a -u 192.0.2.1:53 -r 10.0.0.1:5353 -m");
  }

  static IpvsTraffic open() {
    auto traffic = IpvsTraffic::open();
    if (!traffic) throw std::runtime_error(traffic.error().message);
    return std::move(*traffic);
  }
};

TEST_F(IpvsTrafficTest, CountsConnectionsPacketsAndBytesBothWays) {
  const FileDescriptor pod = udpSocket(at("10.0.0.1", 5353));
  const FileDescriptor client = udpSocket(at("10.0.0.2", 4000));
  auto traffic = open();
  send(client, at("192.0.2.1", 53));
  send(client, at("192.0.2.1", 53));
  const sockaddr_in from = receive(pod);
  receive(pod);
  send(pod, from);
  receive(client);

  const ipvs::TrafficCounters expected{1, 2, 1, 2 * (kPayload + kHeaders), kPayload + kHeaders};
  // The kernel brings its counters up to date every two seconds.
  const auto deadline = std::chrono::steady_clock::now() + 20s;
  std::vector<ipvs::VirtualServerTraffic> servers;
  while (std::chrono::steady_clock::now() < deadline) {
    servers = traffic.virtualServers().value();
    if (servers.at(0).counters == expected) break;
    std::this_thread::sleep_for(100ms);
  }
  EXPECT_EQ(servers, (std::vector<ipvs::VirtualServerTraffic>{{kDns, expected}}));
  EXPECT_EQ(traffic.realServers(kDns).value(),
            (std::vector<ipvs::RealServerTraffic>{{kPod, expected, 0, 1}}))
      << "UDP connections count as inactive";
}

TEST_F(IpvsTrafficTest, AVirtualServerThatIsGoneHasNoRealServers) {
  auto traffic = open();
  EXPECT_EQ(traffic.realServers(kDns).value().size(), 1U);
  run("ipvsadm -D -u 192.0.2.1:53");
  EXPECT_TRUE(traffic.virtualServers().value().empty());
  EXPECT_TRUE(traffic.realServers(kDns).value().empty());
}

TEST_F(IpvsTrafficTest, WhatIsMadeAgainBeginsAtZero) {
  const FileDescriptor client = udpSocket(at("10.0.0.2", 4000));
  send(client, at("192.0.2.1", 53));
  auto traffic = open();
  run("ipvsadm -D -u 192.0.2.1:53");
  run("ipvsadm -A -u 192.0.2.1:53 -s rr");
  EXPECT_EQ(traffic.virtualServers().value(),
            (std::vector<ipvs::VirtualServerTraffic>{{kDns, {}}}));
}

}  // namespace
}  // namespace barevip::kernel_test
