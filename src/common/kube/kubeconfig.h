// SPDX-License-Identifier: Apache-2.0
// The file that tells kubectl where a cluster is.
#pragma once

#include <string>
#include <string_view>

#include "barevip/base/result.h"

#include "common/kube/transport.h"

namespace barevip::kube {

/// The connection of the current context. Certificates as files or as base64 data, tokens as text
/// or file (read again for each request), tls-server-name. What would weaken or complicate the
/// connection is refused: no CA, insecure-skip-tls-verify, plain http, exec and auth-provider
/// plugins, passwords, proxies, impersonation. Each error is one sentence: file, key, how to mend.
[[nodiscard]] Result<TransportOptions> loadKubeconfig(const std::string& file);

/// The same for a text; `file` is for the messages, and relative paths are relative to its folder.
[[nodiscard]] Result<TransportOptions> parseKubeconfig(std::string_view text,
                                                       const std::string& file);

}  // namespace barevip::kube
