// SPDX-License-Identifier: Apache-2.0
#include "cli/options.h"

#include <utility>

#include <CLI/CLI.hpp>

namespace barevip::cli {

tl::expected<Options, CommandLineEnd> parseOptions(int argc, const char* const* argv) {
  Options options;
  CLI::App app{"kubectl-barevip: what people do with barevip beside kubectl", "kubectl-barevip"};
  CLI::App* const convert = app.add_subcommand(
      "convert",
      "print the Pools that other load balancers' objects become: MetalLB's, Cilium's, PureLB's, "
      "OpenELB's, the ConfigMap of kube-vip-cloud-provider, and Pools of inwinstack.com; what has "
      "no equal is listed on stderr");
  convert
      ->add_option("-f,--filename", options.files,
                   "manifest to read, may be repeated; -, or none: standard input")
      ->allow_extra_args(false);
  convert->add_flag("--strict", options.strict,
                    "print no Pools, and end with status 3, if there is any note");
  convert->add_flag("--lossy", options.lossy,
                    "print Pools even if they serve fewer, or announce in fewer places, than the "
                    "objects do, with a note for each loss");
  convert->footer(
      "Exit status: 0 the Pools are printed, perhaps with notes; 1 something is malformed, or no "
      "Pool can have it; 2 the command line is wrong; 3 there are notes, with --strict; 4 the "
      "Pools would serve fewer or announce in fewer places, without --lossy.");
  if (auto end = readCommandLine(app, argc, argv)) return tl::make_unexpected(std::move(*end));
  if (!convert->parsed()) {
    return tl::make_unexpected(wrongCommandLine(app, "a command is missing: write convert"));
  }
  if (options.files.empty()) options.files.emplace_back("-");
  return options;
}

}  // namespace barevip::cli
