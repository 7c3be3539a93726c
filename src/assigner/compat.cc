// SPDX-License-Identifier: Apache-2.0
#include "assigner/compat.h"

#include "barevip/model/service.h"

namespace barevip::assigner {
namespace {

struct Equal {
  std::string_view own;
  std::string_view other;
};

// Of equals the first one that a Service has counts.
constexpr Equal kMetalLbEquals[] = {
    {model::kPoolAnnotation, "metallb.io/address-pool"},
    {model::kPoolAnnotation, "metallb.universe.tf/address-pool"},
    {model::kAddressAnnotation, "metallb.io/loadBalancerIPs"},
    {model::kAddressAnnotation, "metallb.universe.tf/loadBalancerIPs"},
    {model::kShareAnnotation, "metallb.io/allow-shared-ip"},
    {model::kShareAnnotation, "metallb.universe.tf/allow-shared-ip"},
};

}  // namespace

Annotations effectiveAnnotations(const model::StringMap& written, Compat compat) {
  Annotations result;
  for (const auto& [name, value] : written) {
    if (name.starts_with(model::kOwnAnnotations)) result.emplace(name, Annotation{name, value});
  }
  if (compat == Compat::kNone) return result;
  for (const Equal& equal : kMetalLbEquals) {
    const auto it = written.find(std::string(equal.other));
    if (it == written.end()) continue;
    result.try_emplace(std::string(equal.own), Annotation{it->first, it->second});
  }
  return result;
}

}  // namespace barevip::assigner
