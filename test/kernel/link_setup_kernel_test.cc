// SPDX-License-Identifier: Apache-2.0
// LinkSetup against the real thing, with `ip` as a witness.
#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <utility>

#include "ipvsnode/netlink/link_setup.h"
#include "ipvsnode/netlink/rtnetlink_socket.h"
#include "kernel/namespace_test.h"

namespace barevip::kernel_test {
namespace {

using netlink::LinkSetup;
using netlink::RtnetlinkSocket;

class LinkSetupTest : public NamespaceTest {
 protected:
  static LinkSetup open(int namespaceFd = -1) {
    auto setup = LinkSetup::open(namespaceFd);
    if (!setup) throw std::runtime_error(setup.error().message);
    return std::move(*setup);
  }

  static void expectDone(const Result<void>& result) {
    EXPECT_TRUE(result) << result.error().message;
  }

  static void expectLine(const std::string& output, const std::string& line) {
    EXPECT_NE(output.find(line), std::string::npos) << line << " is missing in\n" << output;
  }
};

TEST_F(LinkSetupTest, AVethPairJoinsTwoNamespaces) {
  const auto director = newNamespace();
  auto setup = open();
  expectDone(setup.ensureVeth("bvip-out", "outside", director.get()));
  expectLine(run("ip -details link show bvip-out"), "veth");
  within(director, [] { expectLine(run("ip -details link show outside"), "veth"); });
}

TEST_F(LinkSetupTest, AVethPairThatIsThereStays) {
  const auto director = newNamespace();
  auto setup = open();
  expectDone(setup.ensureVeth("bvip-out", "outside", director.get()));
  const std::string before = run("ip -o link show bvip-out");
  expectDone(setup.ensureVeth("bvip-out", "outside", director.get()));
  EXPECT_EQ(run("ip -o link show bvip-out"), before);
}

TEST_F(LinkSetupTest, TwoPairsKeepApart) {
  const auto director = newNamespace();
  auto setup = open();
  for (int round = 0; round < 2; ++round) {
    expectDone(setup.ensureVeth("bvip-out", "outside", director.get()));
    expectDone(setup.ensureVeth("bvip-in", "inside", director.get()));
  }
  within(director, [] { EXPECT_TRUE(*open().exists("inside") && *open().exists("outside")); });
}

TEST_F(LinkSetupTest, AVethPairIntoANamespaceThatWasMadeAnewIsMadeAnew) {
  const auto before = newNamespace();
  auto setup = open();
  expectDone(setup.ensureVeth("bvip-out", "outside", before.get()));
  const auto after = newNamespace();
  expectDone(setup.ensureVeth("bvip-out", "outside", after.get()));
  within(before, [] { EXPECT_FALSE(*open().exists("outside")); });
  within(after, [] { EXPECT_TRUE(*open().exists("outside")); });
}

TEST_F(LinkSetupTest, AForeignDeviceOfThatNameIsLeftAlone) {
  run("ip link add bvip-out type dummy");
  run("ip link add barevip0 type veth peer name far");
  const auto director = newNamespace();
  auto setup = open();
  for (const auto& refused :
       {setup.ensureVeth("bvip-out", "outside", director.get()), setup.ensureDummy("barevip0")}) {
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::kAlreadyExists);
    EXPECT_NE(refused.error().message.find("ip link delete"), std::string::npos);
  }
}

TEST_F(LinkSetupTest, ADummyIsMadeOnce) {
  auto setup = open();
  EXPECT_FALSE(*setup.exists("barevip0"));
  expectDone(setup.ensureDummy("barevip0"));
  expectDone(setup.ensureDummy("barevip0"));
  EXPECT_TRUE(*setup.exists("barevip0"));
  expectLine(run("ip -details link show barevip0"), "dummy");
}

TEST_F(LinkSetupTest, DevicesGetUpWithTheirMtu) {
  auto setup = open();
  expectDone(setup.ensureDummy("barevip0"));
  for (int round = 0; round < 2; ++round) {
    expectDone(setup.setUp("barevip0"));
    expectDone(setup.setMtu("barevip0", 1400));
  }
  const std::string shown = run("ip -o link show barevip0");
  expectLine(shown, ",UP");
  expectLine(shown, "mtu 1400");
}

TEST_F(LinkSetupTest, AddressesHaveTheirNetworkAndAreUsableAtOnce) {
  const auto director = newNamespace();
  auto setup = open();
  expectDone(setup.ensureVeth("bvip-out", "outside", director.get()));
  expectDone(setup.setUp("bvip-out"));
  for (int round = 0; round < 2; ++round) {
    expectDone(setup.ensureAddress("bvip-out", ip("169.254.77.1"), 30));
    expectDone(setup.ensureAddress("bvip-out", ip("fd77:6276:6970::1"), 126));
  }
  expectLine(run("ip -4 -o addr show dev bvip-out"), "169.254.77.1/30");
  expectLine(run("ip route"), "169.254.77.0/30 dev bvip-out");
  expectLine(run("ip -6 -o addr show dev bvip-out"), "fd77:6276:6970::1/126");
  EXPECT_EQ(run("ip -6 addr show dev bvip-out tentative to fd77:6276:6970::1"), "");
}

TEST_F(LinkSetupTest, TheDefaultRouteIsReplaced) {
  auto setup = open();
  expectDone(setup.ensureDummy("outside"));
  expectDone(setup.setUp("outside"));
  expectDone(setup.ensureAddress("outside", ip("169.254.77.2"), 29));
  expectDone(setup.ensureAddress("outside", ip("fd77:6276:6970::2"), 126));
  run("ip route add default via 169.254.77.3 dev outside");
  for (int round = 0; round < 2; ++round) {
    expectDone(setup.ensureDefaultRoute(ip("169.254.77.1"), "outside"));
    expectDone(setup.ensureDefaultRoute(ip("fd77:6276:6970::1"), "outside"));
  }
  EXPECT_EQ(run("ip route show default"), "default via 169.254.77.1 dev outside proto static \n");
  expectLine(run("ip -6 route show default"), "default via fd77:6276:6970::1 dev outside");
}

TEST_F(LinkSetupTest, NothingOfItIsTakenForAVip) {
  auto setup = open();
  expectDone(setup.ensureDummy("outside"));
  expectDone(setup.setUp("outside"));
  expectDone(setup.ensureAddress("outside", ip("169.254.77.2"), 30));
  expectDone(setup.ensureDefaultRoute(ip("169.254.77.1"), "outside"));
  auto links = RtnetlinkSocket::open({.ownDevices = {"lo"}});
  ASSERT_TRUE(links);
  EXPECT_TRUE(links->dumpOwned()->empty());
}

TEST_F(LinkSetupTest, DeletingADeviceMayBeRepeated) {
  auto setup = open();
  expectDone(setup.ensureDummy("barevip0"));
  expectDone(setup.deleteLink("barevip0"));
  expectDone(setup.deleteLink("barevip0"));
  EXPECT_FALSE(*setup.exists("barevip0"));
}

TEST_F(LinkSetupTest, ADeviceThatIsNotThereIsNamed) {
  auto setup = open();
  for (const auto& result : {setup.setUp("gone"), setup.setMtu("gone", 1400),
                             setup.ensureAddress("gone", ip("169.254.77.1"), 30),
                             setup.ensureDefaultRoute(ip("169.254.77.1"), "gone")}) {
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, ErrorCode::kNotFound);
    EXPECT_NE(result.error().message.find("gone"), std::string::npos) << result.error().message;
  }
}

}  // namespace
}  // namespace barevip::kernel_test
