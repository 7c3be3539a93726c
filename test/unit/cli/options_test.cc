// SPDX-License-Identifier: Apache-2.0
#include "cli/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace barevip::cli {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsSupersetOf;

tl::expected<Options, CommandLineEnd> parse(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "kubectl-barevip");
  return parseOptions(static_cast<int>(arguments.size()), arguments.data());
}

// Of a command line that is right.
template <class T>
T parsed(std::vector<const char*> arguments) {
  auto options = parse(std::move(arguments));
  return options ? std::get<T>(*std::move(options)) : T{};
}

TEST(CliOptions, ReadsFilesInTheirOrder) {
  const auto options =
      parsed<ConvertOptions>({"convert", "-f", "a.yaml", "--filename=b.yaml", "-f-", "--strict"});
  EXPECT_THAT(options.files, ElementsAre("a.yaml", "b.yaml", "-"));
  EXPECT_TRUE(options.strict);
  EXPECT_FALSE(options.lossy);
  EXPECT_TRUE(parsed<ConvertOptions>({"convert", "--lossy"}).lossy);
}

TEST(CliOptions, WithoutAFileStandardInputIsRead) {
  const auto options = parsed<ConvertOptions>({"convert"});
  EXPECT_THAT(options.files, ElementsAre("-"));
  EXPECT_FALSE(options.strict);
}

TEST(CliOptions, StatusIsOfAllNamespacesAsATable) {
  const auto options = parsed<StatusOptions>({"status"});
  EXPECT_EQ(options.ns, "");
  EXPECT_EQ(options.output, Output::kTable);
  EXPECT_FALSE(options.watch);
}

TEST(CliOptions, StatusTakesTheFlagsOfKubectl) {
  const auto options = parsed<StatusOptions>(
      {"status", "-n", "shop", "-o", "yaml", "-w", "--kubeconfig=k", "--context=c"});
  EXPECT_EQ(options.ns, "shop");
  EXPECT_EQ(options.output, Output::kYaml);
  EXPECT_TRUE(options.watch);
  EXPECT_EQ(options.access.kubeconfig, "k");
  EXPECT_EQ(options.access.context, "c");
  EXPECT_EQ(parsed<StatusOptions>({"status", "-A", "-o", "wide"}).output, Output::kWide);
}

TEST(CliOptions, ExplainTakesTheNamespaceFromEitherPlace) {
  EXPECT_EQ(parsed<ExplainOptions>({"explain", "service", "shop/web"}).ns, "shop");
  EXPECT_EQ(parsed<ExplainOptions>({"explain", "service", "shop/web"}).name, "web");
  EXPECT_EQ(parsed<ExplainOptions>({"explain", "service", "-n", "shop", "web"}).ns, "shop");
  EXPECT_EQ(parsed<ExplainOptions>({"explain", "service", "web"}).ns, "") << "of the context";
}

TEST(CliOptions, ExplainTakesAClient) {
  EXPECT_EQ(parsed<ExplainOptions>({"explain", "service", "web", "--from", "[2001:db8::7]:40000"})
                .from->toString(),
            "[2001:db8::7]:40000");
  EXPECT_FALSE(parsed<ExplainOptions>({"explain", "service", "web"}).from);
  const auto compared =
      parsed<ExplainOptions>({"explain", "service", "web", "--from", "192.0.2.7:1", "--kernel"});
  EXPECT_TRUE(compared.kernel);
  EXPECT_FALSE(compared.watch);
}

TEST(CliOptions, ExplainFollowsTheClusterAndTakesEachFormat) {
  const auto options = parsed<ExplainOptions>({"explain", "service", "web", "-w", "-o", "wide"});
  EXPECT_TRUE(options.watch);
  EXPECT_EQ(options.output, Output::kWide);
  EXPECT_FALSE(options.kernel);
}

TEST(CliOptions, PlanTakesFilesAndNames) {
  const auto options =
      parsed<PlanOptions>({"plan", "-f", "a.yaml", "-f", "-", "--delete", "b", "-o", "json"});
  EXPECT_THAT(options.files, ElementsAre("a.yaml", "-"));
  EXPECT_THAT(options.deleted, ElementsAre("b"));
  EXPECT_EQ(options.output, Output::kJson);
}

TEST(CliOptions, DrainWaitsTwoMinutesUnlessToldOtherwise) {
  const auto options = parsed<DrainOptions>({"drain", "n1", "--context", "c"});
  EXPECT_EQ(options.node, "n1");
  EXPECT_EQ(options.access.context, "c");
  EXPECT_EQ(options.timeout, std::chrono::minutes(2));
  EXPECT_FALSE(options.force);
  EXPECT_EQ(parsed<DrainOptions>({"drain", "n1", "--timeout=5s"}).timeout, std::chrono::seconds(5));
  EXPECT_TRUE(parsed<DrainOptions>({"drain", "--force", "n1"}).force);
  EXPECT_EQ(parsed<UndrainOptions>({"undrain", "n1"}).node, "n1");
}

TEST(CliOptions, VerifyTakesTheFileOfBeforeOrWritesIt) {
  const auto options = parsed<VerifyOptions>({"verify", "before.json", "-o", "json"});
  EXPECT_EQ(options.file, "before.json");
  EXPECT_FALSE(options.save);
  EXPECT_EQ(options.output, Output::kJson);
  EXPECT_FALSE(options.watch);
  EXPECT_TRUE(parsed<VerifyOptions>({"verify", "before.json", "-w"}).watch);
  EXPECT_TRUE(parsed<VerifyOptions>({"verify", "--save", "before.json"}).save);
}

TEST(CliOptions, RollbackWritesOnlyIfToldTo) {
  EXPECT_EQ(parsed<RollbackOptions>({"rollback", "before.json"}).file, "before.json");
  EXPECT_FALSE(parsed<RollbackOptions>({"rollback", "before.json"}).yes);
  EXPECT_FALSE(parsed<RollbackOptions>({"rollback", "before.json", "--dry-run"}).yes);
  EXPECT_TRUE(parsed<RollbackOptions>({"rollback", "before.json", "--yes"}).yes);
}

TEST(CliOptions, SupportBundleTakesAFile) {
  EXPECT_EQ(parsed<BundleOptions>({"support-bundle", "-o", "a.tar.gz"}).file, "a.tar.gz");
  EXPECT_EQ(parsed<BundleOptions>({"support-bundle"}).file, "") << "a name with the time";
}

TEST(CliOptions, CompletionKnowsTheCommandsAndTheirFlags) {
  const auto options = parsed<CompletionOptions>({"completion", "fish"});
  EXPECT_EQ(options.shell, Shell::kFish);
  std::map<std::string, std::vector<std::string>> words;
  for (const CommandWords& each : options.words) words[each.command] = each.words;
  EXPECT_THAT(words[""],
              IsSupersetOf({"status", "explain", "convert", "verify", "rollback", "--help"}));
  EXPECT_THAT(words["verify"], Contains("--save"));
  EXPECT_THAT(words["rollback"], IsSupersetOf({"--yes", "--dry-run"}));
  EXPECT_THAT(words["explain"], Contains("service"));
  EXPECT_THAT(words["explain service"], IsSupersetOf({"--namespace", "--output", "--context"}));
}

TEST(CliOptions, BadOnesEndWithStatusTwoAndOneSentence) {
  struct Case {
    std::vector<const char*> arguments;
    const char* says;
  };
  const Case cases[] = {
      {{},
       "write status, explain, plan, drain, undrain, convert, verify, rollback, support-bundle or "
       "completion"},
      {{"convict"}, "convict"},
      {{"convert", "a.yaml"}, "a.yaml"},
      {{"convert", "-f", "a.yaml", "b.yaml"}, "b.yaml"},
      {{"convert", "-f"}, "--filename"},
      {{"convert", "--loud"}, "--loud"},
      {{"status", "-o", "xml"}, "\"xml\" is unknown: write table or wide or json or yaml"},
      {{"status", "-A", "-n", "shop"}, "--namespace"},
      {{"status", "web"}, "web"},
      {{"explain"}, "write explain service NAME"},
      {{"explain", "pool"}, "pool"},
      {{"explain", "service"}, "NAME"},
      {{"explain", "service", "a/b/c"}, "write NAME or NAMESPACE/NAME"},
      {{"explain", "service", "/c"}, "write NAME or NAMESPACE/NAME"},
      {{"explain", "service", "-n", "x", "a/b"}, "names a namespace, and so does --namespace"},
      {{"explain", "service", "web", "-o", "xml"}, "\"xml\" is unknown"},
      {{"explain", "service", "web", "--kernel"}, "--from"},
      {{"explain", "service", "web", "--from", "192.0.2.7:1", "--kernel", "-w"}, "--kernel"},
      {{"explain", "service", "web", "--from", "x"}, "\"x\" is not a client: write it like"},
      {{"plan"}, "write -f FILE or --delete NAME"},
      {{"plan", "pool.yaml"}, "pool.yaml"},
      {{"drain"}, "NODE"},
      {{"drain", "n1", "n2"}, "n2"},
      {{"drain", "n1", "--timeout", "0s"}, "\"0s\" is out of range"},
      {{"undrain"}, "NODE"},
      {{"undrain", "n1", "--force"}, "--force"},
      {{"verify"}, "FILE"},
      {{"verify", "--save"}, "FILE"},
      {{"verify", "--save", "a.json", "-o", "json"}, "--save"},
      {{"verify", "--save", "a.json", "--watch"}, "--watch"},
      {{"rollback"}, "FILE"},
      {{"rollback", "a.json", "--yes", "--dry-run"}, "--yes"},
      {{"rollback", "a.json", "--yes", "-o", "json"}, "--yes"},
      {{"support-bundle", "-o"}, "--output"},
      {{"completion"}, "SHELL"},
      {{"completion", "csh"}, "\"csh\" is unknown: write bash or zsh or fish or kubectl"},
  };
  for (const Case& each : cases) {
    const auto options = parse(each.arguments);
    ASSERT_FALSE(options) << each.says;
    EXPECT_EQ(options.error().status, 2);
    EXPECT_THAT(options.error().text, HasSubstr(each.says));
  }
}

TEST(CliOptions, HelpIsNoError) {
  EXPECT_EQ(parse({"--help"}).error().status, 0);
  EXPECT_THAT(parse({"convert", "--help"}).error().text, HasSubstr("--strict"));
  EXPECT_THAT(parse({"status", "--help"}).error().text, HasSubstr("2 the command line"));
  EXPECT_THAT(parse({"explain", "service", "--help"}).error().text, HasSubstr("NAMESPACE/NAME"));
  EXPECT_THAT(parse({"drain", "--help"}).error().text, HasSubstr("neither cordons"));
  for (const char* const status : {"0 the Pools", "1 ", "2 ", "3 ", "4 "}) {
    EXPECT_THAT(parse({"convert", "--help"}).error().text, HasSubstr(status));
  }
}

}  // namespace
}  // namespace barevip::cli
