// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/options.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>
#include <map>
#include <utility>

#include <CLI/CLI.hpp>

namespace barevip::node {
namespace {

using std::chrono::milliseconds;

const std::map<std::string, Placement> kPlacements{{"director", Placement::kDirector},
                                                   {"host", Placement::kHost}};
const std::map<std::string, ForwardMode> kForwardModes{{"endpoints", ForwardMode::kEndpoints}};
const std::map<std::string, Options::Output> kOutputs{{"table", Options::Output::kTable},
                                                      {"json", Options::Output::kJson}};

std::function<void(const std::string&)> duration(const char* flag, milliseconds least,
                                                 milliseconds most,
                                                 std::function<void(milliseconds)> take) {
  return [=](const std::string& text) {
    const std::map<std::string, long> units{
        {"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}};
    const auto digits = text.find_first_not_of("0123456789");
    const auto unit = digits == std::string::npos ? units.end() : units.find(text.substr(digits));
    if (digits == 0 || digits > 9 || unit == units.end()) {
      throw CLI::ValidationError(flag,
                                 "\"" + text + "\" is no duration: write it like 30s or 500ms");
    }
    const milliseconds value(std::stol(text.substr(0, digits)) * unit->second);
    if (value < least || value > most) {
      throw CLI::ValidationError(flag, "\"" + text + "\" is out of range: write " +
                                           std::to_string(least.count()) + "ms to " +
                                           std::to_string(most.count() / 1000) + "s");
    }
    take(value);
  };
}

void checkInterface(const std::string& name) {
  // The kernel's own rule (dev_valid_name in net/core/dev.c).
  const bool valid = !name.empty() && name.size() < 16 && name != "." && name != ".." &&
                     std::none_of(name.begin(), name.end(), [](unsigned char c) {
                       return c == '/' || c == ':' || std::isspace(c) != 0;
                     });
  if (!valid) {
    throw CLI::ValidationError("--bind-iface",
                               "\"" + name +
                                   "\" is no name of a network interface: write one like "
                                   "eth0, or auto");
  }
}

std::string hostName() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0) return {};
  return name.data();
}

void addGround(CLI::App& app, Options& options) {
  app.add_option_function<std::string>(
         "--bind-iface",
         [&options](const std::string& name) {
           checkInterface(name);
           options.bindInterface = name;
         },
         "interface that faces the clients; auto: that of the default route")
      ->default_str(kAutoInterface);
  addChoiceFlag(app, "--placement",
                "where IPVS lives: director (a network namespace of its own) or host (the node's)",
                "director", kPlacements, options.placement);
  addLogLevelFlag(app, options.logLevel);
}

void addRun(CLI::App& app, Options& options, bool& dump) {
  addChoiceFlag(app, "--forward", "how requests reach pods: endpoints", "endpoints", kForwardModes,
                options.forward);
  app.add_option_function<std::string>(
         "--scheduler",
         [&options](const std::string& name) {
           if (!isScheduler(name)) {
             throw CLI::ValidationError(
                 "--scheduler", "\"" + name +
                                    "\" is no scheduler of IPVS: write rr, wrr, lc, wlc, sh, "
                                    "dh, sed, nq or mh");
           }
           options.scheduler = name;
         },
         "IPVS scheduler of Services without the annotation barevip.dev/scheduler")
      ->default_str("rr");
  app.add_option_function<std::string>(
         "--sync-period",
         duration("--sync-period", milliseconds(1000), milliseconds(3'600'000),
                  [&options](milliseconds value) { options.syncPeriod = value; }),
         "how often the kernel is read back and repaired")
      ->default_str("30s");
  app.add_option_function<std::string>(
         "--drain-timeout",
         duration("--drain-timeout", milliseconds(0), milliseconds(86'400'000),
                  [&options](milliseconds value) {
                    options.drainTimeout = std::chrono::duration_cast<std::chrono::seconds>(value);
                  }),
         "how long connections to an endpoint that goes may last")
      ->default_str("5m");
  app.add_flag("--handover-on-stop", options.handoverOnStop,
               "on SIGTERM give VIPs to other nodes; else they stay, for a restart to adopt");
  app.add_flag("--require-class", options.requireClass,
               "serve only Services of loadBalancerClass barevip.dev/barevip");
  addKubeconfigFlag(app, options.kubeconfig);
  app.add_option("--node-name", options.nodeName,
                 "name of this node; else NODE_NAME, else the host name");
  app.add_option("--namespace", options.ns,
                 "namespace of the nodes' Leases; else POD_NAMESPACE, else barevip-system");
  addMetricsAddressFlag(app, options.metricsAddress);
  app.add_flag("--dump", dump,
               "show what this node should hold and what its kernel holds, and exit");
  addChoiceFlag(app, "--output", "form of --dump: table or json", "table", kOutputs,
                options.output);
}

}  // namespace

tl::expected<Options, CommandLineEnd> parseOptions(int argc, const char* const* argv) {
  Options options;
  if (const char* name = std::getenv("NODE_NAME")) options.nodeName = name;
  if (const char* ns = std::getenv("POD_NAMESPACE")) options.ns = ns;
  bool dump = false;

  CLI::App app{"barevip-node: serves the addresses of LoadBalancer Services on this node by IPVS",
               "barevip-node"};
  app.require_subcommand(0, 1);
  addGround(app, options);
  addRun(app, options, dump);
  CLI::App* init = app.add_subcommand(
      "init", "make the director namespace, devices and sysctls, load modules (privileged)");
  CLI::App* cleanup =
      app.add_subcommand("cleanup", "remove everything that barevip-node made on this node");
  addGround(*init, options);
  addGround(*cleanup, options);
  cleanup->add_flag("--stay", options.stay, "do not end before a signal, as a pod must not");

  if (auto end = readCommandLine(app, argc, argv)) return tl::make_unexpected(std::move(*end));
  if (init->parsed()) options.command = Options::Command::kInit;
  if (cleanup->parsed()) options.command = Options::Command::kCleanup;
  if (dump) {
    if (options.command != Options::Command::kRun) {
      return tl::make_unexpected(wrongCommandLine(app, "--dump goes with no other command"));
    }
    options.command = Options::Command::kDump;
  }
  if (options.nodeName.empty()) options.nodeName = hostName();
  return options;
}

}  // namespace barevip::node
