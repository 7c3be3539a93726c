// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "barevip/model/ip_object.h"
#include "barevip/model/meta.h"
#include "barevip/model/node.h"
#include "barevip/model/pool.h"
#include "barevip/model/service.h"

namespace barevip::assigner {

/// Who asks for an address.
struct Requester {
  std::string ns;
  std::optional<model::StringMap> namespaceLabels;  ///< nullopt: the namespace is not known (yet)
  std::optional<model::StringMap> serviceLabels;    ///< nullopt: a reservation, for no Service yet

  friend bool operator==(const Requester&, const Requester&) = default;
};

/// ns: null if the namespace is not known.
[[nodiscard]] Requester requesterOf(const model::Service& service, const model::Namespace* ns);
/// Of an IP object that a person made.
[[nodiscard]] Requester requesterOf(const model::IpObject& ipObject, const model::Namespace* ns);

/// Who may have addresses of a Pool. A namespace is admitted by its name or its labels; the
/// Service's own labels must match as well; ignoreNamespaces wins. A selector that matches nothing
/// admits nobody.
struct Admission {
  std::vector<std::string> namespaces;
  std::vector<std::string> ignoreNamespaces;
  std::optional<model::LabelSelector> namespaceSelector;
  std::optional<model::LabelSelector> serviceSelector;
  /// Reservations are for no Service yet, so that a selector of Services alone keeps nobody out.
  bool allowReservations = false;

  [[nodiscard]] static Admission of(const model::Pool& pool);

  /// Kept for some: such Pools are tried before those that are open to all.
  [[nodiscard]] bool pinned() const {
    return !namespaces.empty() || namespaceSelector || serviceSelector;
  }

  /// Nobody is kept out.
  [[nodiscard]] bool open() const { return !pinned() && ignoreNamespaces.empty(); }

  [[nodiscard]] bool admits(const Requester& requester) const {
    return obstacleFor(requester) == Obstacle::kNone;
  }
  /// Why the requester gets nothing, as the end of a sentence; nullopt if it is admitted.
  [[nodiscard]] std::optional<std::string> refusal(const Requester& requester) const;

 private:
  enum class Obstacle : std::uint8_t {
    kNone,
    kIgnoredNamespace,
    kOtherNamespace,
    kServicesOnly,
    kServiceLabels,
  };
  [[nodiscard]] Obstacle obstacleFor(const Requester& requester) const;
};

}  // namespace barevip::assigner
