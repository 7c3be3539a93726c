// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/inspect/dump.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "fakes/fake_api.h"
#include "unit/ipvsnode/builders.h"

namespace barevip::node::test {
namespace {

using nlohmann::json;
using testing::HasSubstr;

class DumpTest : public testing::Test {
 protected:
  DumpTest() {
    cluster.add(service("web", {"192.0.2.1"}))
        .add(slice("web", {{"10.1.0.1"}, {"10.1.0.2"}}))
        .add(ipObject("web", "192.0.2.1", "n1"));
  }

  Dump dump() { return makeDump(cluster.state, kernel, {}, {}, options()); }

  /// The kernel as the daemon would have made it.
  void program() {
    const DesiredState desired = computeDesired(cluster.state, options(), {});
    for (const auto& server : desired.virtualServers) {
      kernel.virtualServers.emplace(server.key, server);
    }
    kernel.nodeObjects = itemsOf(desired.nodeObjects);
    kernel.nodeObjects.insert(announcementOf(ip("192.0.2.1"), options()));
    kernel.balancerObjects = itemsOf(desired.balancerObjects);
  }

  ClusterBuilder cluster;
  KernelState kernel;
};

TEST_F(DumpTest, OfAKernelThatIsRightSaysSo) {
  program();
  EXPECT_EQ(json::parse(toJson(dump()))["inSync"], true);
  const std::string table = toTable(dump());
  EXPECT_THAT(table, HasSubstr("= TCP 192.0.2.1:80 rr"));
  EXPECT_THAT(table, HasSubstr("announced by n1"));
  EXPECT_THAT(table, testing::Not(HasSubstr("\n+ ")));
  EXPECT_THAT(table, testing::Not(HasSubstr("\n- ")));
}

TEST_F(DumpTest, NamesEachDifferenceAndItsReasonBelowItsVip) {
  program();
  kernel.timeouts.tcp = std::chrono::seconds(900);
  kernel.virtualServers.at(tcp("192.0.2.1", 80)).realServers.pop_back();
  EXPECT_THAT(toTable(dump()),
              HasSubstr("\nDifferences\n  all VIPs\n    timeouts of IPVS: wanted are "));
  EXPECT_THAT(toTable(dump()),
              HasSubstr("\n  192.0.2.1\n    TCP 192.0.2.1:80 -> 10.1.0.2:8080: the kernel lacks"));
  const json differences = json::parse(toJson(dump()))["differences"];
  ASSERT_EQ(differences.size(), 2U);
  EXPECT_EQ(differences[0]["vip"], "");
  EXPECT_EQ(differences[1]["vip"], "192.0.2.1");
  EXPECT_EQ(differences[1]["subject"], "TCP 192.0.2.1:80 -> 10.1.0.2:8080");
  EXPECT_THAT(differences[1]["reason"].get<std::string>(), HasSubstr("change refused"));
}

TEST_F(DumpTest, AVipThatNoNodeHasYetMissesNoRoutes) {
  program();
  kernel.nodeObjects.clear();
  EXPECT_THAT(toTable(dump()), HasSubstr("+ route 192.0.2.1/32"));
  cluster.state.ipObjects.clear();
  cluster.add(ipObject("web", "192.0.2.1", ""));
  EXPECT_THAT(toTable(dump()), testing::Not(HasSubstr("route 192.0.2.1/32")));
}

TEST_F(DumpTest, ShowsTheTimeoutsOfIpvs) {
  using std::chrono::seconds;
  program();
  kernel.timeouts = options().timeouts;
  EXPECT_THAT(toTable(dump()), HasSubstr("= tcp 7260s, tcp-fin 120s, udp 300s\n"));
  EXPECT_EQ(json::parse(toJson(dump()))["inSync"], true);
  kernel.timeouts.tcp = seconds(900);
  EXPECT_THAT(toTable(dump()), HasSubstr("~ tcp 900s, tcp-fin 120s, udp 300s; wanted: tcp 7260s"));
  const json all = json::parse(toJson(dump()));
  EXPECT_EQ(all["inSync"], false);
  EXPECT_EQ(all["timeouts"]["kernel"], json({{"tcp", 900}, {"tcpFin", 120}, {"udp", 300}}));
  EXPECT_EQ(all["timeouts"]["desired"], json({{"tcp", 7260}, {"tcpFin", 120}, {"udp", 300}}));
}

TEST_F(DumpTest, ShowsWhatIsMissingForeignAndDifferent) {
  program();
  kernel.virtualServers.at(tcp("192.0.2.1", 80)).options.scheduler = "lc";
  kernel.virtualServers.at(tcp("192.0.2.1", 80)).realServers[0].key = real("10.1.0.9");
  kernel.virtualServers.emplace(tcp("192.0.2.9", 80),
                                ipvs::VirtualServer{tcp("192.0.2.9", 80), {}, {}});
  kernel.balancerObjects.clear();
  const std::string table = toTable(dump());
  EXPECT_THAT(table, HasSubstr("~ TCP 192.0.2.1:80 lc"));
  EXPECT_THAT(table, HasSubstr("+   -> 10.1.0.1:8080"));
  EXPECT_THAT(table, HasSubstr("-   -> 10.1.0.9:8080"));
  EXPECT_THAT(table, HasSubstr("- TCP 192.0.2.9:80 rr"));
  EXPECT_THAT(table, HasSubstr("+ address 192.0.2.1"));
  EXPECT_EQ(json::parse(toJson(dump()))["inSync"], false);
}

TEST_F(DumpTest, JsonHasTheFieldsThatProgramsRelyOn) {
  program();
  kernel.virtualServers.at(tcp("192.0.2.1", 80)).realServers[0].activeConnections = 3;
  const json all = json::parse(toJson(dump()));
  EXPECT_EQ(all["node"], "n1");
  EXPECT_EQ(all["placement"], "director");
  EXPECT_EQ(all["bindInterface"], "eth0");
  EXPECT_EQ(all["vips"][0], json({{"address", "192.0.2.1"},
                                  {"services", {"default/web"}},
                                  {"holder", "n1"},
                                  {"announcedHere", true}}));
  const json server = all["virtualServers"][0];
  EXPECT_EQ(server["address"], "192.0.2.1");
  EXPECT_EQ(server["port"], 80);
  EXPECT_EQ(server["protocol"], "TCP");
  EXPECT_EQ(server["desired"]["scheduler"], "rr");
  EXPECT_EQ(server["kernel"]["scheduler"], "rr");
  EXPECT_EQ(server["realServers"][0]["desired"], json({{"weight", 1}}));
  EXPECT_EQ(server["realServers"][0]["kernel"],
            json({{"weight", 1}, {"activeConnections", 3}, {"inactiveConnections", 0}}));
  EXPECT_EQ(all["items"][0]["desired"], true);
  EXPECT_EQ(all["items"][0]["kernel"], true);
  EXPECT_TRUE(all["problems"].empty());
}

TEST_F(DumpTest, ShowsASharedVipOnceWithItsServicesAndTheirAnnouncer) {
  cluster.add(onPort(443, refused(service("web-tls", {"192.0.2.1"}))))
      .add(ipObject("web-tls", "192.0.2.1"));
  program();
  const json all = json::parse(toJson(dump()));
  ASSERT_EQ(all["vips"].size(), 1U);
  EXPECT_EQ(all["vips"][0], json({{"address", "192.0.2.1"},
                                  {"services", {"default/web", "default/web-tls"}},
                                  {"holder", "n1"},
                                  {"announcedHere", true}}));
}

TEST_F(DumpTest, NamesFromTheClusterCannotBreakIt) {
  model::Service odd = service("web", {"192.0.2.1"});
  odd.key.name = "\xff\xfe";
  odd.annotations["barevip.dev/scheduler"] = "\xc3\x28";
  cluster.state.services = {std::make_shared<const model::Service>(odd)};
  EXPECT_FALSE(json::parse(toJson(dump())).is_discarded());
}

TEST(ListCluster, TakesWhatItCanDecodeAndReportsAnUnreachableServer) {
  kube::FakeApi api;
  api.put(kube::kServices, {{"metadata", {{"name", "web"}, {"namespace", "default"}}}});
  api.put(kube::kNodes, {{"metadata", {{"name", "n1"}}}});
  const auto state = listCluster(api, model::ForwardMode::kMasquerade, {});
  ASSERT_TRUE(state);
  EXPECT_EQ(state->services.size(), 1U);
  EXPECT_EQ(state->nodes.size(), 1U);
  api.setInterceptor([](kube::FakeApi::Verb, const kube::Resource&, const kube::ObjectKey&) {
    return std::optional(Error{ErrorCode::kUnavailable, "connection refused", 0, {}});
  });
  EXPECT_EQ(listCluster(api, model::ForwardMode::kMasquerade, {}).error().message,
            "connection refused");
}

}  // namespace
}  // namespace barevip::node::test
