// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "barevip/model/meta.h"

namespace barevip::model {

/// The custom resource of kind IP: one claim of one address, the durable record of an allocation.
/// Texts as they stand in the API: nothing is validated yet.
struct IpClaim {
  /// What crds/ip.yaml lets status.ports have; an object of etcd's size holds far more ports.
  static constexpr std::size_t kMaxPorts = 16384;
  /// How many names fit into what it lets status.service have.
  static constexpr std::size_t kMaxServices = 1024;

  struct Spec {
    std::string pool;
    std::string address;
    std::string family;         ///< "IPv4", "IPv6" or empty
    std::string shareKey = {};  ///< Services with this key may use the address together

    friend bool operator==(const Spec&, const Spec&) = default;
  };

  struct Status {
    std::string phase;  ///< Pending, Bound, Conflict, Released or empty
    std::string address;
    std::string pool;
    std::vector<std::string> ports;  ///< "80/TCP"; at most kMaxPorts
    std::string service;             ///< name, in the namespace of the claim; several: serviceNames
    std::string node;                ///< who announces it, written by that node
    Conditions conditions;

    friend bool operator==(const Status&, const Status&) = default;
  };

  kube::ObjectKey key;
  std::string uid;
  std::string resourceVersion;
  std::int64_t creationSeconds = 0;  ///< since the epoch; of two records the older counts
  bool deleting = false;
  StringMap labels;
  std::optional<OwnerReference> serviceOwner;  ///< set: made for that Service, freed with it
  Spec spec;
  Status status;

  friend bool operator==(const IpClaim&, const IpClaim&) = default;
};

/// The Services of the claim's namespace that use the address: status.service has one name, or for
/// a reservation that is shared several with ", " between them.
[[nodiscard]] std::vector<std::string> serviceNames(const IpClaim& claim);
[[nodiscard]] std::string joinServiceNames(const std::vector<std::string>& names);

}  // namespace barevip::model
