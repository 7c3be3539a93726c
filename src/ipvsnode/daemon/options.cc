// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/daemon/options.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>
#include <map>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

#include "barevip/net/bind_interfaces.h"

#include "common/access/flags.h"
#include "common/base/dns_name.h"

namespace barevip::node {
namespace {

using std::chrono::milliseconds;

const std::map<std::string, Placement> kPlacements{{"director", Placement::kDirector},
                                                   {"host", Placement::kHost}};
constexpr const char* kFormerMode = "endpoints";  // of --forward in earlier builds; not shown
const std::map<std::string, Options::Output> kOutputs{{"table", Options::Output::kTable},
                                                      {"json", Options::Output::kJson}};

void checkInterface(const std::string& name) {
  // The kernel's own rule (dev_valid_name in net/core/dev.c).
  const bool valid = !name.empty() && name.size() < 16 && name != "." && name != ".." &&
                     std::none_of(name.begin(), name.end(), [](unsigned char c) {
                       return c == '/' || c == ':' || std::isspace(c) != 0;
                     });
  if (!valid) {
    throw CLI::ValidationError("--bind-iface",
                               "\"" + name +
                                   "\" is not a network interface name: write one like "
                                   "eth0, or auto");
  }
}

// Empty: nothing is wrong.
std::string namespaceProblem(const std::string& name) {
  if (isDnsLabel(name)) return {};
  return "\"" + name + "\" is not the name of a namespace: write names with commas between";
}

std::string hostName() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0) return {};
  return name.data();
}

void addHostSetup(CLI::App& app, Options& options) {
  app.add_option_function<std::vector<std::string>>(
         "--bind-iface",
         [&options](const std::vector<std::string>& names) {
           for (const std::string& name : names) checkInterface(name);
           if (names.size() > net::kMaxBindInterfaces) {
             throw CLI::ValidationError("--bind-iface",
                                        "names " + std::to_string(names.size()) +
                                            " interfaces: write at most " +
                                            std::to_string(net::kMaxBindInterfaces));
           }
           options.bindInterfaces = names;
         },
         "NAME[,NAME]: interfaces that face the clients, of which the node has some; a VIP is "
         "announced on the one in whose network it is, else on the first; auto: that of the "
         "default route")
      ->delimiter(',')
      ->default_str(kAutoInterface);
  addChoiceFlag(
      app, "--placement",
      "where IPVS runs: `director` (the balancer namespace) or `host` (the node's namespace)",
      "director", kPlacements, options.placement);
  addLogLevelFlag(app, options.logLevel);
}

/// 0: not named. The kernel takes no more seconds than fit into an int of ticks.
void addTimeouts(CLI::App& app, ipvs::Timeouts& named) {
  const auto add = [&app](const char* flag, const std::string& what, const std::string& preset,
                          std::chrono::seconds& target) {
    addDurationFlag(
        app, flag,
        what + ", 1s to 576h; else " + preset + ", with --placement=host whatever the kernel has",
        "", milliseconds(1000), std::chrono::hours(576), [&target](milliseconds value) {
          target = std::chrono::duration_cast<std::chrono::seconds>(value);
        });
  };
  add("--ipvs-tcp-timeout", "how long IPVS remembers an idle TCP connection", "7260s", named.tcp);
  add("--ipvs-tcpfin-timeout", "how long IPVS waits for the client's FIN after the server's",
      "120s", named.tcpFin);
  add("--ipvs-udp-timeout", "how long packets of one UDP client go to the same pod after a pause",
      "300s", named.udp);
}

ipvs::Timeouts timeoutsOf(ipvs::Timeouts named, Placement placement) {
  if (placement == Placement::kHost) return named;
  if (named.tcp.count() == 0) named.tcp = kDirectorTimeouts.tcp;
  if (named.tcpFin.count() == 0) named.tcpFin = kDirectorTimeouts.tcpFin;
  if (named.udp.count() == 0) named.udp = kDirectorTimeouts.udp;
  return named;
}

void addRun(CLI::App& app, Options& options, bool& dump) {
  addChoiceFlag(app, "--forward",
                "how requests reach the pods of Services without the annotation "
                "barevip.dev/forward; the flag of the operator must be the same",
                "masquerade", model::forwardModes(), options.forward)
      ->transform(
          [](const std::string& mode) { return mode == kFormerMode ? "masquerade" : mode; });
  app.add_option_function<std::string>(
         "--scheduler",
         [&options](const std::string& name) {
           if (!isScheduler(name)) {
             throw CLI::ValidationError(
                 "--scheduler", "\"" + name +
                                    "\" is not an IPVS scheduler: write rr, wrr, lc, wlc, sh, "
                                    "dh, sed, nq or mh");
           }
           options.scheduler = name;
         },
         "IPVS scheduler of Services without the annotation barevip.dev/scheduler")
      ->default_str("rr");
  addDurationFlag(app, "--sync-period", "how often the kernel is read back and repaired", "30s",
                  milliseconds(1000), milliseconds(3'600'000),
                  [&options](milliseconds value) { options.syncPeriod = value; });
  addDurationFlag(app, "--drain-timeout", "how long connections to a removed endpoint may last",
                  "5m", milliseconds(0), milliseconds(86'400'000), [&options](milliseconds value) {
                    options.drainTimeout = std::chrono::duration_cast<std::chrono::seconds>(value);
                  });
  app.add_flag("--handover-on-stop", options.handoverOnStop,
               "on SIGTERM hand all VIPs over to other nodes; without it they stay, and the next "
               "daemon adopts them");
  addClassFlags(app, options.classes.names, options.classes.required);
  app.add_option_function<std::vector<std::string>>(
         "--trust-endpoints-of",
         [&options](const std::vector<std::string>& namespaces) {
           options.trustEndpointsOf = {namespaces.begin(), namespaces.end()};
         },
         "NAMESPACE[,NAMESPACE]: EndpointSlices that are written by hand there may lead to nodes, "
         "API servers, clusterIPs and pods of others")
      ->delimiter(',')
      ->check(CLI::Validator(&namespaceProblem, "", "namespace"));
  addKubeconfigFlag(app, options.kubeconfig);
  app.add_option("--node-name", options.nodeName,
                 "name of this node; else NODE_NAME, else the host name");
  app.add_option("--namespace", options.ns,
                 "namespace of the nodes' Leases; else POD_NAMESPACE, else barevip-system");
  addMetricsAddressFlag(app, options.metricsAddress);
  access::addSecureMetricsFlags(app, options.metricsTls);
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
  ipvs::Timeouts timeouts;

  CLI::App app{"barevip-node: serves the addresses of LoadBalancer Services on this node by IPVS",
               "barevip-node"};
  app.require_subcommand(0, 1);
  addHostSetup(app, options);
  addRun(app, options, dump);
  addTimeouts(app, timeouts);
  CLI::App* init = app.add_subcommand(
      "init", "make the balancer namespace, devices and sysctls, load modules (privileged)");
  CLI::App* cleanup =
      app.add_subcommand("cleanup", "remove everything that barevip-node made on this node");
  addHostSetup(*init, options);
  addHostSetup(*cleanup, options);

  CLI::App* check = app.add_subcommand(
      "check",
      "show whether this node has what barevip needs; changes nothing, needs no privilege");
  addHostSetup(*check, options);
  addKubeconfigFlag(*check, options.kubeconfig);
  check->add_flag_callback(
      "--without-api", [&options] { options.askApi = false; },
      "do not ask the API server for its version");
  addChoiceFlag(*check, "--output", "form: table or json", "table", kOutputs, options.output);
  const CLI::App* const stay =
      app.add_subcommand("stay", "do nothing until a signal, for a pod that has done its work");

  if (auto end = readCommandLine(app, argc, argv)) return tl::make_unexpected(std::move(*end));
  options.timeouts = timeoutsOf(timeouts, options.placement);
  const bool clusterIp = options.forward == model::ForwardMode::kClusterIp;
  if (clusterIp && options.placement == Placement::kHost) {
    return tl::make_unexpected(wrongCommandLine(
        app,
        "--forward=cluster-ip needs --placement=director: on the host no packet gets from "
        "IPVS to a clusterIP; write masquerade or kube-proxy"));
  }
  if (init->parsed()) options.command = Options::Command::kInit;
  if (cleanup->parsed()) options.command = Options::Command::kCleanup;
  if (check->parsed()) options.command = Options::Command::kCheck;
  if (stay->parsed()) options.command = Options::Command::kStay;
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
