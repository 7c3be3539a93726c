// SPDX-License-Identifier: Apache-2.0
// Running the few programs that have no kernel interface worth speaking ourselves.
#pragma once

#include <chrono>
#include <functional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "barevip/base/result.h"

namespace barevip::host {

struct Command {
  /// A path, or a name that is looked up in kProgramPath.
  std::string program;
  std::vector<std::string> arguments{};
  std::string input{};  ///< stdin
  std::chrono::milliseconds deadline{30'000};
  /// Lines of stdout that it refuses are dropped as they come, so that a dump of which we need a
  /// few lines costs no memory. Empty: keep all.
  std::function<bool(std::string_view)> keepLine{};
};

struct CommandOutput {
  int status = 0;      ///< exit status; 128 + number of the signal that ended it
  std::string output;  ///< stdout
  std::string errors;  ///< stderr, the first 16 KiB
};

/// Where programs are looked up: the environment of a container may name less.
inline constexpr const char* kProgramPath =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Thread-safe.
class CommandRunner {
 public:
  virtual ~CommandRunner() = default;

  /// Waits for the end of the program. A status other than 0 is no error here (see succeeded).
  /// kNotFound if there is no such program, kTimeout and kStopped after it was killed.
  virtual Result<CommandOutput> run(const Command& command, std::stop_token stop) = 0;
};

/// Spawns from the calling thread without a shell: the program runs in that thread's network
/// namespace and with its capabilities.
class SystemCommandRunner final : public CommandRunner {
 public:
  Result<CommandOutput> run(const Command& command, std::stop_token stop) override;
};

/// Absolute path of a program, or nothing.
[[nodiscard]] std::string findProgram(std::string_view name, std::string_view path = kProgramPath);

/// Runs and turns a status other than 0 into an error that quotes the program's own words.
[[nodiscard]] Result<CommandOutput> runSuccessfully(CommandRunner& runner, const Command& command,
                                                    const std::stop_token& stop = {});

/// "iptables-save -t nat", for messages.
[[nodiscard]] std::string toString(const Command& command);

}  // namespace barevip::host
