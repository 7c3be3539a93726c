// SPDX-License-Identifier: Apache-2.0
#include "common/base/command_line.h"

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <exception>
#include <map>
#include <sstream>
#include <utility>

#include <CLI/CLI.hpp>

namespace barevip {

using std::chrono::milliseconds;

void addKubeconfigFlag(CLI::App& app, std::string& file) {
  app.add_option("--kubeconfig", file,
                 "kubeconfig file; else KUBECONFIG, else the pod's service account");
}

namespace {

constexpr std::size_t kMaxClass = 317;  // a label's key: prefix of 253, slash, name of 63

bool isClassName(const std::string& text) {
  const bool known = std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.' || c == '/';
  });
  return known && !text.empty() && text.size() <= kMaxClass &&
         std::count(text.begin(), text.end(), '/') <= 1;
}

}  // namespace

void addClassFlags(CLI::App& app, std::vector<std::string>& names, bool& required) {
  std::string preset;
  for (const std::string& name : names) preset += (preset.empty() ? "" : ",") + name;
  app.add_option_function<std::string>(
         "--class",
         [&names](const std::string& text) {
           names.clear();
           std::istringstream list(text + ",");
           for (std::string name; std::getline(list, name, ',');) {
             if (!isClassName(name)) {
               throw CLI::ValidationError(
                   "--class", "\"" + name +
                                  "\" is not a class name: write names as they stand in "
                                  "spec.loadBalancerClass, with commas between");
             }
             names.push_back(name);
           }
         },
         "NAME[,NAME]: serve Services of these values of spec.loadBalancerClass")
      ->default_str(preset);
  app.add_flag("--require-class", required,
               "allocate no address to a Service without a loadBalancerClass; a Service that has "
               "an address keeps it");
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

void addDurationFlag(CLI::App& app, const std::string& flag, const std::string& help,
                     const std::string& preset, milliseconds least, milliseconds most,
                     std::function<void(milliseconds)> take) {
  const auto read = [flag, least, most, take = std::move(take)](const std::string& text) {
    const std::map<std::string, long> units{
        {"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}};
    const auto digits = text.find_first_not_of("0123456789");
    const auto unit = digits == std::string::npos ? units.end() : units.find(text.substr(digits));
    if (digits == 0 || digits > 9 || unit == units.end()) {
      throw CLI::ValidationError(flag,
                                 "\"" + text + "\" is not a duration: write it like 30s or 500ms");
    }
    const milliseconds value(std::stol(text.substr(0, digits)) * unit->second);
    if (value < least || value > most) {
      throw CLI::ValidationError(flag, "\"" + text + "\" is out of range: write " +
                                           std::to_string(least.count()) + "ms to " +
                                           std::to_string(most.count() / 1000) + "s");
    }
    take(value);
  };
  app.add_option_function<std::string>(flag, read, help)->default_str(preset);
}

CLI::Option* addChoiceFlag(CLI::App& app, const std::string& flag, const std::string& help,
                           const std::string& preset, std::vector<std::string> names,
                           std::function<void(std::size_t)> take) {
  return app
      .add_option_function<std::string>(
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
  return {2, app.get_name() + ": " + sentence + " (see --help)\n"};
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
