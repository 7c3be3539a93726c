// SPDX-License-Identifier: Apache-2.0
// Where connections of one client go, as far as objects show it. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "barevip/base/ip.h"
#include "barevip/base/result.h"
#include "barevip/kube/object_key.h"

#include "view/cluster.h"

namespace barevip::cli {

struct Client {
  IpAddress address;
  std::uint16_t port = 0;

  [[nodiscard]] std::string toString() const;
  friend bool operator==(const Client&, const Client&) = default;
};

/// "192.0.2.7:40000" or "[2001:db8::7]:40000".
[[nodiscard]] Result<Client> parseClient(const std::string& text);

/// A new connection of the client to one port of a VIP of a Service.
struct ClientPath {
  std::string vipPort;                  ///< "TCP 192.0.2.1:80"
  std::string node;                     ///< the owner, which it reaches; empty: none
  std::string endpoint;                 ///< that it gets; empty: none, or not known
  std::vector<std::string> candidates;  ///< endpoints of which it gets one, if not known which
  std::string why;                      ///< why it gets none, or why the one is not known
  std::string kernel{};                 ///< how the node's kernel compares; empty: it was not asked

  friend bool operator==(const ClientPath&, const ClientPath&) = default;
};

/// Of all ports of VIPs of the client's family, ascending.
[[nodiscard]] std::vector<ClientPath> pathsOf(const view::Cluster& cluster,
                                              const kube::ObjectKey& service, const Client& client);

}  // namespace barevip::cli
