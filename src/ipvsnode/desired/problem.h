// SPDX-License-Identifier: Apache-2.0
// What keeps a Service from being served as it asks.
#pragma once

#include <optional>
#include <string>

#include "barevip/base/ip.h"
#include "barevip/kube/object_key.h"

namespace barevip::node {

/// Something that a person should know and fix. It never stops the rest from being served.
struct Problem {
  kube::ObjectKey service;
  std::optional<IpAddress> vip;
  std::string reason;   ///< CamelCase, as Events want it
  std::string message;  ///< one sentence: what, where, how to fix it

  friend bool operator==(const Problem&, const Problem&) = default;
  friend auto operator<=>(const Problem&, const Problem&) = default;
};

}  // namespace barevip::node
