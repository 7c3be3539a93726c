// SPDX-License-Identifier: Apache-2.0
#include "assigner/admission.h"

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
  return {pool.namespaces, pool.ignoreNamespaces, pool.namespaceSelector, pool.serviceSelector};
}

std::optional<std::string> Admission::refusal(const Applicant& applicant) const {
  if (lists(ignoreNamespaces, applicant.ns)) {
    return "its ignoreNamespaces lists \"" + applicant.ns + "\"";
  }
  if (!namespaces.empty() || namespaceSelector) {
    const bool selected = namespaceSelector && applicant.namespaceLabels &&
                          namespaceSelector->matches(*applicant.namespaceLabels);
    if (!selected && !lists(namespaces, applicant.ns)) {
      return "neither its namespaces nor its namespaceSelector admit namespace \"" + applicant.ns +
             "\"";
    }
  }
  if (serviceSelector && applicant.serviceLabels &&
      !serviceSelector->matches(*applicant.serviceLabels)) {
    return "its serviceSelector does not match the Service's labels";
  }
  return std::nullopt;
}

}  // namespace barevip::assigner
