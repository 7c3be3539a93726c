// SPDX-License-Identifier: Apache-2.0
#include "common/base/command_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

#include <CLI/CLI.hpp>

namespace barevip {
namespace {

using testing::HasSubstr;

struct Flags {
  std::string kubeconfig;
  std::string metricsAddress = ":8080";
  log::Level level = log::Level::kInfo;
  int size = 1;
  std::chrono::milliseconds time{0};
};

std::optional<CommandLineEnd> read(Flags& flags, std::vector<const char*> arguments) {
  CLI::App app{"what it does", "program"};
  addKubeconfigFlag(app, flags.kubeconfig);
  addMetricsAddressFlag(app, flags.metricsAddress);
  addLogLevelFlag(app, flags.level);
  addChoiceFlag(app, "--size", "how big", "small",
                std::map<std::string, int>{{"small", 1}, {"tall", 2}}, flags.size);
  addDurationFlag(app, "--time", "how long", "0s", std::chrono::milliseconds(0),
                  std::chrono::hours(1), [&flags](auto value) { flags.time = value; });
  arguments.insert(arguments.begin(), "program");
  return readCommandLine(app, static_cast<int>(arguments.size()), arguments.data());
}

TEST(CommandLine, ReadsTheFlagsThatAllProgramsHave) {
  Flags flags;
  EXPECT_FALSE(read(flags, {"--kubeconfig=/k", "--metrics-address=:1", "--log-level=debug"}));
  EXPECT_EQ(flags.kubeconfig, "/k");
  EXPECT_EQ(flags.metricsAddress, ":1");
  EXPECT_EQ(flags.level, log::Level::kDebug);
}

TEST(CommandLine, ReadsAChoiceByName) {
  Flags flags;
  EXPECT_FALSE(read(flags, {"--size=tall"}));
  EXPECT_EQ(flags.size, 2);
}

TEST(CommandLine, ReadsADurationWithItsUnit) {
  Flags flags;
  EXPECT_FALSE(read(flags, {"--time=1500ms"}));
  EXPECT_EQ(flags.time, std::chrono::milliseconds(1500));
  EXPECT_FALSE(read(flags, {"--time=1h"}));
  EXPECT_EQ(flags.time, std::chrono::hours(1));
  for (const char* wrong : {"--time=30", "--time=s", "--time=-1s", "--time=1.5s", "--time=61m",
                            "--time=9999999999s", "--time="}) {
    const auto end = read(flags, {wrong});
    ASSERT_TRUE(end) << wrong;
    EXPECT_EQ(end->status, 2);
  }
}

TEST(CommandLine, WrongOnesEndWithTheProgramsNameOneSentenceAndStatusTwo) {
  Flags flags;
  const auto end = read(flags, {"--size=wide"});
  ASSERT_TRUE(end);
  EXPECT_EQ(end->status, 2);
  EXPECT_EQ(end->text, "program: --size: \"wide\" is unknown: write small or tall (see --help)\n");
}

TEST(CommandLine, HelpAndVersionEndWithStatusZero) {
  Flags flags;
  EXPECT_EQ(read(flags, {"--version"})->status, 0);
  const auto help = read(flags, {"--help"});
  EXPECT_EQ(help->status, 0);
  EXPECT_THAT(help->text, HasSubstr("--size"));
}

TEST(RunMain, TurnsWhatIsThrownIntoStatusOne) {
  EXPECT_EQ(runMain("program", [] { return 3; }), 3);
  EXPECT_EQ(runMain("program", []() -> int { throw std::runtime_error("no luck"); }), 1);
}

}  // namespace
}  // namespace barevip
