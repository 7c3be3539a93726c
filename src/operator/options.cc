// SPDX-License-Identifier: Apache-2.0
#include "operator/options.h"

#include <unistd.h>

#include <array>
#include <cstdlib>
#include <map>
#include <random>
#include <sstream>
#include <utility>

#include <CLI/CLI.hpp>

namespace barevip::controlplane {
namespace {

constexpr std::size_t kMaxWorkers = 256;
const std::map<std::string, std::string> kIpModes{{"Proxy", "Proxy"}, {"VIP", "VIP"}};
const std::map<std::string, assigner::Compat> kCompats{{"metallb", assigner::Compat::kMetalLb}};

// Unique for each process: a restarted container has the name of its pod, too.
std::string madeUpIdentity() {
  std::array<char, 256> host{};
  const char* const pod = std::getenv("POD_NAME");
  std::string name = pod != nullptr ? pod : "";
  if (name.empty() && ::gethostname(host.data(), host.size() - 1) == 0) name = host.data();
  std::ostringstream suffix;
  suffix << std::hex << std::random_device{}();
  return name + "-" + suffix.str();
}

void addFlags(CLI::App& app, Options& options) {
  addKubeconfigFlag(app, options.kubeconfig);
  app.add_flag("--leader-elect", options.leaderElect,
               "work only while this process holds the Lease; for more than one replica");
  app.add_option("--lease-namespace", options.lease.ns,
                 "namespace of the Lease; else POD_NAMESPACE, else barevip-system");
  app.add_option("--lease-name", options.lease.name, "name of the Lease")->capture_default_str();
  app.add_option("--identity", options.identity,
                 "name of this process in the Lease; else POD_NAME and a random part");
  app.add_option_function<std::string>(
         "--workers",
         [&options](const std::string& text) {
           const bool number = !text.empty() && text.size() <= 3 &&
                               text.find_first_not_of("0123456789") == std::string::npos;
           const std::size_t value = number ? std::stoul(text) : 0;
           if (value < 1 || value > kMaxWorkers) {
             throw CLI::ValidationError(
                 "--workers",
                 "\"" + text + "\" is out of range: write 1 to " + std::to_string(kMaxWorkers));
           }
           options.workers = value;
         },
         "Services that are worked on at a time")
      ->default_str("8");
  app.add_flag("--require-class", options.requireClass,
               "serve only Services of loadBalancerClass barevip.dev/barevip");
  app.add_flag("--adopt", options.adopt,
               "take over addresses within a Pool that another load balancer left in the status of "
               "Services");
  addChoiceFlag(app, "--ip-mode",
                "ipMode of addresses: Proxy leaves them to IPVS, VIP to kube-proxy", options.ipMode,
                kIpModes, options.ipMode);
  addChoiceFlag(app, "--compat",
                "metallb: read MetalLB's annotations of Services, too, where ours is not there", "",
                kCompats, options.compat);
  addMetricsAddressFlag(app, options.metricsAddress);
  addLogLevelFlag(app, options.logLevel);
}

}  // namespace

tl::expected<Options, CommandLineEnd> parseOptions(int argc, const char* const* argv) {
  Options options;
  if (const char* const ns = std::getenv("POD_NAMESPACE")) options.lease.ns = ns;
  CLI::App app{"barevip-operator: gives LoadBalancer Services addresses from Pools",
               "barevip-operator"};
  addFlags(app, options);
  if (auto end = readCommandLine(app, argc, argv)) return tl::make_unexpected(std::move(*end));
  if (options.identity.empty()) options.identity = madeUpIdentity();
  return options;
}

}  // namespace barevip::controlplane
