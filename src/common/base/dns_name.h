// SPDX-License-Identifier: Apache-2.0
// Which texts Kubernetes takes as names of objects.
#pragma once

#include <string>

namespace barevip {

/// An RFC 1123 subdomain, as most objects have for a name: 253 characters at most.
[[nodiscard]] bool isDnsSubdomain(const std::string& name);

/// An RFC 1123 label, as namespaces have: 63 characters at most, no dot.
[[nodiscard]] bool isDnsLabel(const std::string& name);

}  // namespace barevip
