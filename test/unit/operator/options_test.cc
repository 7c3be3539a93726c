// SPDX-License-Identifier: Apache-2.0
#include "operator/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <vector>

namespace barevip::controlplane {
namespace {

using testing::HasSubstr;

tl::expected<Options, CommandLineEnd> parse(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "barevip-operator");
  return parseOptions(static_cast<int>(arguments.size()), arguments.data());
}

TEST(OperatorOptions, HaveDefaults) {
  const auto options = parse({});
  ASSERT_TRUE(options);
  EXPECT_FALSE(options->leaderElect);
  EXPECT_FALSE(options->classes.required);
  EXPECT_FALSE(options->adopt);
  EXPECT_EQ(options->forward, model::ForwardMode::kMasquerade);
  EXPECT_EQ(options->compat, assigner::Compat::kNone);
  EXPECT_EQ(options->statusAddress, "") << "without the flag there is no status page";
  EXPECT_EQ(options->dashboardUrl, "");
  EXPECT_FALSE(options->identity.empty());
}

TEST(OperatorOptions, AreRead) {
  const auto options =
      parse({"--kubeconfig=/etc/k", "--leader-elect", "--lease-namespace=ns", "--lease-name=l",
             "--identity=me", "--workers=3", "--require-class", "--adopt", "--forward=kube-proxy",
             "--compat=metallb", "--metrics-address=127.0.0.1:0", "--status-address=127.0.0.1:8081",
             "--log-level=debug", "--metrics-secure"});
  ASSERT_TRUE(options);
  EXPECT_EQ(options->kubeconfig, "/etc/k");
  EXPECT_TRUE(options->leaderElect);
  EXPECT_EQ(options->lease, (kube::ObjectKey{"ns", "l"}));
  EXPECT_EQ(options->identity, "me");
  EXPECT_EQ(options->workers, 3U);
  EXPECT_TRUE(options->classes.required);
  EXPECT_TRUE(options->adopt);
  EXPECT_EQ(options->forward, model::ForwardMode::kKubeProxy);
  EXPECT_EQ(options->compat, assigner::Compat::kMetalLb);
  EXPECT_EQ(options->statusAddress, "127.0.0.1:8081");
  EXPECT_TRUE(options->metricsTls.enabled);
  EXPECT_EQ(options->logLevel, log::Level::kDebug);
}

TEST(OperatorOptions, HaveTheTimesOfALeaseAndTheDeadlineOfAWriteFollows) {
  using namespace std::chrono_literals;
  const kube::LeaseTimes usual = parse({})->leaseTimes;
  EXPECT_EQ(usual.leaseDuration, 15s);
  EXPECT_EQ(usual.renewDeadline, 10s);
  EXPECT_EQ(usual.retryPeriod, 2s);
  EXPECT_EQ(usual.requestDeadline(), 5s);
  struct Row {
    std::vector<const char*> flags;
    std::chrono::milliseconds deadline;
  };
  const std::vector<Row> rows{
      // A webhook that is not there, and may be left out, takes 10 s.
      {{"--lease-duration=40s", "--renew-deadline=25s"}, 12'500ms},
      {{"--lease-duration=1m", "--renew-deadline=58s", "--retry-period=10s"}, 2s},
      {{"--lease-duration=3s", "--renew-deadline=2s", "--retry-period=1s"}, 1s},
  };
  for (const Row& row : rows) {
    const auto options = parse(row.flags);
    ASSERT_TRUE(options) << row.flags[0];
    EXPECT_EQ(options->leaseTimes.requestDeadline(), row.deadline) << row.flags[0];
  }
}

TEST(OperatorOptions, RefuseTimesOfALeaseThatMakeTwoLeadersOrNone) {
  struct Row {
    std::vector<const char*> flags;
    const char* says;
  };
  const std::vector<Row> rows{
      {{"--lease-duration=10s"}, "--lease-duration: it is 10s, but --renew-deadline is 10s"},
      {{"--renew-deadline=14500ms"},
       "--lease-duration: it is 15s, but --renew-deadline is 14500ms"},
      {{"--retry-period=9s"}, "--renew-deadline: it is 10s, but --retry-period is 9s"},
      {{"--lease-duration=2s"}, "out of range"},
      {{"--renew-deadline=1s"}, "out of range"},
      {{"--retry-period=0s"}, "out of range"},
      {{"--lease-duration=15"}, "not a duration"},
  };
  for (const Row& row : rows) {
    const auto options = parse(row.flags);
    ASSERT_FALSE(options) << row.flags[0];
    EXPECT_EQ(options.error().status, 2);
    EXPECT_THAT(options.error().text, HasSubstr(row.says));
  }
}

TEST(OperatorOptions, UninstallHasItsOwn) {
  const auto plain = parse({"uninstall"});
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->command, Options::Command::kUninstall);
  EXPECT_EQ(plain->uninstall.ns, "barevip-system");
  EXPECT_EQ(plain->uninstall.timeout, std::chrono::seconds(90));

  const auto options = parse({"uninstall", "--namespace=lb", "--timeout=5m", "--kubeconfig=/k"});
  ASSERT_TRUE(options);
  EXPECT_EQ(options->uninstall.ns, "lb");
  EXPECT_EQ(options->uninstall.timeout, std::chrono::minutes(5));
  EXPECT_EQ(options->kubeconfig, "/k");
}

TEST(OperatorOptions, BadOnesOfUninstallAreRefused) {
  for (const char* argument :
       {"--timeout=1s", "--timeout=2h", "--timeout=soon", "--leader-elect", "stray"}) {
    const auto options = parse({"uninstall", argument});
    ASSERT_FALSE(options) << argument;
    EXPECT_EQ(options.error().status, 2);
  }
}

TEST(OperatorOptions, SelftestHasItsOwn) {
  const auto plain = parse({"selftest"});
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->command, Options::Command::kSelftest);
  EXPECT_EQ(plain->selftest.timeout, std::chrono::seconds(120));
  EXPECT_EQ(plain->selftest.labelValue, "barevip-selftest");
  EXPECT_FALSE(plain->selftest.pod.empty());

  const auto options = parse({"selftest", "--namespace=lb", "--timeout=1m", "--selector=a/b=c",
                              "--class=barevip.dev/barevip", "--port=9000"});
  ASSERT_TRUE(options);
  EXPECT_EQ(options->selftest.ns, "lb");
  EXPECT_EQ(options->selftest.timeout, std::chrono::minutes(1));
  EXPECT_EQ(options->selftest.labelKey, "a/b");
  EXPECT_EQ(options->selftest.labelValue, "c");
  EXPECT_EQ(options->selftest.loadBalancerClass, "barevip.dev/barevip");
  EXPECT_EQ(options->selftest.port, 9000);
  for (const char* wrong : {"--selector=a", "--selector==b", "--port=0", "--port=65536",
                            "--port=http", "--timeout=1s"}) {
    EXPECT_EQ(parse({"selftest", wrong}).error().status, 2) << wrong;
  }
}

TEST(OperatorOptions, TheUrlOfDashboardsIsThatOfAGrafana) {
  const std::pair<const char*, const char*> urls[] = {
      {"--dashboard-url=https://grafana.example", "https://grafana.example"},
      {"--dashboard-url=https://grafana.example/", "https://grafana.example"},
      {"--dashboard-url=https://grafana:3000", "https://grafana:3000"},
      {"--dashboard-url=http://[2001:db8::1]:3000/team-a/", "http://[2001:db8::1]:3000/team-a"},
  };
  for (const auto& [flag, url] : urls) {
    const auto options = parse({"--status-address=127.0.0.1:8081", flag});
    ASSERT_TRUE(options) << flag;
    EXPECT_EQ(options->dashboardUrl, url);
  }
  for (const char* wrong :
       {"--dashboard-url=javascript:alert(1)", "--dashboard-url=grafana.example",
        "--dashboard-url=https://", "--dashboard-url=https:///d",
        "--dashboard-url=https://me:secret@grafana.example", "--dashboard-url=https://a/?orgId=1",
        "--dashboard-url=https://a/#d", "--dashboard-url=https://a/\"b",
        "--dashboard-url=https://a b", "--dashboard-url=https://http://a",
        "--dashboard-url=https://a:", "--dashboard-url=https://a:port",
        "--dashboard-url=https://a:65536", "--dashboard-url=https://a:80:80",
        "--dashboard-url=https://2001:db8::1/", "--dashboard-url=https://[2001:db8::1",
        "--dashboard-url=https://[2001:db8::1]3000", "--dashboard-url=https://[a]"}) {
    const auto options = parse({"--status-address=127.0.0.1:8081", wrong});
    ASSERT_FALSE(options) << wrong;
    EXPECT_EQ(options.error().status, 2);
    EXPECT_THAT(options.error().text, HasSubstr("write https://HOST or https://HOST/PATH"));
  }
  EXPECT_THAT(parse({"--dashboard-url=https://grafana.example"}).error().text,
              HasSubstr("requires --status-address"));
}

TEST(OperatorOptions, ClassesAreAListOfNames) {
  EXPECT_EQ(parse({})->classes.names, std::vector<std::string>{"barevip.dev/barevip"});
  EXPECT_EQ(parse({"--class=metallb,io.cilium/l2-announcer"})->classes.names,
            (std::vector<std::string>{"metallb", "io.cilium/l2-announcer"}));
}

TEST(OperatorOptions, EachProcessHasAnIdentityOfItsOwn) {
  EXPECT_NE(parse({})->identity, parse({})->identity);
}

TEST(OperatorOptions, KnowTheFormerNameOfForward) {
  EXPECT_EQ(parse({"--ip-mode=VIP"})->forward, model::ForwardMode::kKubeProxy);
  EXPECT_EQ(parse({"--ip-mode=Proxy"})->forward, model::ForwardMode::kMasquerade);
}

TEST(OperatorOptions, BadOnesEndWithOneSentenceAndStatusTwo) {
  struct Case {
    const char* argument;
    const char* says;
  };
  const Case cases[] = {
      {"--no-such-flag", "no-such-flag"},
      {"--workers=0", "write 1 to 256"},
      {"--workers=many", "write 1 to 256"},
      {"--workers=1000", "write 1 to 256"},

      {"--class=a,,b", "is not a class name"},
      {"--class=a b", "\"a b\" is not a class name"},
      {"--forward=nat", "cluster-ip or kube-proxy or masquerade"},
      {"--compat=purelb", "write cilium or kube-vip or metallb"},
      {"--log-level=loud", "loud"},
      {"stray", "stray"},
  };
  for (const Case& each : cases) {
    const auto options = parse({each.argument});
    ASSERT_FALSE(options) << each.argument;
    EXPECT_EQ(options.error().status, 2);
    EXPECT_THAT(options.error().text, HasSubstr(each.says));
    EXPECT_EQ(std::count(options.error().text.begin(), options.error().text.end(), '\n'), 1);
  }
}

TEST(OperatorOptions, HelpIsNoError) { EXPECT_EQ(parse({"--help"}).error().status, 0); }

}  // namespace
}  // namespace barevip::controlplane
