// SPDX-License-Identifier: Apache-2.0
// Which Services may have one address together. Pure.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "barevip/kube/object_key.h"
#include "barevip/model/pool.h"
#include "barevip/model/service.h"

namespace barevip::assigner {

struct Port {
  model::Protocol protocol = model::Protocol::kTcp;
  std::uint16_t number = 0;

  /// Both: "80/TCP", as in status.ports of IP objects.
  [[nodiscard]] std::string toString() const;
  [[nodiscard]] static std::optional<Port> parse(std::string_view text);

  friend auto operator<=>(const Port&, const Port&) = default;
};

/// Who forwards what comes to an address.
enum class Forwarder : std::uint8_t { kIpvs, kKubeProxy, kNobody };

/// On what a Service wants an address, or was granted it.
struct SharingTerms {
  Text key;                 ///< empty: shares with nobody
  std::vector<Port> ports;  ///< ascending
  /// The selector of its pods if externalTrafficPolicy is Local; nullopt: Cluster.
  std::optional<model::StringMap> localPods;
  Forwarder by = Forwarder::kIpvs;

  friend bool operator==(const SharingTerms&, const SharingTerms&) = default;
};

/// One of the Services that have an address.
struct ServiceConsumer {
  kube::ObjectKey service;
  SharingTerms terms;
  Text sourcePool = {};  ///< the Pool that gave it the address; empty: unknown

  friend bool operator==(const ServiceConsumer&, const ServiceConsumer&) = default;
};

// In what follows `users` are those who have an address; the Service itself may be among them and
// does not count. Refusals are the end of a sentence; nullopt: none.

/// Whether anybody else has the address.
[[nodiscard]] bool hasOthers(const kube::ObjectKey& service,
                             const std::vector<ServiceConsumer>& users);

/// For people: "Service a/b", or "Service a/b and 2 more".
[[nodiscard]] std::string namesOf(const std::vector<ServiceConsumer>& users,
                                  const kube::ObjectKey& service = {});

/// The same for people of the Service's namespace: names nobody of another one.
[[nodiscard]] std::string namesFor(const kube::ObjectKey& service,
                                   const std::vector<ServiceConsumer>& users);

/// Whether all others have it under this key.
[[nodiscard]] bool agreeOnKey(const kube::ObjectKey& service, const std::string& key,
                              const std::vector<ServiceConsumer>& users);

/// Why the Pool does not let the Service join them. It is not asked about those who share already.
[[nodiscard]] std::optional<std::string> refusalToJoin(const kube::ObjectKey& service,
                                                       const std::vector<ServiceConsumer>& users,
                                                       const std::string& pool,
                                                       model::AllowSharing allow);

/// Whether one of the others is forwarded by kube-proxy and the Service by IPVS, or the other way
/// round. An address leads to one of the two.
[[nodiscard]] bool forwardedOtherwise(const kube::ObjectKey& service, const SharingTerms& terms,
                                      const std::vector<ServiceConsumer>& users);

/// What the Service cannot have beside the others: a port that one of them has; pods of its own on
/// the announcing node, where another one must have some, too, and they are not the same pods;
/// another forwarder.
[[nodiscard]] std::optional<std::string> clash(const kube::ObjectKey& service,
                                               const SharingTerms& terms,
                                               const std::vector<ServiceConsumer>& users);

/// The terms, without what clashes.
[[nodiscard]] SharingTerms whatFits(const kube::ObjectKey& service, SharingTerms terms,
                                    const std::vector<ServiceConsumer>& users);

}  // namespace barevip::assigner
