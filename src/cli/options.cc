// SPDX-License-Identifier: Apache-2.0
#include "cli/options.h"

#include <utility>

#include <CLI/CLI.hpp>

namespace barevip::cli {

tl::expected<Options, CommandLineEnd> parseOptions(int argc, const char* const* argv) {
  Options options;
  CLI::App app{"kubectl-barevip: what people do with barevip beside kubectl", "kubectl-barevip"};
  CLI::App* const convert =
      app.add_subcommand("convert",
                         "print the Pools that MetalLB's pools and advertisements, or Pools of "
                         "inwinstack.com, become; "
                         "what has no equal is told on stderr");
  convert
      ->add_option("-f,--filename", options.files,
                   "manifest to read, may be repeated; -, or none: standard input")
      ->allow_extra_args(false);
  convert->add_flag("--strict", options.strict,
                    "print no Pools, and end with status 3, if something has no equal");
  if (auto end = readCommandLine(app, argc, argv)) return tl::make_unexpected(std::move(*end));
  if (!convert->parsed()) {
    return tl::make_unexpected(wrongCommandLine(app, "a command is missing: write convert"));
  }
  if (options.files.empty()) options.files.emplace_back("-");
  return options;
}

}  // namespace barevip::cli
