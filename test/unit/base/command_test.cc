// SPDX-License-Identifier: Apache-2.0
#include "common/base/command.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <future>
#include <sstream>
#include <stop_token>
#include <string>
#include <thread>

namespace barevip {
namespace {

using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;

Result<CommandOutput> run(const Command& command, std::stop_token stop = {}) {
  SystemCommandRunner runner;
  return runner.run(command, std::move(stop));
}

/// A script as one argument: our code itself never starts a shell.
Command shell(const std::string& script) { return {"sh", {"-c", script}}; }

TEST(Command, GivesWhatTheProgramWroteAndItsStatus) {
  const auto output = run(shell("echo out; echo err >&2; exit 3"));
  ASSERT_TRUE(output) << output.error().message;
  EXPECT_EQ(output->status, 3);
  EXPECT_EQ(output->output, "out\n");
  EXPECT_EQ(output->errors, "err\n");
}

TEST(Command, PassesArgumentsAsTheyAreWithoutAShell) {
  const auto output = run({"printf", {"%s|", "a b", "$HOME", "*", ""}});
  ASSERT_TRUE(output) << output.error().message;
  EXPECT_EQ(output->output, "a b|$HOME|*||");
}

TEST(Command, FeedsItsInputHoweverLong) {
  std::string text;
  for (int i = 0; i < 200'000; ++i) text += "line " + std::to_string(i) + "\n";
  const auto output = run({"cat", {}, text});
  ASSERT_TRUE(output) << output.error().message;
  EXPECT_EQ(output->output, text);
}

TEST(Command, SurvivesAProgramThatDoesNotReadItsInput) {
  const auto output = run({"true", {}, std::string(4U << 20U, 'x')});
  ASSERT_TRUE(output) << output.error().message;
  EXPECT_EQ(output->status, 0);
}

TEST(Command, WithoutInputTheProgramSeesItsEndAtOnce) {
  const auto output = run({"cat", {}});
  ASSERT_TRUE(output) << output.error().message;
  EXPECT_EQ(output->output, "");
}

TEST(Command, KeepsOnlyTheLinesThatAreWanted) {
  Command command = shell("seq 1 100000; printf 4711");
  command.keepLine = [](std::string_view line) { return line.find("4711") != line.npos; };
  const auto output = run(command);
  ASSERT_TRUE(output) << output.error().message;
  EXPECT_EQ(output->output,
            "4711\n14711\n24711\n34711\n44711\n47110\n47111\n47112\n47113\n47114\n"
            "47115\n47116\n47117\n47118\n47119\n54711\n64711\n74711\n84711\n94711\n"
            "4711\n");
}

TEST(Command, KillsWhatDoesNotEndInTimeWithItsChildren) {
  Command command = shell("sleep 100 & sleep 100");
  command.deadline = 100ms;
  const auto start = std::chrono::steady_clock::now();
  const auto output = run(command);
  ASSERT_FALSE(output);
  EXPECT_EQ(output.error().code, ErrorCode::kTimeout);
  EXPECT_NE(output.error().message.find("sleep 100"), std::string::npos);
  EXPECT_LT(std::chrono::steady_clock::now() - start, 50s);
}

TEST(Command, KillsWhatWritesTooMuch) {
  Command command{"yes", {}};
  command.outputLimit = 1000;
  const auto output = run(command);
  ASSERT_FALSE(output);
  EXPECT_EQ(output.error().code, ErrorCode::kInternal);
  EXPECT_NE(output.error().message.find("more than 1000 bytes"), std::string::npos)
      << output.error().message;
}

TEST(Command, HasNoVariablesButThoseThatItIsGiven) {
  Command command{"env", {}};
  command.environment = {"A=1", "B=two words"};
  const auto output = run(command);
  ASSERT_TRUE(output) << output.error().message;
  EXPECT_EQ(output->output, "A=1\nB=two words\n");
}

TEST(Command, ShowsAndGivesWhatItWritesToStderr) {
  Command command = shell("echo open https://login >&2");
  command.showErrors = true;
  ::testing::internal::CaptureStderr();
  const auto output = run(command);
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "open https://login\n");
  ASSERT_TRUE(output) << output.error().message;
  EXPECT_EQ(output->errors, "open https://login\n");
}

TEST(Command, AnInteractiveProgramReadsOurStdinInOurProcessGroup) {
  FILE* const saved = ::fdopen(::dup(STDIN_FILENO), "r");
  FILE* const typed = ::tmpfile();
  std::fputs("yes\n", typed);
  std::rewind(typed);
  ::dup2(::fileno(typed), STDIN_FILENO);
  Command command = shell("cat; ps -o pgid= -p $$");
  command.interactive = true;
  const auto output = run(command);
  ::dup2(::fileno(saved), STDIN_FILENO);
  std::fclose(typed);
  std::fclose(saved);
  ASSERT_TRUE(output) << output.error().message;
  std::istringstream words(output->output);
  std::string line;
  pid_t group = 0;
  words >> line >> group;
  EXPECT_EQ(line, "yes");
  EXPECT_EQ(group, ::getpgrp());
}

TEST(Command, EndsAtOnceWhenStopped) {
  std::stop_source source;
  auto output =
      std::async(std::launch::async, [&] { return run(shell("sleep 100"), source.get_token()); });
  source.request_stop();
  const auto result = output.get();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kStopped);
}

TEST(Command, AProgramEndedByASignalHasAStatusAbove128) {
  const auto output = run(shell("kill -TERM $$"));
  ASSERT_TRUE(output) << output.error().message;
  EXPECT_EQ(output->status, 128 + 15);
}

TEST(Command, AMissingProgramIsNamed) {
  const auto output = run({"barevip-no-such-program", {}});
  ASSERT_FALSE(output);
  EXPECT_EQ(output.error().code, ErrorCode::kNotFound);
  EXPECT_NE(output.error().message.find("barevip-no-such-program is not installed"),
            std::string::npos);
}

TEST(Command, AFailureQuotesTheProgramsOwnWords) {
  SystemCommandRunner runner;
  const auto output = runSuccessfully(runner, shell("echo 'No chain' >&2; exit 2"));
  ASSERT_FALSE(output);
  EXPECT_NE(output.error().message.find("ended with status 2: No chain"), std::string::npos)
      << output.error().message;
  const auto denied = runSuccessfully(runner, shell("echo 'x: Permission denied' >&2; exit 4"));
  ASSERT_FALSE(denied);
  EXPECT_EQ(denied.error().code, ErrorCode::kForbidden);
}

TEST(Command, SeveralThreadsMayRunProgramsAtOnce) {
  std::vector<std::future<bool>> results;
  for (int i = 0; i < 8; ++i) {
    results.push_back(std::async(std::launch::async, [i] {
      const std::string text = "text " + std::to_string(i);
      for (int round = 0; round < 5; ++round) {
        const auto output = run({"cat", {}, text});
        if (!output || output->output != text) return false;
      }
      return true;
    }));
  }
  for (auto& result : results) EXPECT_TRUE(result.get());
}

TEST(FindProgram, LooksInThePathAndTakesOnlyProgramsThatRun) {
  EXPECT_FALSE(findProgram("sh").empty());
  EXPECT_EQ(findProgram("/bin/sh"), "/bin/sh");
  EXPECT_EQ(findProgram(""), "");
  EXPECT_EQ(findProgram("/etc/passwd"), "") << "not executable";
  EXPECT_EQ(findProgram("/usr/bin"), "") << "a folder";
  EXPECT_EQ(findProgram("sh", "/nowhere"), "");
}

}  // namespace
}  // namespace barevip
