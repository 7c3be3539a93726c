// SPDX-License-Identifier: Apache-2.0
#include "operator/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

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
  EXPECT_FALSE(options->requireClass);
  EXPECT_FALSE(options->adopt);
  EXPECT_EQ(options->ipMode, "Proxy");
  EXPECT_EQ(options->compat, assigner::Compat::kNone);
  EXPECT_FALSE(options->identity.empty());
}

TEST(OperatorOptions, AreRead) {
  const auto options =
      parse({"--kubeconfig=/etc/k", "--leader-elect", "--lease-namespace=ns", "--lease-name=l",
             "--identity=me", "--workers=3", "--require-class", "--adopt", "--ip-mode=VIP",
             "--compat=metallb", "--metrics-address=127.0.0.1:0", "--log-level=debug"});
  ASSERT_TRUE(options);
  EXPECT_EQ(options->kubeconfig, "/etc/k");
  EXPECT_TRUE(options->leaderElect);
  EXPECT_EQ(options->lease, (kube::ObjectKey{"ns", "l"}));
  EXPECT_EQ(options->identity, "me");
  EXPECT_EQ(options->workers, 3U);
  EXPECT_TRUE(options->requireClass);
  EXPECT_TRUE(options->adopt);
  EXPECT_EQ(options->ipMode, "VIP");
  EXPECT_EQ(options->compat, assigner::Compat::kMetalLb);
  EXPECT_EQ(options->logLevel, log::Level::kDebug);
}

TEST(OperatorOptions, EachProcessHasAnIdentityOfItsOwn) {
  EXPECT_NE(parse({})->identity, parse({})->identity);
}

TEST(OperatorOptions, BadOnesEndWithOneSentenceAndStatusTwo) {
  struct Case {
    const char* argument;
    const char* says;
  };
  const Case cases[] = {
      {"--no-such-flag", "no-such-flag"},   {"--workers=0", "write 1 to 256"},
      {"--workers=many", "write 1 to 256"}, {"--workers=1000", "write 1 to 256"},
      {"--ip-mode=nat", "Proxy or VIP"},    {"--compat=purelb", "write metallb"},
      {"--log-level=loud", "loud"},         {"stray", "stray"},
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
