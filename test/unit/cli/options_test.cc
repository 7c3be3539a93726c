// SPDX-License-Identifier: Apache-2.0
#include "cli/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace barevip::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

tl::expected<Options, CommandLineEnd> parse(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "kubectl-barevip");
  return parseOptions(static_cast<int>(arguments.size()), arguments.data());
}

TEST(CliOptions, ReadsFilesInTheirOrder) {
  const auto options = parse({"convert", "-f", "a.yaml", "--filename=b.yaml", "-f-", "--strict"});
  ASSERT_TRUE(options);
  EXPECT_THAT(options->files, ElementsAre("a.yaml", "b.yaml", "-"));
  EXPECT_TRUE(options->strict);
  EXPECT_FALSE(options->lossy);
  EXPECT_TRUE(parse({"convert", "--lossy"})->lossy);
}

TEST(CliOptions, WithoutAFileStandardInputIsRead) {
  const auto options = parse({"convert"});
  ASSERT_TRUE(options);
  EXPECT_THAT(options->files, ElementsAre("-"));
  EXPECT_FALSE(options->strict);
}

TEST(CliOptions, BadOnesEndWithStatusTwoAndOneSentence) {
  struct Case {
    std::vector<const char*> arguments;
    const char* says;
  };
  const Case cases[] = {
      {{}, "write convert"},
      {{"convict"}, "convict"},
      {{"convert", "a.yaml"}, "a.yaml"},
      {{"convert", "-f", "a.yaml", "b.yaml"}, "b.yaml"},
      {{"convert", "-f"}, "--filename"},
      {{"convert", "--loud"}, "--loud"},
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
  for (const char* const status : {"0 the Pools", "1 ", "2 ", "3 ", "4 "}) {
    EXPECT_THAT(parse({"convert", "--help"}).error().text, HasSubstr(status));
  }
}

}  // namespace
}  // namespace barevip::cli
