// SPDX-License-Identifier: Apache-2.0
// The fakes keep the contracts that other tests lean on. That FakeKernel answers as the kernel does
// is seen by test/kernel.
#include <gtest/gtest.h>

#include <cerrno>
#include <vector>

#include "fakes/fake_kernel.h"
#include "fakes/fake_rtnetlink.h"
#include "fakes/printers.h"

namespace barevip::fakes {
namespace {

using ipvs::Op;
using net::BoundAddress;
using net::NetObject;
using net::NetOp;

IpAddress ip(const char* text) { return *IpAddress::parse(text); }

const ipvs::VirtualServerKey kWeb{ip("192.0.2.1"), 80, ipvs::Protocol::kTcp};
const Op kAddWeb{Op::Kind::kAddVirtualServer, kWeb, {}, {}, 1};
const Op kDeleteWeb{Op::Kind::kDeleteVirtualServer, kWeb, {}, {}, 1};
const Op kAddPod{Op::Kind::kAddRealServer, kWeb, {}, {ip("10.0.0.1"), 8080}, 1};

TEST(FakeKernel, DeletingAVirtualServerTakesItsRealServersAlong) {
  FakeKernel kernel;
  EXPECT_EQ(*kernel.apply(std::vector{kAddWeb, kAddPod, kDeleteWeb, kAddWeb}),
            std::vector<int>(4, 0));
  EXPECT_TRUE(kernel.table().front().realServers.empty());
}

TEST(FakeKernel, KeepsConnectionsWhenAnAddFindsTheRealServer) {
  FakeKernel kernel;
  ASSERT_TRUE(kernel.apply(std::vector{kAddWeb, kAddPod}));
  kernel.setConnections(kWeb, kAddPod.realServer, 3, 4);
  ASSERT_TRUE(kernel.apply(std::vector{kAddPod}));
  EXPECT_EQ(kernel.dump()->front().realServers.front().activeConnections, 3U);
}

TEST(FakeKernel, FailsOpsOnDemandAndGoesOn) {
  FakeKernel kernel;
  kernel.setOpFault([](const Op& op) { return op.kind == Op::Kind::kAddRealServer ? ENOMEM : 0; });
  EXPECT_EQ(*kernel.apply(std::vector{kAddWeb, kAddPod}), (std::vector<int>{0, ENOMEM}));
  EXPECT_EQ(kernel.takeWrites(), std::vector{kAddWeb});
  EXPECT_TRUE(kernel.takeWrites().empty());
}

TEST(FakeKernel, MayFailInTheMiddleOfAPlan) {
  FakeKernel kernel;
  kernel.failNextApplyAfter(1, {.code = ErrorCode::kUnavailable, .message = "lost"});
  EXPECT_FALSE(kernel.apply(std::vector{kAddWeb, kAddPod}));
  EXPECT_EQ(kernel.table().size(), 1U);
  EXPECT_TRUE(kernel.table().front().realServers.empty());
  EXPECT_TRUE(kernel.apply(std::vector{kAddPod})) << "once only";
}

const NetObject kItem = BoundAddress{ip("192.0.2.1"), "eth0"};
const NetOp kAdd{NetOp::Kind::kAdd, kItem};
const NetOp kDelete{NetOp::Kind::kDelete, kItem};

TEST(FakeRtnetlink, WantsTheDevice) {
  FakeRtnetlink links;
  EXPECT_EQ(*links.apply(std::vector{kAdd}), std::vector<int>{ENODEV});
  links.addDevice("eth0");
  EXPECT_EQ(*links.apply(std::vector{kAdd, kAdd}), std::vector<int>(2, 0));
  EXPECT_EQ(*links.dumpOwned(), std::vector{kItem});
}

TEST(FakeRtnetlink, LeavesForeignItemsAlone) {
  FakeRtnetlink links;
  links.addDevice("eth0");
  links.addForeign(kItem);
  EXPECT_EQ(*links.apply(std::vector{kAdd, kDelete}), (std::vector<int>{EEXIST, 0}));
  EXPECT_TRUE(links.dumpOwned()->empty());
  EXPECT_EQ(links.foreign(), std::vector{kItem});
  EXPECT_EQ(links.dumpAddresses()->size(), 1U);
}

TEST(FakeRtnetlink, LetsARouteOfOursGiveWay) {
  FakeRtnetlink links;
  links.addDevice("eth0");
  const auto by = [](const char* gateway) {
    return NetObject{net::Route{{ip("192.0.2.1"), 32}, 254, ip(gateway), "eth0"}};
  };
  links.addOwned(by("10.0.0.1"));
  EXPECT_EQ(*links.apply(std::vector{NetOp{NetOp::Kind::kAdd, by("10.0.0.2")}}),
            std::vector<int>{0});
  EXPECT_EQ(links.owned(), std::vector{by("10.0.0.2")});
}

TEST(FakeRtnetlink, LosesWhatStandsOnARemovedDevice) {
  FakeRtnetlink links;
  links.addDevice("eth0");
  ASSERT_TRUE(links.apply(std::vector{kAdd}));
  links.removeDevice("eth0");
  EXPECT_TRUE(links.owned().empty());
  EXPECT_EQ(links.device("eth0").error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace barevip::fakes
