// SPDX-License-Identifier: Apache-2.0
// The command line of barevip-node.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include <tl/expected.hpp>

#include "barevip/base/log.h"

#include "common/base/command_line.h"
#include "ipvsnode/desired.h"
#include "ipvsnode/host/layout.h"

namespace barevip::node {

/// Name of the bind interface that means: the one of the default route.
inline constexpr const char* kAutoInterface = "auto";

struct Options {
  enum class Command : std::uint8_t {
    kRun,
    kInit,     ///< make the ground: namespace, devices, modules, sysctls; needs privilege
    kCleanup,  ///< remove all that this program ever made on the node
    kDump,     ///< show desired and kernel state
  };
  enum class Output : std::uint8_t { kTable, kJson };

  Command command = Command::kRun;
  bool stay = false;  ///< kCleanup: end only by a signal
  std::string bindInterface = kAutoInterface;
  Placement placement = Placement::kDirector;
  ForwardMode forward = ForwardMode::kEndpoints;
  std::string scheduler = "rr";
  std::chrono::milliseconds syncPeriod{30'000};
  std::chrono::seconds drainTimeout{300};
  bool handoverOnStop = false;
  bool requireClass = false;
  std::string kubeconfig;
  std::string nodeName;
  std::string ns = "barevip-system";
  std::string metricsAddress = "127.0.0.1:7480";
  std::string namespacePath = host::kDirectorNamespacePath;
  log::Level logLevel = log::Level::kInfo;
  Output output = Output::kTable;
};

/// Reads flags, then the environment (NODE_NAME, POD_NAMESPACE), then this machine's host name for
/// the node's.
[[nodiscard]] tl::expected<Options, CommandLineEnd> parseOptions(int argc, const char* const* argv);

}  // namespace barevip::node
