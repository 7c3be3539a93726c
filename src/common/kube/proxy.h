// SPDX-License-Identifier: Apache-2.0
// Which proxy stands between a client and the API server.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "barevip/base/result.h"

namespace barevip::kube {

/// An HTTP proxy that opens tunnels (CONNECT); TLS is spoken with the API server through it.
struct Proxy {
  std::string host;  ///< without brackets
  std::uint16_t port = 80;
  std::string user;  ///< empty: no credentials
  std::string password;

  friend bool operator==(const Proxy&, const Proxy&) = default;
};

/// `http://[user[:password]@]host[:port]`. The error says what is wrong, without naming where the
/// URL stands and without its password.
[[nodiscard]] Result<Proxy> parseProxyUrl(std::string_view text);

/// HTTPS_PROXY and NO_PROXY, or in lower case, by the rules of Go's clients
/// (golang.org/x/net/http/httpproxy): nothing for a host that NO_PROXY names, nor for localhost and
/// loopback addresses. `environment` gives a variable, or nullopt.
[[nodiscard]] Result<std::optional<Proxy>> proxyFromEnvironment(
    const std::function<std::optional<std::string>(const std::string& name)>& environment,
    const std::string& host, std::uint16_t port);

}  // namespace barevip::kube
