// SPDX-License-Identifier: Apache-2.0
#include "assigner/compat.h"

#include <string>
#include <string_view>

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

void readAnnotationsOf(Compat other, model::Service& service) {
  if (other == Compat::kNone) return;
  for (const Equal& equal : kMetalLbEquals) {
    const auto written = service.annotations.find(std::string(equal.other));
    if (written == service.annotations.end()) continue;
    if (equal.own == model::kShareAnnotation && written->second.empty()) continue;
    const std::string own(equal.own);
    if (service.annotations.try_emplace(own, written->second).second) {
      service.writtenAs.emplace(own, equal.other);
    }
  }
}

}  // namespace barevip::assigner
