// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/daemon/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <vector>

namespace barevip::node::test {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

tl::expected<Options, CommandLineEnd> parse(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "barevip-node");
  return parseOptions(static_cast<int>(arguments.size()), arguments.data());
}

TEST(Options, HaveDefaultsThatRun) {
  const Options options = parse({}).value();
  EXPECT_EQ(options.command, Options::Command::kRun);
  EXPECT_THAT(options.bindInterfaces, ElementsAre("auto"));
  EXPECT_EQ(options.placement, Placement::kDirector);
  EXPECT_EQ(options.forward, model::ForwardMode::kMasquerade);
  EXPECT_EQ(options.scheduler, "rr");
  EXPECT_EQ(options.syncPeriod, 30s);
  EXPECT_EQ(options.metricsAddress, "127.0.0.1:7480");
  EXPECT_FALSE(options.nodeName.empty());
}

TEST(Options, AreRead) {
  const Options options =
      parse({"--bind-iface=eth1", "--placement=host", "--scheduler=wlc", "--sync-period=90s",
             "--drain-timeout=2m", "--kubeconfig=/k", "--node-name=n1", "--namespace=lb",
             "--require-class", "--handover-on-stop", "--metrics-address=:9", "--log-level=debug",
             "--trust-endpoints-of=ops,data", "--metrics-secure"})
          .value();
  EXPECT_THAT(options.bindInterfaces, ElementsAre("eth1"));
  EXPECT_EQ(options.placement, Placement::kHost);
  EXPECT_EQ(options.scheduler, "wlc");
  EXPECT_EQ(options.syncPeriod, 90s);
  EXPECT_EQ(options.drainTimeout, 120s);
  EXPECT_EQ(options.kubeconfig, "/k");
  EXPECT_EQ(options.nodeName, "n1");
  EXPECT_EQ(options.ns, "lb");
  EXPECT_TRUE(options.classes.required);
  EXPECT_TRUE(options.handoverOnStop);
  EXPECT_EQ(options.trustEndpointsOf, (std::set<std::string>{"data", "ops"}));
  EXPECT_EQ(options.metricsAddress, ":9");
  EXPECT_TRUE(options.metricsTls.enabled);
  EXPECT_EQ(options.logLevel, log::Level::kDebug);
}

TEST(Options, NameSeveralBindInterfacesInTheirOrder) {
  EXPECT_THAT(parse({"--bind-iface=auto,eth1.100"}).value().bindInterfaces,
              ElementsAre("auto", "eth1.100"));
  EXPECT_THAT(parse({"--bind-iface=a,b,c,d,e,f,g,h,i"}).error().text, HasSubstr("at most 8"));
}

TEST(Options, KnowTheFormerNameOfMasquerade) {
  EXPECT_EQ(parse({"--forward=endpoints"}).value().forward, model::ForwardMode::kMasquerade);
}

TEST(Options, IdleConnectionsOutliveTheFirstKeepaliveOfLinuxUnlessAFlagSaysOtherwise) {
  EXPECT_EQ(parse({}).value().timeouts, (ipvs::Timeouts{7260s, 120s, 300s}));
  EXPECT_EQ(parse({"--ipvs-tcp-timeout=24h", "--ipvs-tcpfin-timeout=1m", "--ipvs-udp-timeout=30s"})
                .value()
                .timeouts,
            (ipvs::Timeouts{24h, 60s, 30s}));
}

TEST(Options, OnTheHostOnlyNamedTimeoutsAreSetSinceOthersShareThem) {
  EXPECT_EQ(parse({"--placement=host"}).value().timeouts, ipvs::Timeouts{});
  EXPECT_EQ(parse({"--ipvs-tcp-timeout=7260s", "--placement=host"}).value().timeouts,
            (ipvs::Timeouts{7260s, 0s, 0s}));
}

TEST(Options, EnvironmentNamesNodeAndNamespaceUnlessAFlagDoes) {
  setenv("NODE_NAME", "from-env", 1);
  setenv("POD_NAMESPACE", "ns-env", 1);
  EXPECT_EQ(parse({}).value().nodeName, "from-env");
  EXPECT_EQ(parse({}).value().ns, "ns-env");
  EXPECT_EQ(parse({"--node-name=n1"}).value().nodeName, "n1");
  unsetenv("NODE_NAME");
  unsetenv("POD_NAMESPACE");
}

TEST(Options, SubcommandsTakeTheGroundsFlags) {
  const Options init = parse({"init", "--bind-iface=eth1", "--placement=host"}).value();
  EXPECT_EQ(init.command, Options::Command::kInit);
  EXPECT_THAT(init.bindInterfaces, ElementsAre("eth1"));
  EXPECT_EQ(init.placement, Placement::kHost);
  EXPECT_EQ(parse({"cleanup"}).value().command, Options::Command::kCleanup);
  EXPECT_EQ(parse({"stay"}).value().command, Options::Command::kStay);
  EXPECT_EQ(parse({"check"}).value().command, Options::Command::kCheck);
  EXPECT_TRUE(parse({"check"}).value().askApi);
  EXPECT_FALSE(parse({"check", "--without-api"}).value().askApi);
  EXPECT_EQ(parse({"check", "--output=json"}).value().output, Options::Output::kJson);
  const Options dump = parse({"--dump", "--output=json"}).value();
  EXPECT_EQ(dump.command, Options::Command::kDump);
  EXPECT_EQ(dump.output, Options::Output::kJson);
}

struct Bad {
  const char* argument;
  const char* sentence;
};

class BadOptions : public testing::TestWithParam<Bad> {};

TEST_P(BadOptions, EndWithStatusTwoAndOneSentence) {
  const auto options = parse({GetParam().argument});
  ASSERT_FALSE(options.has_value());
  EXPECT_EQ(options.error().status, 2);
  EXPECT_THAT(options.error().text, HasSubstr(GetParam().sentence));
  EXPECT_EQ(std::count(options.error().text.begin(), options.error().text.end(), '\n'), 1);
}

INSTANTIATE_TEST_SUITE_P(CommandLine, BadOptions,
                         testing::Values(Bad{"--nope", "--nope"}, Bad{"surplus", "surplus"},
                                         Bad{"--placement=moon", "--placement: \"moon\""},
                                         Bad{"--forward=dsr", "--forward: \"dsr\""},
                                         Bad{"--scheduler=best", "--scheduler: \"best\""},
                                         Bad{"--sync-period=often", "--sync-period: \"often\""},
                                         Bad{"--sync-period=30", "write it like 30s"},
                                         Bad{"--sync-period=1ms", "out of range"},
                                         Bad{"--sync-period=99999999999s", "not a duration"},
                                         Bad{"--drain-timeout=-1s", "--drain-timeout"},
                                         Bad{"--ipvs-tcp-timeout=0s", "out of range"},
                                         Bad{"--ipvs-tcp-timeout=577h", "out of range"},
                                         Bad{"--ipvs-tcpfin-timeout=7", "--ipvs-tcpfin-timeout"},
                                         Bad{"--ipvs-udp-timeout=500ms", "out of range"},
                                         Bad{"--bind-iface=eth0/1", "--bind-iface: \"eth0/1\""},
                                         Bad{"--bind-iface=name-longer-than-15", "--bind-iface"},
                                         Bad{"--trust-endpoints-of=ops,A_B", "\"A_B\" is not the"},
                                         Bad{"--log-level=loud", "--log-level"},
                                         Bad{"--output=xml", "--output: \"xml\""}));

TEST(Options, HelpAndVersionAreNoFaults) {
  EXPECT_EQ(parse({"--help"}).error().status, 0);
  EXPECT_THAT(parse({"--help"}).error().text, HasSubstr("--bind-iface"));
  EXPECT_EQ(parse({"--version"}).error().status, 0);
}

}  // namespace
}  // namespace barevip::node::test
