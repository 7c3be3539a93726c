// SPDX-License-Identifier: Apache-2.0
// Scripts by which shells complete the command line.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace barevip::cli {

/// kKubectl: the program kubectl_complete-barevip, by which kubectl completes `kubectl barevip`.
enum class Shell : std::uint8_t { kBash, kZsh, kFish, kKubectl };

/// What may follow a command.
struct CommandWords {
  std::string command;             ///< without the program, as "explain service"; empty: none yet
  std::vector<std::string> words;  ///< commands and flags
};

[[nodiscard]] std::string completionScript(Shell shell, const std::vector<CommandWords>& commands);

}  // namespace barevip::cli
