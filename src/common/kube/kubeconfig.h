// SPDX-License-Identifier: Apache-2.0
// Kubeconfig files (kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig).
#pragma once

#include <string>

#include "barevip/base/result.h"

#include "common/kube/config.h"

namespace barevip::kube {

/// Reads the current context of a kubeconfig: server, CA, tls-server-name, client certificate or
/// token, as files (relative to the kubeconfig) or as data. What would weaken or escape the check
/// of the server (insecure-skip-tls-verify, proxies) and what runs programs (exec, auth-provider)
/// is refused in a sentence.
[[nodiscard]] Result<ClusterAccess> loadKubeconfig(const std::string& path);

/// The same from text; `path` is for messages and relative file names.
[[nodiscard]] Result<ClusterAccess> parseKubeconfig(const std::string& text,
                                                    const std::string& path);

/// "https://host:port" to host and port; the port defaults to 443.
[[nodiscard]] Result<void> parseServer(const std::string& url, ClusterAccess& access);

}  // namespace barevip::kube
