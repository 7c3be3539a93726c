// SPDX-License-Identifier: Apache-2.0
#include "operator/options.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <random>
#include <sstream>
#include <string_view>
#include <utility>

#include <CLI/CLI.hpp>

#include "common/access/flags.h"
#include "common/kube/host_port.h"

namespace barevip::controlplane {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kMaxWorkers = 256;
constexpr milliseconds kLeastTimeout{5'000};
constexpr milliseconds kMostTimeout{3'600'000};
constexpr milliseconds kLeastLease{3'000};
constexpr milliseconds kLeastRenewal{2'000};
constexpr milliseconds kLeastRetry{1'000};
constexpr milliseconds kMostLease{600'000};
constexpr milliseconds kLeastReserve{1'000};  // between the end of a leader and the next one
// The name of --forward in earlier builds; not shown.
const std::map<std::string, model::ForwardMode> kIpModes{
    {model::kIpModeProxy, model::ForwardMode::kMasquerade},
    {model::kIpModeVip, model::ForwardMode::kKubeProxy}};
const std::map<std::string, assigner::Compat> kCompats{{"metallb", assigner::Compat::kMetalLb},
                                                       {"kube-vip", assigner::Compat::kKubeVip},
                                                       {"cilium", assigner::Compat::kCilium}};

// Of the pod; a pod without POD_NAME has it as its host name.
std::string podName() {
  std::array<char, 256> host{};
  const char* const pod = std::getenv("POD_NAME");
  std::string name = pod != nullptr ? pod : "";
  if (name.empty() && ::gethostname(host.data(), host.size() - 1) == 0) name = host.data();
  return name;
}

// Unique for each process: a restarted container has the name of its pod, too.
std::string madeUpIdentity() {
  std::ostringstream suffix;
  suffix << std::hex << std::random_device{}();
  return podName() + "-" + suffix.str();
}

// A number from 1 to `most`; the error says so.
unsigned long parseCount(const std::string& flag, const std::string& text, unsigned long most) {
  const bool number = !text.empty() && text.size() <= 5 &&
                      text.find_first_not_of("0123456789") == std::string::npos;
  const unsigned long value = number ? std::stoul(text) : 0;
  if (value < 1 || value > most) {
    throw CLI::ValidationError(
        flag, "\"" + text + "\" is out of range: write 1 to " + std::to_string(most));
  }
  return value;
}

std::string textOf(milliseconds time) {
  const bool whole = time.count() % 1000 == 0;
  return whole ? std::to_string(time.count() / 1000) + "s" : std::to_string(time.count()) + "ms";
}

// Those of client-go, and time for a write that was sent just before the leadership ended.
void checkLease(const kube::LeaseTimes& times) {
  if (times.leaseDuration < times.renewDeadline + kLeastReserve) {
    throw CLI::ValidationError(
        "--lease-duration", "it is " + textOf(times.leaseDuration) + ", but --renew-deadline is " +
                                textOf(times.renewDeadline) +
                                ": write at least a second more, so that a leader knows that it "
                                "lost the Lease before another one has it");
  }
  if (times.renewDeadline <= times.retryPeriod * kube::LeaseTimes::kMostJitter) {
    throw CLI::ValidationError(
        "--renew-deadline", "it is " + textOf(times.renewDeadline) + ", but --retry-period is " +
                                textOf(times.retryPeriod) +
                                ": write more than 1.2 times that, so that there is a second try");
  }
}

void addLeaseFlags(CLI::App& app, kube::LeaseTimes& times) {
  const auto add = [&](const char* flag, const char* help, milliseconds least, milliseconds& time) {
    addDurationFlag(app, flag, help, textOf(time), least, kMostLease,
                    [&time](milliseconds value) { time = value; });
  };
  add("--lease-duration", "time without a renewal after which another process takes over the Lease",
      kLeastLease, times.leaseDuration);
  add("--renew-deadline", "time without a renewal after which the leader stops working",
      kLeastRenewal, times.renewDeadline);
  add("--retry-period", "pause between two tries to take or renew the Lease", kLeastRetry,
      times.retryPeriod);
  app.callback([&times] { checkLease(times); });
}

bool hasOnly(std::string_view text, std::string_view others) {
  constexpr std::string_view kLettersAndDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  return text.find_first_not_of(std::string(kLettersAndDigits).append(others)) ==
         std::string_view::npos;
}

// No name of a host has "_", which readHostPort lets an API server have.
bool isHostWithPort(std::string_view text) {
  std::string host;
  std::uint16_t port = 0;
  return kube::readHostPort(text, host, port) == nullptr && host.find('_') == std::string::npos;
}

// A link to it stands on the page, so that no other scheme may come in.
std::string parseDashboardUrl(const std::string& text) {
  const std::string_view url = text;
  const auto schemeEnd = url.find("://");
  const std::string_view scheme = url.substr(0, schemeEnd);
  const std::string_view rest = schemeEnd == std::string::npos ? "" : url.substr(schemeEnd + 3);
  const auto pathBegin = std::min(rest.find('/'), rest.size());
  if ((scheme != "https" && scheme != "http") || !isHostWithPort(rest.substr(0, pathBegin)) ||
      !hasOnly(rest.substr(pathBegin), "._~%/+-")) {
    throw CLI::ValidationError(
        "--dashboard-url",
        "\"" + text + "\" is not the URL of a Grafana: write https://HOST or https://HOST/PATH");
  }
  return text.substr(0, text.find_last_not_of('/') + 1);
}

void addStatusPageFlags(CLI::App& app, Options& options) {
  auto* const address = app.add_option(
      "--status-address", options.statusAddress,
      "host:port of the status page, for example 127.0.0.1:8081 for kubectl port-forward; "
      "everybody who reaches it sees the state of all namespaces; without it there is no page");
  app.add_option_function<std::string>(
         "--dashboard-url",
         [&options](const std::string& text) { options.dashboardUrl = parseDashboardUrl(text); },
         "URL of the Grafana that has barevip's dashboards; the status page links to the traffic "
         "of each VIP there")
      ->needs(address);
}

void addFlags(CLI::App& app, Options& options) {
  addKubeconfigFlag(app, options.kubeconfig);
  app.add_flag("--leader-elect", options.leaderElect,
               "work only while this process holds the Lease; for more than one replica");
  app.add_option("--lease-namespace", options.lease.ns,
                 "namespace of the Lease; else POD_NAMESPACE, else barevip-system");
  app.add_option("--lease-name", options.lease.name, "name of the Lease")->capture_default_str();
  addLeaseFlags(app, options.leaseTimes);
  app.add_option("--identity", options.identity,
                 "name of this process in the Lease; else POD_NAME and a random part");
  app.add_option_function<std::string>(
         "--workers",
         [&options](const std::string& text) {
           options.workers = parseCount("--workers", text, kMaxWorkers);
         },
         "number of Services that are reconciled at a time")
      ->default_str("8");
  addClassFlags(app, options.classes.names, options.classes.required);
  app.add_flag("--adopt", options.adopt,
               "take over addresses within a Pool that another load balancer left in the status of "
               "Services");
  addChoiceFlag(app, "--forward",
                "how requests reach the pods of Services without the annotation "
                "barevip.dev/forward; the flag of the nodes must be the same",
                "masquerade", model::forwardModes(), options.forward);
  addChoiceFlag(app, "--ip-mode", "as --forward", "Proxy", kIpModes, options.forward)->group("");
  addChoiceFlag(app, "--compat",
                "metallb, kube-vip or cilium: also read that load balancer's annotations, where a "
                "Service does not have barevip's own",
                "", kCompats, options.compat);
  addMetricsAddressFlag(app, options.metricsAddress);
  access::addSecureMetricsFlags(app, options.metricsTls);
  addStatusPageFlags(app, options);
  addLogLevelFlag(app, options.logLevel);
}

/// What the commands that end by themselves have in common.
void addCommandFlags(CLI::App& app, Options& options, std::string& ns, milliseconds& timeout) {
  addKubeconfigFlag(app, options.kubeconfig);
  app.add_option("--namespace", ns,
                 "namespace of the installation; else POD_NAMESPACE, else barevip-system");
  addDurationFlag(app, "--timeout", "the most time that the command takes",
                  std::to_string(timeout.count() / 1000) + "s", kLeastTimeout, kMostTimeout,
                  [&timeout](milliseconds value) { timeout = value; });
  addLogLevelFlag(app, options.logLevel);
}

void addSelftestFlags(CLI::App& app, SelftestOptions& options) {
  app.add_option("--class", options.loadBalancerClass,
                 "loadBalancerClass of the Service; for an operator with --require-class");
  app.add_option_function<std::string>(
         "--selector",
         [&options](const std::string& text) {
           const auto equals = text.find('=');
           if (equals == 0 || equals == std::string::npos) {
             throw CLI::ValidationError(
                 "--selector",
                 "\"" + text + "\" is not a label: write KEY=VALUE, as the pod has it");
           }
           options.labelKey = text.substr(0, equals);
           options.labelValue = text.substr(equals + 1);
         },
         "label of the pod that runs this command, and of no other")
      ->default_str(options.labelKey + "=" + options.labelValue);
  app.add_option_function<std::string>(
         "--port",
         [&options](const std::string& text) {
           options.port = static_cast<std::uint16_t>(parseCount("--port", text, 65535));
         },
         "port on which this command answers")
      ->default_str(std::to_string(options.port));
}

}  // namespace

tl::expected<Options, CommandLineEnd> parseOptions(int argc, const char* const* argv) {
  Options options;
  if (const char* const ns = std::getenv("POD_NAMESPACE")) {
    options.lease.ns = options.podNamespace = options.uninstall.ns = options.selftest.ns = ns;
  }
  if (const char* const uid = std::getenv("POD_UID")) options.selftest.podUid = uid;
  options.selftest.pod = podName();
  CLI::App app{"barevip-operator: allocates addresses of Pools to LoadBalancer Services",
               "barevip-operator"};
  app.require_subcommand(0, 1);
  addFlags(app, options);
  CLI::App* const uninstall = app.add_subcommand(
      "uninstall", "clean the nodes and release the Pools before barevip is deleted");
  addCommandFlags(*uninstall, options, options.uninstall.ns, options.uninstall.timeout);
  CLI::App* const selftest = app.add_subcommand(
      "selftest", "create a Service for this pod, reach it by its address, and delete it");
  addCommandFlags(*selftest, options, options.selftest.ns, options.selftest.timeout);
  addSelftestFlags(*selftest, options.selftest);
  if (auto end = readCommandLine(app, argc, argv)) return tl::make_unexpected(std::move(*end));
  if (uninstall->parsed()) options.command = Options::Command::kUninstall;
  if (selftest->parsed()) options.command = Options::Command::kSelftest;
  if (options.identity.empty()) options.identity = madeUpIdentity();
  return options;
}

}  // namespace barevip::controlplane
