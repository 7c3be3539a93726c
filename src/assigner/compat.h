// SPDX-License-Identifier: Apache-2.0
// What a Service asks for by annotations, ours or those of another load balancer.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "barevip/model/meta.h"

namespace barevip::assigner {

/// Whose annotations are read besides our own.
enum class Compat : std::uint8_t { kNone, kMetalLb };

/// An annotation that counts.
struct Annotation {
  std::string name;   ///< as it stands in the Service, for messages
  std::string value;  ///< as it stands there

  friend bool operator==(const Annotation&, const Annotation&) = default;
};

/// By our own names (barevip.dev/...).
using Annotations = std::map<std::string, Annotation, std::less<>>;

/// Ours, and with kMetalLb what metallb.io/ and, after it, the old prefix metallb.universe.tf/ ask
/// for where ours is not there. An empty annotation of ours is there: it turns the others off.
[[nodiscard]] Annotations effectiveAnnotations(const model::StringMap& written, Compat compat);

}  // namespace barevip::assigner
