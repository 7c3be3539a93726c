// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "barevip/base/result.h"

namespace barevip::kube {

struct ServerUrl {
  std::string host;  ///< without brackets
  std::uint16_t port = 443;
  std::string path;  ///< empty or "/prefix"

  friend bool operator==(const ServerUrl&, const ServerUrl&) = default;
};

/// `https://host[:port][/prefix]`; IPv6 hosts in brackets. The error says what is wrong, without
/// naming where the URL stands.
[[nodiscard]] Result<ServerUrl> parseServerUrl(std::string_view text);

}  // namespace barevip::kube
