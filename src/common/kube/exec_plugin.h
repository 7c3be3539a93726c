// SPDX-License-Identifier: Apache-2.0
// The description of a credential plugin: plain data, which nothing runs (see exec_credentials.h).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace barevip::kube {

/// users[].user.exec of a kubeconfig (client.authentication.k8s.io).
struct ExecPlugin {
  enum class Interactive : std::uint8_t { kNever, kIfAvailable, kAlways };

  /// What a plugin learns of the cluster with provideClusterInfo.
  struct Cluster {
    std::string server;  ///< the URL as it stands in the kubeconfig
    std::string tlsServerName;
    std::string proxyUrl;   ///< as it stands in the kubeconfig
    std::string authority;  ///< PEM
  };

  std::string apiVersion;  ///< ".../v1" or ".../v1beta1"
  std::string command;     ///< a path, or a name that is looked up in PATH
  std::vector<std::string> arguments;
  std::vector<std::string> environment;  ///< "NAME=VALUE", which win over our own variables
  std::string installHint;               ///< for the error if there is no such program
  Interactive interactive = Interactive::kIfAvailable;
  std::optional<Cluster> cluster;
};

}  // namespace barevip::kube
