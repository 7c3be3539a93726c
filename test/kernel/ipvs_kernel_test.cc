// SPDX-License-Identifier: Apache-2.0
// IpvsKernel against the real thing. ipvsadm stands for the other programs of a node, and as a
// witness that does not share our code.
#include "ipvsnode/netlink/ipvs_kernel.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "fakes/fake_kernel.h"
#include "fakes/printers.h"
#include "kernel/namespace_test.h"

namespace barevip::kernel_test {
namespace {

using ipvs::Op;
using ipvs::OpResult;
using ipvs::Protocol;
using ipvs::RealServer;
using ipvs::VirtualServer;
using ipvs::VirtualServerKey;
using ipvs::VirtualServerOptions;
using netlink::IpvsKernel;

const VirtualServerKey kWeb{.vip = ip("192.0.2.1"), .port = 80, .protocol = Protocol::kTcp};
const VirtualServerKey kWeb6{.vip = ip("2001:db8::1"), .port = 80, .protocol = Protocol::kTcp};
const VirtualServerKey kDns{.vip = ip("192.0.2.1"), .port = 53, .protocol = Protocol::kUdp};

Op virtualServerOp(Op::Kind kind, const VirtualServerKey& key,
                   const VirtualServerOptions& options = {}) {
  return {.kind = kind, .virtualServer = key, .options = options, .realServer = {}};
}

Op addVirtualServer(const VirtualServerKey& key, const VirtualServerOptions& options = {}) {
  return virtualServerOp(Op::Kind::kAddVirtualServer, key, options);
}

Op deleteVirtualServer(const VirtualServerKey& key) {
  return virtualServerOp(Op::Kind::kDeleteVirtualServer, key);
}

Op realServerOp(Op::Kind kind, const VirtualServerKey& key, const IpAddress& address,
                std::uint32_t weight = 1) {
  return {.kind = kind,
          .virtualServer = key,
          .options = {},
          .realServer = {.address = address, .port = 8080},
          .weight = weight};
}

Op addRealServer(const VirtualServerKey& key, const IpAddress& address, std::uint32_t weight = 1) {
  return realServerOp(Op::Kind::kAddRealServer, key, address, weight);
}

RealServer real(const char* address, std::uint16_t port = 8080, std::uint32_t weight = 1) {
  return {.key = {.address = ip(address), .port = port}, .weight = weight};
}

std::vector<Op> opsThatMake(const std::vector<VirtualServer>& servers) {
  std::vector<Op> ops;
  for (const auto& server : servers) {
    ops.push_back(addVirtualServer(server.key, server.options));
    for (const auto& realServer : server.realServers) {
      Op op = addRealServer(server.key, realServer.key.address, realServer.weight);
      op.realServer.port = realServer.key.port;
      ops.push_back(op);
    }
  }
  return ops;
}

class IpvsKernelTest : public NamespaceTest {
 protected:
  IpvsKernel open() {
    auto kernel = IpvsKernel::open();
    if (!kernel) throw std::runtime_error(kernel.error().message);
    return std::move(*kernel);
  }

  static std::vector<VirtualServer> dumped(IpvsKernel& kernel) {
    auto servers = kernel.dump();
    if (!servers) throw std::runtime_error(servers.error().message);
    return std::move(*servers);
  }
};

TEST_F(IpvsKernelTest, TheDumpShowsWhatWasApplied) {
  auto kernel = open();
  const VirtualServerOptions sticky{
      .scheduler = "rr", .flags = ipvs::kPersistent, .persistenceSeconds = 10800};
  const VirtualServerOptions maglev{.scheduler = "mh",
                                    .flags = ipvs::kSchedulerFlag1 | ipvs::kSchedulerFlag2};
  const std::vector<VirtualServer> wanted = {
      {kWeb, {}, {real("10.0.0.1"), real("10.0.0.2", 8080, 0), real("10.0.0.2", 8081, 100)}},
      {{ip("192.0.2.2"), 443, Protocol::kTcp}, sticky, {}},
      {{ip("192.0.2.2"), 443, Protocol::kUdp}, maglev, {}},
      {{ip("192.0.2.2"), 443, Protocol::kSctp}, {}, {}},
      {kWeb6, sticky, {real("fd00::1")}}};

  const auto results = kernel.apply(opsThatMake(wanted));

  ASSERT_TRUE(results) << results.error().message;
  EXPECT_EQ(*results, std::vector<OpResult>(9, 0));
  EXPECT_EQ(dumped(kernel), wanted);
}

TEST_F(IpvsKernelTest, IpvsadmShowsWhatWasApplied) {
  auto kernel = open();
  ASSERT_TRUE(kernel.apply(std::vector<Op>{
      addVirtualServer(kWeb), addRealServer(kWeb, ip("10.0.0.1"), 3),
      addVirtualServer(kWeb6, {.flags = ipvs::kPersistent, .persistenceSeconds = 60}),
      addRealServer(kWeb6, ip("fd00::1"))}));
  const std::string saved = run("ipvsadm -Sn");
  for (const char* line :
       {"-A -t 192.0.2.1:80 -s rr", "-a -t 192.0.2.1:80 -r 10.0.0.1:8080 -m -w 3",
        "-A -t [2001:db8::1]:80 -s rr -p 60", "-a -t [2001:db8::1]:80 -r [fd00::1]:8080 -m -w 1"}) {
    EXPECT_NE(saved.find(line), std::string::npos) << line << " is missing in\n" << saved;
  }
}

TEST_F(IpvsKernelTest, TimeoutsAreThoseOfTheNamespaceAndOthersSeeThem) {
  using std::chrono::seconds;
  auto kernel = open();
  EXPECT_EQ(kernel.timeouts().value(), (ipvs::Timeouts{seconds(900), seconds(120), seconds(300)}))
      << "what Linux has of itself";
  ASSERT_TRUE(kernel.setTimeouts({seconds(7260), seconds(60), seconds(30)}));
  EXPECT_NE(run("ipvsadm -l --timeout").find("7260 60 30"), std::string::npos);
  run("ipvsadm --set 10 0 0");
  EXPECT_EQ(kernel.timeouts().value(), (ipvs::Timeouts{seconds(10), seconds(60), seconds(30)}));
  ASSERT_TRUE(kernel.setTimeouts({seconds(7260), seconds(0), seconds(0)}));
  EXPECT_EQ(kernel.timeouts().value(), (ipvs::Timeouts{seconds(7260), seconds(60), seconds(30)}))
      << "what is not wished for stays";
}

TEST_F(IpvsKernelTest, TheLongestTimeoutThatTheFlagsAllowIsTaken) {
  const std::chrono::seconds most = std::chrono::hours(576);
  auto kernel = open();
  ASSERT_TRUE(kernel.setTimeouts({most, most, most}));
  EXPECT_EQ(kernel.timeouts().value(), (ipvs::Timeouts{most, most, most}));
}

TEST_F(IpvsKernelTest, AddsBringWhatIsThereIntoTheWantedForm) {
  // A tunnel keeps the port, so both have the same.
  const VirtualServerKey key{ip("192.0.2.1"), 8080, Protocol::kTcp};
  run("ipvsadm -A -t 192.0.2.1:8080 -s wrr -p 60");
  run("ipvsadm -a -t 192.0.2.1:8080 -r 10.0.0.1:8080 -i -w 7");
  auto kernel = open();

  const auto results =
      kernel.apply(std::vector<Op>{addVirtualServer(key), addRealServer(key, ip("10.0.0.1"), 2)});

  ASSERT_TRUE(results) << results.error().message;
  EXPECT_EQ(*results, std::vector<OpResult>(2, 0));
  EXPECT_EQ(dumped(kernel), (std::vector<VirtualServer>{{key, {}, {real("10.0.0.1", 8080, 2)}}}));
}

TEST_F(IpvsKernelTest, AFailedOpDoesNotStopTheOthers) {
  auto kernel = open();
  const auto results = kernel.apply(
      std::vector<Op>{addVirtualServer(kWeb), addVirtualServer(kDns, {.scheduler = "nosuch"}),
                      addRealServer(kDns, ip("10.0.0.1")),
                      realServerOp(Op::Kind::kSetRealServer, kWeb, ip("10.0.0.9")),
                      virtualServerOp(Op::Kind::kSetVirtualServer, kDns),
                      addRealServer(kWeb, ip("fe80::1")), addRealServer(kWeb, ip("10.0.0.1"))});
  ASSERT_TRUE(results) << results.error().message;
  EXPECT_EQ(*results, (std::vector<OpResult>{0, ENOENT, ESRCH, ENOENT, ESRCH, EINVAL, 0}));
  EXPECT_EQ(kernel.dump()->front().realServers.size(), 1U);
}

TEST_F(IpvsKernelTest, DeletingWhatIsGoneIsDone) {
  auto kernel = open();
  ASSERT_TRUE(kernel.apply(std::vector<Op>{addVirtualServer(kWeb)}));
  const auto results =
      kernel.apply(std::vector<Op>{realServerOp(Op::Kind::kDeleteRealServer, kWeb, ip("10.0.0.1")),
                                   realServerOp(Op::Kind::kDeleteRealServer, kDns, ip("10.0.0.1")),
                                   deleteVirtualServer(kDns), deleteVirtualServer(kWeb)});
  ASSERT_TRUE(results) << results.error().message;
  EXPECT_EQ(*results, std::vector<OpResult>(4, 0));
  EXPECT_EQ(dumped(kernel), std::vector<VirtualServer>{});
}

TEST_F(IpvsKernelTest, VirtualServersByFirewallMarkAreLeftOut) {
  run("ipvsadm -A -f 7 -s rr");
  run("ipvsadm -a -f 7 -r 10.0.0.1 -m");
  auto kernel = open();
  EXPECT_EQ(dumped(kernel), std::vector<VirtualServer>{});
}

TEST_F(IpvsKernelTest, RealServersOfOtherMethodsAreFlagged) {
  run("ipvsadm -A -t 192.0.2.1:80 -s rr");
  run("ipvsadm -a -t 192.0.2.1:80 -r 10.0.0.1:80 -g");
  run("ipvsadm -a -t 192.0.2.1:80 -r 10.0.0.2:80 -i");
  run("ipvsadm -a -t 192.0.2.1:80 -r 10.0.0.3:80 -m");
  auto kernel = open();
  const auto servers = kernel.dump();
  ASSERT_TRUE(servers) << servers.error().message;
  std::vector<bool> foreign;
  for (const auto& realServer : servers->at(0).realServers) {
    foreign.push_back(realServer.foreignMethod);
  }
  EXPECT_EQ(foreign, (std::vector<bool>{true, true, false}));
}

TEST_F(IpvsKernelTest, ATableOfAnotherNamespaceIsReachedByItsDescriptor) {
  const auto director = newNamespace();
  auto kernel = IpvsKernel::open(director.get());
  ASSERT_TRUE(kernel) << kernel.error().message;
  ASSERT_TRUE(kernel->apply(std::vector<Op>{addVirtualServer(kWeb)}));
  EXPECT_TRUE(open().dump()->empty()) << "it must not be in this namespace";
  within(director, [] { EXPECT_EQ(IpvsKernel::open()->dump()->size(), 1U); });
}

TEST_F(IpvsKernelTest, AnotherProcessSeesTheSame) {
  auto kernel = open();
  ASSERT_TRUE(kernel.apply(std::vector<Op>{
      addVirtualServer(kWeb), addRealServer(kWeb, ip("10.0.0.1"), 5), addVirtualServer(kWeb6)}));
  const auto before = *kernel.dump();
  const pid_t child = fork();
  if (child == 0) {
    auto own = IpvsKernel::open();
    _exit(own && own->dump() == before ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

TEST_F(IpvsKernelTest, WithoutTheCapabilityItSaysWhichOne) {
  const pid_t child = fork();
  if (child == 0) {
    if (setuid(65534) != 0) _exit(1);
    auto kernel = IpvsKernel::open();
    if (!kernel) _exit(2);
    const auto dumped = kernel->dump();
    const auto applied = kernel->apply(std::vector<Op>{addVirtualServer(kWeb)});
    const auto told = [](const Error& error) {
      return error.code == ErrorCode::kForbidden &&
             error.message.find("CAP_NET_ADMIN") != std::string::npos;
    };
    _exit(!dumped && told(dumped.error()) && !applied && told(applied.error()) ? 0 : 3);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

VirtualServerKey numbered(std::uint32_t number) {
  return {IpAddress::fromNumber(Family::kIpv4, 0x0a600000U + number), 80, Protocol::kTcp};
}

TEST_F(IpvsKernelTest, TenThousandVirtualServersAreListedOnceEachWhileAnotherWrites) {
  constexpr std::uint32_t kCount = 10000;
  constexpr std::uint32_t kChanging = 100;
  auto kernel = open();
  std::vector<Op> plan;
  for (std::uint32_t i = 0; i < kCount; ++i) plan.push_back(addVirtualServer(numbered(i)));
  const auto results = kernel.apply(plan);
  ASSERT_TRUE(results) << results.error().message;
  EXPECT_EQ(*results, std::vector<OpResult>(kCount, 0));
  EXPECT_EQ(kernel.dump()->size(), kCount);

  std::atomic<bool> enough = false;
  std::jthread writer([&enough, other = open()]() mutable {
    for (std::uint32_t i = 0; !enough; ++i) {
      const auto key = numbered(i % kChanging);
      ASSERT_TRUE(other.apply(std::vector<Op>{deleteVirtualServer(key), addVirtualServer(key)}));
    }
  });
  const auto servers = kernel.dump();
  enough = true;
  ASSERT_TRUE(servers) << servers.error().message;
  EXPECT_LE(servers->size(), kCount);
  const auto repeated = std::adjacent_find(
      servers->begin(), servers->end(),
      [](const VirtualServer& a, const VirtualServer& b) { return a.key >= b.key; });
  EXPECT_EQ(repeated, servers->end()) << toString(repeated->key);
}

// Plans over so few keys that they collide all the time.
std::vector<Op> randomPlan() {
  const auto keys = std::vector<VirtualServerKey>{kWeb, kDns, kWeb6};
  const auto pods4 = std::vector<IpAddress>{ip("10.0.0.1"), ip("10.0.0.2")};
  const auto pods6 = std::vector<IpAddress>{ip("fd00::1"), ip("fd00::2")};
  std::vector<Op> plan;
  const auto length = *rc::gen::inRange(0, 12);
  for (int i = 0; i < length; ++i) {
    Op op;
    op.kind = *rc::gen::element(Op::Kind::kAddVirtualServer, Op::Kind::kSetVirtualServer,
                                Op::Kind::kDeleteVirtualServer, Op::Kind::kAddRealServer,
                                Op::Kind::kAddRealServer, Op::Kind::kSetRealServer,
                                Op::Kind::kDeleteRealServer);
    op.virtualServer = *rc::gen::elementOf(keys);
    op.options.scheduler = *rc::gen::element<std::string>("rr", "wrr", "sh");
    if (*rc::gen::arbitrary<bool>()) {
      op.options.flags = ipvs::kPersistent;
      op.options.persistenceSeconds = 60;
    }
    op.realServer.address = *rc::gen::elementOf(op.virtualServer.vip.isIpv4() ? pods4 : pods6);
    op.realServer.port = 8080;
    op.weight = *rc::gen::inRange<std::uint32_t>(0, 4);
    plan.push_back(op);
  }
  return plan;
}

TEST_F(IpvsKernelTest, TheFakeAndTheKernelAgreeOnAnyPlans) {
  auto kernel = open();
  const bool held = rc::check("a plan has one outcome", [&] {
    run("ipvsadm -C");
    fakes::FakeKernel fake;
    const auto rounds = *rc::gen::inRange(1, 4);
    for (int round = 0; round < rounds; ++round) {
      const auto plan = randomPlan();
      const auto real = kernel.apply(plan);
      RC_ASSERT(real.has_value());
      RC_ASSERT(*real == *fake.apply(plan));
      RC_ASSERT(*kernel.dump() == fake.table());
    }
  });
  EXPECT_TRUE(held);
}

}  // namespace
}  // namespace barevip::kernel_test
