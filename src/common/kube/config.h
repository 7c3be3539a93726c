// SPDX-License-Identifier: Apache-2.0
// Where the API server is, from what a program was started with.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "barevip/base/result.h"

#include "common/kube/transport.h"

namespace barevip::kube {

struct ConfigSource {
  std::string kubeconfigFlag;  ///< --kubeconfig; empty if not given
  std::string context = {};    ///< of the kubeconfig; empty: its current one. A pod has none
  /// An environment variable; nullopt if it is not set.
  std::function<std::optional<std::string>(const std::string& name)> environment;
  /// Where a pod finds its token and the cluster's CA.
  std::string serviceAccountFolder = "/var/run/secrets/kubernetes.io/serviceaccount";
};

/// The process's own environment.
[[nodiscard]] ConfigSource processConfigSource(std::string kubeconfigFlag);

/// In this order: the flag, the existing files of KUBECONFIG merged, the pod's service account,
/// ~/.kube/config. Without a proxy of a kubeconfig, that of the environment counts. The error says
/// what is missing, and where it was looked for.
[[nodiscard]] Result<TransportOptions> loadConfig(const ConfigSource& source);

/// The namespace that commands are about unless they name one: of the kubeconfig's context, or of
/// the pod.
[[nodiscard]] Result<std::string> loadNamespace(const ConfigSource& source);

}  // namespace barevip::kube
