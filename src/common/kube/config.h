// SPDX-License-Identifier: Apache-2.0
// Where the API server is and how we show who we are.
#pragma once

#include <cstdint>
#include <string>

#include "barevip/base/result.h"

namespace barevip::kube {

/// A text that a file holds, or that is given itself. Files are read at each use, so that what is
/// rotated on disk is taken up.
struct TextSource {
  std::string file;
  std::string data;  ///< used if file is empty

  [[nodiscard]] bool empty() const { return file.empty() && data.empty(); }
  [[nodiscard]] Result<std::string> read() const;

  friend bool operator==(const TextSource&, const TextSource&) = default;
};

struct ClusterAccess {
  std::string host;  ///< name, IPv4 or bare IPv6 address
  std::uint16_t port = 443;
  std::string serverName;   ///< the name that the certificate must have; empty: host
  TextSource authority;     ///< PEM; the only CAs that are trusted
  TextSource certificate;   ///< PEM; empty: none
  TextSource key;           ///< PEM; with certificate
  TextSource token;         ///< bearer token; empty: none
  std::string description;  ///< "in-cluster" or the kubeconfig's path and context, for logs
};

/// What the environment says, in this order: the kubeconfig named by the flag, those listed in
/// KUBECONFIG (the first that exists), the pod's service account. kInvalid with one sentence: which
/// file or variable, what is wrong, how to mend it.
[[nodiscard]] Result<ClusterAccess> findCluster(const std::string& kubeconfigFlag);

/// The service account of a pod: KUBERNETES_SERVICE_HOST and _PORT, and the files in `folder`.
[[nodiscard]] Result<ClusterAccess> inCluster(
    const std::string& folder = "/var/run/secrets/kubernetes.io/serviceaccount");

}  // namespace barevip::kube
