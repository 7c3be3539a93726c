// SPDX-License-Identifier: Apache-2.0
// The command line of kubectl-barevip.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <tl/expected.hpp>

#include "cli/completion.h"
#include "cli/view/client_path.h"
#include "common/base/command_line.h"

namespace barevip::cli {

/// Of `convert`.
struct ConvertOptions {
  std::vector<std::string> files;  ///< "-": standard input
  bool strict = false;             ///< notes are an error
  bool lossy = false;              ///< losses are notes
};

/// Of the commands that ask a cluster.
struct Access {
  std::string kubeconfig;
  std::string context;
};

enum class Output : std::uint8_t { kTable, kWide, kJson, kYaml };

/// Of `status`.
struct StatusOptions {
  Access access;
  std::string ns;  ///< empty: all namespaces
  Output output = Output::kTable;
  bool watch = false;
};

/// Of `explain service`.
struct ExplainOptions {
  Access access;
  std::string ns;  ///< empty: the one of the context
  std::string name;
  Output output = Output::kTable;
  std::optional<Client> from{};  ///< whose connections to explain, too
  bool kernel = false;           ///< and compare with the kernels that they lead through
  bool watch = false;
};

/// Of `plan`.
struct PlanOptions {
  Access access;
  std::vector<std::string> files;    ///< "-": standard input
  std::vector<std::string> deleted;  ///< names of Pools
  Output output = Output::kTable;
};

/// Of `drain`.
struct DrainOptions {
  Access access;
  std::string node;
  std::chrono::milliseconds timeout{120'000};
  bool force = false;  ///< VIPs that no other node may announce are withdrawn
};

/// Of `undrain`.
struct UndrainOptions {
  Access access;
  std::string node;
};

/// Of `verify`.
struct VerifyOptions {
  Access access;
  std::string file;
  bool save = false;  ///< write the file, instead of comparing with it
  Output output = Output::kTable;
  bool watch = false;  ///< never with save
};

/// Of `rollback`.
struct RollbackOptions {
  Access access;
  std::string file;
  bool yes = false;  ///< write what is shown
  Output output = Output::kTable;
};

/// Of `support-bundle`.
struct BundleOptions {
  Access access;
  std::string file;  ///< empty: a name with the time, in the working folder
};

/// Of `completion`.
struct CompletionOptions {
  Shell shell = Shell::kBash;
  std::vector<CommandWords> words;
};

using Options =
    std::variant<ConvertOptions, StatusOptions, ExplainOptions, PlanOptions, DrainOptions,
                 UndrainOptions, VerifyOptions, RollbackOptions, BundleOptions, CompletionOptions>;

[[nodiscard]] tl::expected<Options, CommandLineEnd> parseOptions(int argc, const char* const* argv);

}  // namespace barevip::cli
