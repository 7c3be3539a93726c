// SPDX-License-Identifier: Apache-2.0
// The command line of barevip-operator.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include <tl/expected.hpp>

#include "barevip/base/log.h"
#include "barevip/kube/object_key.h"
#include "barevip/model/service.h"

#include "assigner/service/compat.h"
#include "common/base/command_line.h"
#include "common/kube/leader.h"
#include "common/obs/tls_options.h"
#include "operator/selftest.h"
#include "operator/uninstall.h"

namespace barevip::controlplane {

struct Options {
  enum class Command : std::uint8_t {
    kRun,
    kUninstall,  ///< what goes before an installation is deleted
    kSelftest,   ///< whether an installation serves a Service
  };

  Command command = Command::kRun;
  std::string kubeconfig;
  bool leaderElect = false;
  kube::ObjectKey lease{"barevip-system", "barevip-operator"};
  kube::LeaseTimes leaseTimes;
  std::string identity;     ///< of this process in the Lease; made up from POD_NAME if empty
  std::size_t workers = 8;  ///< Services that are reconciled at a time
  model::ClassRules classes;
  bool adopt = false;  ///< take over addresses that Services show and barevip did not allocate
  model::ForwardMode forward = model::ForwardMode::kMasquerade;  ///< of Services without a wish
  assigner::Compat compat = assigner::Compat::kNone;
  std::string metricsAddress = ":8080";
  obs::TlsOptions metricsTls;
  std::string statusAddress;                    ///< of the status page; empty: there is none
  std::string dashboardUrl;                     ///< of Grafana; no slash at its end; empty: none
  std::string podNamespace = "barevip-system";  ///< where node daemons have their Leases
  log::Level logLevel = log::Level::kInfo;
  UninstallOptions uninstall;
  SelftestOptions selftest;
};

/// Reads the environment (POD_NAMESPACE, POD_NAME, POD_UID), then flags.
[[nodiscard]] tl::expected<Options, CommandLineEnd> parseOptions(int argc, const char* const* argv);

}  // namespace barevip::controlplane
