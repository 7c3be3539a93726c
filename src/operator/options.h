// SPDX-License-Identifier: Apache-2.0
// The command line of barevip-operator.
#pragma once

#include <cstddef>
#include <string>

#include <tl/expected.hpp>

#include "barevip/base/log.h"
#include "barevip/kube/object_key.h"

#include "assigner/compat.h"
#include "common/base/command_line.h"

namespace barevip::controlplane {

struct Options {
  std::string kubeconfig;
  bool leaderElect = false;
  kube::ObjectKey lease{"barevip-system", "barevip-operator"};
  std::string identity;     ///< of this process in the Lease; made up from POD_NAME if empty
  std::size_t workers = 8;  ///< Services that are reconciled at a time
  bool requireClass = false;
  bool adopt = false;  ///< take over addresses that Services show and that somebody else gave
  std::string ipMode = "Proxy";
  assigner::Compat compat = assigner::Compat::kNone;
  std::string metricsAddress = ":8080";
  log::Level logLevel = log::Level::kInfo;
};

/// Reads the environment (POD_NAMESPACE, POD_NAME), then flags.
[[nodiscard]] tl::expected<Options, CommandLineEnd> parseOptions(int argc, const char* const* argv);

}  // namespace barevip::controlplane
