// SPDX-License-Identifier: Apache-2.0
// What the command lines of all programs have in common. Functions that add flags belong between
// the making of the CLI::App and readCommandLine; what they refer to outlives that.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "barevip/base/log.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace barevip {

/// Why there is nothing to run: help was asked for (status 0) or the command line is wrong (2).
struct CommandLineEnd {
  int status = 0;
  std::string text;
};

/// --kubeconfig
void addKubeconfigFlag(CLI::App& app, std::string& file);
/// --class and --require-class; the default names are what `names` holds.
void addClassFlags(CLI::App& app, std::vector<std::string>& names, bool& required);
/// --metrics-address; its default is what `address` holds.
void addMetricsAddressFlag(CLI::App& app, std::string& address);
/// --log-level
void addLogLevelFlag(CLI::App& app, log::Level& level);

/// A flag that takes a duration with a unit, as 30s or 500ms, within [least, most]. `take` gets the
/// value; `preset` is for --help.
void addDurationFlag(CLI::App& app, const std::string& flag, const std::string& help,
                     const std::string& preset, std::chrono::milliseconds least,
                     std::chrono::milliseconds most,
                     std::function<void(std::chrono::milliseconds)> take);

/// A flag that takes one of a few names; `take` gets the index of the name. Without a preset the
/// flag has no default. What is returned belongs to `app`.
CLI::Option* addChoiceFlag(CLI::App& app, const std::string& flag, const std::string& help,
                           const std::string& preset, std::vector<std::string> names,
                           std::function<void(std::size_t)> take);

/// The same for values that have names. `values` is copied.
template <class T>
CLI::Option* addChoiceFlag(CLI::App& app, const std::string& flag, const std::string& help,
                           const std::string& preset, const std::map<std::string, T>& values,
                           T& target) {
  std::vector<std::string> names;
  std::vector<T> byIndex;
  for (const auto& [name, value] : values) {
    names.push_back(name);
    byIndex.push_back(value);
  }
  return addChoiceFlag(
      app, flag, help, preset, std::move(names),
      [byIndex = std::move(byIndex), &target](std::size_t i) { target = byIndex[i]; });
}

/// Adds --version and reads the arguments. nullopt: they are right and there is something to run.
[[nodiscard]] std::optional<CommandLineEnd> readCommandLine(CLI::App& app, int argc,
                                                            const char* const* argv);

/// The end of a program whose arguments are wrong together; the sentence has no full stop.
[[nodiscard]] CommandLineEnd wrongCommandLine(const CLI::App& app, const std::string& sentence);

/// The whole of a main(): calls `run`, and prints on stderr what it throws (status 1).
[[nodiscard]] int runMain(const char* program, const std::function<int()>& run);

/// Prints the text, help on stdout and faults on stderr, and returns the status to exit with.
[[nodiscard]] int sayEnd(const CommandLineEnd& end);

}  // namespace barevip
