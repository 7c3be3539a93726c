// SPDX-License-Identifier: Apache-2.0
// The files in which kubectl finds where a cluster is.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "barevip/base/result.h"

#include "common/kube/transport.h"

namespace barevip::kube {

/// The connection of a context, of the current one if `context` is empty. Certificates as files or
/// as base64 data, tokens as text or file (read again for each request), exec plugins (described
/// here, run by the transport), impersonation, proxy-url, tls-server-name. What would weaken the
/// connection is refused: no CA, insecure-skip-tls-verify, plain http, auth-provider, passwords.
/// Each error is one sentence: file, key, how to correct it. Several files are merged by
/// client-go's rules (see KubeconfigFiles); all of them must be there.
[[nodiscard]] Result<TransportOptions> loadKubeconfig(const std::vector<std::string>& paths,
                                                      const std::string& context = {});

/// The namespace of the context; "default" if it names none.
[[nodiscard]] Result<std::string> namespaceOfKubeconfig(const std::vector<std::string>& paths,
                                                        const std::string& context = {});

/// The same for a text; `file` is for the messages, and relative paths are relative to its folder.
[[nodiscard]] Result<TransportOptions> parseKubeconfig(std::string_view text,
                                                       const std::string& file);

}  // namespace barevip::kube
