// SPDX-License-Identifier: Apache-2.0
#include "assigner/allocation/admission.h"

#include <algorithm>

namespace barevip::assigner {
namespace {

bool lists(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

Requester requesterOf(const model::Service& service, const model::Namespace* ns) {
  Requester requester{service.key.ns, std::nullopt, service.labels};
  if (ns != nullptr) requester.namespaceLabels = ns->labels;
  return requester;
}

Requester requesterOf(const model::IpObject& ipObject, const model::Namespace* ns) {
  Requester requester{ipObject.key.ns, std::nullopt, std::nullopt};
  if (ns != nullptr) requester.namespaceLabels = ns->labels;
  return requester;
}

Admission Admission::of(const model::Pool& pool) {
  return {pool.namespaces, pool.ignoreNamespaces, pool.namespaceSelector, pool.serviceSelector,
          pool.allowReservations};
}

Admission::Obstacle Admission::obstacleFor(const Requester& requester) const {
  if (lists(ignoreNamespaces, requester.ns)) return Obstacle::kIgnoredNamespace;
  if (!namespaces.empty() || namespaceSelector) {
    const bool selected = namespaceSelector && requester.namespaceLabels &&
                          namespaceSelector->matches(*requester.namespaceLabels);
    if (!selected && !lists(namespaces, requester.ns)) return Obstacle::kOtherNamespace;
  }
  if (!serviceSelector) return Obstacle::kNone;
  if (requester.serviceLabels) {
    const bool matches = serviceSelector->matches(*requester.serviceLabels);
    return matches ? Obstacle::kNone : Obstacle::kServiceLabels;
  }
  const bool byServiceOnly = namespaces.empty() && !namespaceSelector;
  return byServiceOnly && !allowReservations ? Obstacle::kServicesOnly : Obstacle::kNone;
}

std::optional<std::string> Admission::refusal(const Requester& requester) const {
  switch (obstacleFor(requester)) {
    case Obstacle::kNone:
      return std::nullopt;
    case Obstacle::kIgnoredNamespace:
      return "its ignoreNamespaces lists \"" + requester.ns + "\"";
    case Obstacle::kOtherNamespace:
      return "neither its namespaces nor its namespaceSelector admit namespace \"" + requester.ns +
             "\"";
    case Obstacle::kServicesOnly:
      return "its serviceSelector admits Services, and allowReservations is not set";
    case Obstacle::kServiceLabels:
      return "its serviceSelector does not match the Service's labels";
  }
  return std::nullopt;
}

}  // namespace barevip::assigner
