// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "barevip/model/ip_claim.h"
#include "barevip/model/meta.h"
#include "barevip/model/node.h"
#include "barevip/model/pool.h"
#include "barevip/model/service.h"

namespace barevip::assigner {

/// Who asks for an address.
struct Applicant {
  std::string ns;
  std::optional<model::StringMap> namespaceLabels;  ///< nullopt: the namespace is not known (yet)
  std::optional<model::StringMap> serviceLabels;    ///< nullopt: a reservation, for no Service yet

  friend bool operator==(const Applicant&, const Applicant&) = default;
};

/// ns: null if the namespace is not known.
[[nodiscard]] Applicant applicantOf(const model::Service& service, const model::Namespace* ns);
/// Of an IP object that a person made.
[[nodiscard]] Applicant applicantOf(const model::IpClaim& claim, const model::Namespace* ns);

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

  [[nodiscard]] bool admits(const Applicant& applicant) const {
    return obstacleFor(applicant) == Obstacle::kNone;
  }
  /// Why the applicant gets nothing, as the end of a sentence; nullopt if it is admitted.
  [[nodiscard]] std::optional<std::string> refusal(const Applicant& applicant) const;

 private:
  enum class Obstacle : std::uint8_t {
    kNone,
    kIgnoredNamespace,
    kOtherNamespace,
    kServicesOnly,
    kServiceLabels,
  };
  [[nodiscard]] Obstacle obstacleFor(const Applicant& applicant) const;
};

}  // namespace barevip::assigner
