// SPDX-License-Identifier: Apache-2.0
// Running the few programs that have no kernel interface worth speaking ourselves.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "barevip/base/result.h"

namespace barevip {

struct Command {
  /// A path, or a name that is looked up in kProgramPath.
  std::string program;
  std::vector<std::string> arguments{};
  std::string input{};  ///< stdin
  std::chrono::milliseconds deadline{30'000};
  /// Lines of stdout that it refuses are dropped as they come, so that a dump of which we need a
  /// few lines costs no memory. Empty: keep all.
  std::function<bool(std::string_view)> keepLine{};
  std::size_t outputLimit = std::size_t{64} << 20U;  ///< of what is kept of stdout, bytes
  /// The whole environment, each "NAME=VALUE". Empty: PATH is kProgramPath, LC_ALL is C.
  std::vector<std::string> environment{};
  /// It may ask a person: it gets our stdin instead of `input` and stays in our process group, as
  /// another one may not read from the terminal. Only it is then killed, not its children.
  bool interactive = false;
  bool showErrors = false;  ///< what it writes to stderr goes to ours, too, as it comes
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

  /// Waits for the end of the program. A status other than 0 counts as success here (see
  /// runSuccessfully). kNotFound if there is no such program; after it was killed kTimeout,
  /// kStopped, or kInternal (too much output).
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

}  // namespace barevip
