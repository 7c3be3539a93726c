// SPDX-License-Identifier: Apache-2.0
#include "common/base/command_line.h"

#include <algorithm>
#include <cstdio>
#include <exception>
#include <sstream>
#include <utility>

#include <CLI/CLI.hpp>

namespace barevip {

void addKubeconfigFlag(CLI::App& app, std::string& file) {
  app.add_option("--kubeconfig", file,
                 "kubeconfig file; else KUBECONFIG, else the pod's service account");
}

void addMetricsAddressFlag(CLI::App& app, std::string& address) {
  app.add_option("--metrics-address", address, "host:port of /healthz, /readyz and /metrics")
      ->capture_default_str();
}

void addLogLevelFlag(CLI::App& app, log::Level& level) {
  app.add_option_function<std::string>(
         "--log-level",
         [&level](const std::string& text) {
           const auto parsed = log::parseLevel(text);
           if (!parsed) throw CLI::ValidationError("--log-level", parsed.error().message);
           level = *parsed;
         },
         "debug, info, warn or error")
      ->default_str("info");
}

void addChoiceFlag(CLI::App& app, const std::string& flag, const std::string& help,
                   const std::string& preset, std::vector<std::string> names,
                   std::function<void(std::size_t)> take) {
  app.add_option_function<std::string>(
         flag,
         [flag, names = std::move(names), take = std::move(take)](const std::string& text) {
           const auto found = std::find(names.begin(), names.end(), text);
           if (found != names.end()) {
             take(static_cast<std::size_t>(found - names.begin()));
             return;
           }
           std::string all;
           for (const std::string& name : names) all += (all.empty() ? "" : " or ") + name;
           throw CLI::ValidationError(flag, "\"" + text + "\" is unknown: write " + all);
         },
         help)
      ->default_str(preset);
}

std::optional<CommandLineEnd> readCommandLine(CLI::App& app, int argc, const char* const* argv) {
  app.set_version_flag("--version", BAREVIP_VERSION);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() != 0) return wrongCommandLine(app, error.what());
    std::ostringstream out;
    app.exit(error, out, out);
    return CommandLineEnd{0, out.str()};
  }
  return std::nullopt;
}

CommandLineEnd wrongCommandLine(const CLI::App& app, const std::string& sentence) {
  return {2, app.get_name() + ": " + sentence + " (--help tells more)\n"};
}

int runMain(const char* program, const std::function<int()>& run) {
  try {
    return run();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s: %s\n", program, error.what());
    return 1;
  }
}

int sayEnd(const CommandLineEnd& end) {
  std::fputs(end.text.c_str(), end.status == 0 ? stdout : stderr);
  return end.status;
}

}  // namespace barevip
