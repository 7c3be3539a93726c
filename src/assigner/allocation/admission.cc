// SPDX-License-Identifier: Apache-2.0
#include "assigner/allocation/admission.h"

#include <algorithm>

namespace barevip::assigner {
namespace {

bool lists(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

Applicant applicantOf(const model::Service& service, const model::Namespace* ns) {
  Applicant applicant{service.key.ns, std::nullopt, service.labels};
  if (ns != nullptr) applicant.namespaceLabels = ns->labels;
  return applicant;
}

Applicant applicantOf(const model::IpClaim& claim, const model::Namespace* ns) {
  Applicant applicant{claim.key.ns, std::nullopt, std::nullopt};
  if (ns != nullptr) applicant.namespaceLabels = ns->labels;
  return applicant;
}

Admission Admission::of(const model::Pool& pool) {
  return {pool.namespaces, pool.ignoreNamespaces, pool.namespaceSelector, pool.serviceSelector,
          pool.allowReservations};
}

Admission::Obstacle Admission::obstacleFor(const Applicant& applicant) const {
  if (lists(ignoreNamespaces, applicant.ns)) return Obstacle::kIgnoredNamespace;
  if (!namespaces.empty() || namespaceSelector) {
    const bool selected = namespaceSelector && applicant.namespaceLabels &&
                          namespaceSelector->matches(*applicant.namespaceLabels);
    if (!selected && !lists(namespaces, applicant.ns)) return Obstacle::kOtherNamespace;
  }
  if (!serviceSelector) return Obstacle::kNone;
  if (applicant.serviceLabels) {
    const bool matches = serviceSelector->matches(*applicant.serviceLabels);
    return matches ? Obstacle::kNone : Obstacle::kServiceLabels;
  }
  const bool byServiceOnly = namespaces.empty() && !namespaceSelector;
  return byServiceOnly && !allowReservations ? Obstacle::kServicesOnly : Obstacle::kNone;
}

std::optional<std::string> Admission::refusal(const Applicant& applicant) const {
  switch (obstacleFor(applicant)) {
    case Obstacle::kNone:
      return std::nullopt;
    case Obstacle::kIgnoredNamespace:
      return "its ignoreNamespaces lists \"" + applicant.ns + "\"";
    case Obstacle::kOtherNamespace:
      return "neither its namespaces nor its namespaceSelector admit namespace \"" + applicant.ns +
             "\"";
    case Obstacle::kServicesOnly:
      return "its serviceSelector admits Services, and allowReservations is not set";
    case Obstacle::kServiceLabels:
      return "its serviceSelector does not match the Service's labels";
  }
  return std::nullopt;
}

}  // namespace barevip::assigner
