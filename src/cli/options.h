// SPDX-License-Identifier: Apache-2.0
// The command line of kubectl-barevip.
#pragma once

#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "common/base/command_line.h"

namespace barevip::cli {

/// Of `convert`, the only command.
struct Options {
  std::vector<std::string> files;  ///< "-": standard input
  bool strict = false;             ///< notes are an error
  bool lossy = false;              ///< losses are notes
};

[[nodiscard]] tl::expected<Options, CommandLineEnd> parseOptions(int argc, const char* const* argv);

}  // namespace barevip::cli
