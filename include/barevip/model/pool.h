// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "barevip/model/meta.h"

namespace barevip::model {

/// The finalizer that keeps a Pool that is being deleted until nobody has an address from it.
inline constexpr std::string_view kPoolFinalizer = "barevip.dev/in-use";

enum class AnnounceMode : std::uint8_t { kL2, kBgp, kNone };

/// Which Services with one share key may have one address: those of one namespace, all, or none.
enum class AllowSharing : std::uint8_t { kNamespace, kCluster, kNever };

/// "Namespace", "Cluster" or "Never".
[[nodiscard]] std::string_view toString(AllowSharing allow);

/// A Pool as it stands in the API: nothing is validated yet.
struct Pool {
  struct Announce {
    AnnounceMode mode = AnnounceMode::kL2;
    std::vector<std::string> interfaces;
    std::optional<LabelSelector> nodeSelector;

    friend bool operator==(const Announce&, const Announce&) = default;
  };

  struct Counts {
    std::string ipv4;
    std::string ipv6;

    friend bool operator==(const Counts&, const Counts&) = default;
  };

  struct Status {
    Counts capacity;
    Counts allocated;
    Counts available;
    std::string inUse;  ///< allocated, for people
    std::string free;   ///< available, for people
    /// metadata.generation of the spec that the counts and conditions are of; 0: not given.
    std::int64_t observedGeneration = 0;
    Conditions conditions;

    friend bool operator==(const Status&, const Status&) = default;
  };

  kube::ObjectKey key;
  std::string uid;
  std::string resourceVersion;
  std::int64_t generation = 0;
  std::int64_t creationSeconds = 0;  ///< since the epoch; of two Pools that overlap the older works
  bool deleting = false;
  std::vector<std::string> finalizers;  ///< ours and those of others

  std::vector<std::string> addresses;
  std::vector<std::string> exclude;
  bool avoidBuggyIps = false;
  bool avoidGatewayIps = false;
  bool allowFirstLast = false;  ///< of a prefix: network, broadcast, subnet-router anycast
  bool autoAssign = true;
  std::int32_t priority = 100;  ///< lower goes first
  AllowSharing allowSharing = AllowSharing::kNamespace;
  std::vector<std::string> namespaces;
  std::optional<LabelSelector> namespaceSelector;
  std::optional<LabelSelector> serviceSelector;
  std::vector<std::string> ignoreNamespaces;
  bool allowReservations = false;     ///< even where serviceSelector is the only rule
  std::uint32_t maxPerNamespace = 0;  ///< addresses; 0: as many as there are
  /// How long a freed address is kept for the namespace that had it.
  std::chrono::seconds reuseDelay{60};
  Announce announce;
  Status status;

  friend bool operator==(const Pool&, const Pool&) = default;
};

}  // namespace barevip::model
