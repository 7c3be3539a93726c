// SPDX-License-Identifier: Apache-2.0
// The command line of barevip-node.
#pragma once

#include <chrono>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "barevip/base/log.h"
#include "barevip/ipvs/kernel.h"
#include "barevip/net/data_path.h"

#include "common/base/command_line.h"
#include "common/obs/tls_options.h"
#include "ipvsnode/desired/desired.h"

namespace barevip::node {

/// The first keepalive of Linux, after 7200 s, comes in time for an idle TCP connection; the others
/// are what Linux has of itself.
inline constexpr ipvs::Timeouts kDirectorTimeouts{
    std::chrono::seconds(7260), std::chrono::seconds(120), std::chrono::seconds(300)};

/// Name of a bind interface that means: the one of the default route with the lowest metric.
inline constexpr const char* kAutoInterface = "auto";

struct Options {
  enum class Command : std::uint8_t {
    kRun,
    kInit,     ///< set up the host: namespace, devices, modules, sysctls; needs privilege
    kCleanup,  ///< remove all that this program ever made on the node
    kStay,     ///< nothing, until a signal: for a pod whose init container did the work
    kCheck,    ///< show whether this node has what barevip needs
    kDump,     ///< show desired and kernel state
  };
  enum class Output : std::uint8_t { kTable, kJson };

  Command command = Command::kRun;
  bool askApi = true;  ///< kCheck: ask the API server for its version, too
  std::vector<std::string> bindInterfaces{kAutoInterface};  ///< at least one
  Placement placement = Placement::kDirector;
  model::ForwardMode forward = model::ForwardMode::kMasquerade;  ///< of Services without a wish
  std::string scheduler = "rr";
  std::chrono::milliseconds syncPeriod{30'000};
  std::chrono::seconds drainTimeout{300};
  /// With Placement::kHost only what a flag names: other programs' virtual servers have the same.
  ipvs::Timeouts timeouts = kDirectorTimeouts;
  bool handoverOnStop = false;
  model::ClassRules classes;
  std::set<std::string> trustEndpointsOf;  ///< namespaces, see DesiredOptions
  std::string kubeconfig;
  std::string nodeName;
  std::string ns = "barevip-system";
  std::string metricsAddress = "127.0.0.1:7480";
  obs::TlsOptions metricsTls;
  std::string namespacePath = net::kDirectorNamespacePath;
  log::Level logLevel = log::Level::kInfo;
  Output output = Output::kTable;
};

/// Reads flags, then the environment (NODE_NAME, POD_NAMESPACE), then this machine's host name for
/// the node's.
[[nodiscard]] tl::expected<Options, CommandLineEnd> parseOptions(int argc, const char* const* argv);

}  // namespace barevip::node
