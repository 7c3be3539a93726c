// SPDX-License-Identifier: Apache-2.0
// What the real kernel of test/kernel cannot be made to do to RtnetlinkSocket.
#include <gtest/gtest.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>

#include <cerrno>
#include <string>
#include <vector>

#include "fakes/printers.h"
#include "ipvsnode/netlink/route_codec.h"
#include "ipvsnode/netlink/rtnetlink_socket.h"
#include "wire/netlink/heap.h"
#include "wire/netlink/wire_kernel.h"

namespace barevip::wire_test {
namespace {

using net::BoundAddress;
using net::NetObject;
using net::NetOp;
using netlink::Received;
using netlink::RtnetlinkSocket;

const BoundAddress kAddress{*IpAddress::parse("192.0.2.1"), "eth0"};
const NetObject kItem = kAddress;
const NetOp kAdd{NetOp::Kind::kAdd, kItem};

/// The payload of a request of ours is that of an entry about the same thing.
Bytes payloadOf(const netlink::Message& message) {
  const auto bytes = netlink::bytesOf(*message);
  return {bytes.begin() + sizeof(nlmsghdr), bytes.end()};
}

/// One device eth0 with index 2, and our address on it.
Answer answer(const Received& request) {
  switch (request.header().nlmsg_type) {
    case RTM_GETLINK: {
      Bytes device = payloadOf(netlink::encodeDeviceRequest("eth0"));
      device[4] = std::byte{2};
      return {.error = 0, .text = {}, .replies = {device}, .type = RTM_NEWLINK};
    }
    case RTM_GETADDR:
      return {.error = 0,
              .text = {},
              .replies = {payloadOf(netlink::encodeAddressAdd(kAddress, 2)), Bytes(3)},
              .type = RTM_NEWADDR};
    case RTM_NEWADDR:
      return {.error = EEXIST, .text = {}, .replies = {}, .type = 0};
    case RTM_GETROUTE:
    case RTM_GETRULE:
      return {.error = EAFNOSUPPORT, .text = {}, .replies = {}, .type = 0};
    default:
      return {};
  }
}

RtnetlinkSocket open(const WireKernel& kernel) { return {kernel.connect(), {}}; }

TEST(RtnetlinkWire, EntriesThatMakeNoSenseAndFamiliesThatAreMissingAreLeftOut) {
  WireKernel kernel(answer);
  auto links = open(kernel);
  const auto items = links.dumpOwned();
  ASSERT_TRUE(items) << items.error().message;
  EXPECT_EQ(*items, std::vector{kItem});
}

TEST(RtnetlinkWire, InterruptedDumpsAreRepeated) {
  WireKernel kernel(answer);
  auto links = open(kernel);
  kernel.interruptDumps(5);
  const auto items = links.dumpOwned();
  ASSERT_TRUE(items) << items.error().message;
  EXPECT_EQ(*items, std::vector{kItem});
}

TEST(RtnetlinkWire, AnAddOfWhatIsThereAsOursIsDone) {
  WireKernel kernel(answer);
  auto links = open(kernel);
  EXPECT_EQ(*links.apply(std::vector{kAdd}), std::vector<int>{0});
}

TEST(RtnetlinkWire, TheMemoryForSendingAPlanDoesNotGrowWithThePlan) {
  std::vector<NetOp> plan;
  for (int i = 0; i < 20'000; ++i) {
    const auto text = "10.0." + std::to_string(i / 250) + "." + std::to_string(i % 250);
    plan.push_back({NetOp::Kind::kAdd, BoundAddress{*IpAddress::parse(text), "eth0"}});
  }
  HeapPeak peak;
  if (!peak.counts()) GTEST_SKIP() << "a sanitizer allocates here";
  std::size_t requests = 0;
  WireKernel kernel([&](const Received& request) {
    if (request.header().nlmsg_type != RTM_NEWADDR) return answer(request);
    if (requests++ % 1000 == 0) peak.look();
    return Answer{};
  });
  auto links = open(kernel);
  ASSERT_TRUE(links.apply(plan));
  EXPECT_EQ(requests, plan.size());
  EXPECT_LT(peak.bytes(), 3U << 20U);
}

TEST(RtnetlinkWire, WithoutTheCapabilityItSaysWhichOne) {
  WireKernel kernel([](const Received& request) {
    if (request.header().nlmsg_type == RTM_GETLINK) return answer(request);
    return Answer{.error = EPERM, .text = {}, .replies = {}, .type = 0};
  });
  auto links = open(kernel);
  const auto applied = links.apply(std::vector{kAdd});
  ASSERT_FALSE(applied);
  EXPECT_EQ(applied.error().code, ErrorCode::kForbidden);
  EXPECT_NE(applied.error().message.find("CAP_NET_ADMIN"), std::string::npos);
}

TEST(RtnetlinkWire, ADeviceRequestThatFailsIsNotTakenForAMissingDevice) {
  WireKernel kernel([](const Received&) {
    return Answer{.error = ENOMEM, .text = {}, .replies = {}, .type = 0};
  });
  auto links = open(kernel);
  const auto device = links.device("eth0");
  ASSERT_FALSE(device);
  EXPECT_EQ(device.error().code, ErrorCode::kUnavailable);
}

}  // namespace
}  // namespace barevip::wire_test
