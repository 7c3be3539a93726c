// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

namespace barevip::cli {

/// True if Kubernetes takes it as the name of a Pool (an RFC 1123 subdomain).
[[nodiscard]] bool isPoolName(const std::string& name);

/// True if a namespace can have this name (an RFC 1123 label).
[[nodiscard]] bool isNamespaceName(const std::string& name);

/// Each name once, in the order of first mention: the CRD refuses repeats.
[[nodiscard]] std::vector<std::string> withoutRepeats(const std::vector<std::string>& names);

}  // namespace barevip::cli
