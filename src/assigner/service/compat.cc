// SPDX-License-Identifier: Apache-2.0
#include "assigner/service/compat.h"

#include <string>
#include <string_view>
#include <utility>

namespace barevip::assigner {
namespace {

struct Equal {
  Compat reader;
  std::string_view own;
  std::string_view other;
};

// Of equals the first one that a Service has counts.
constexpr Equal kEquals[] = {
    {Compat::kMetalLb, model::kPoolAnnotation, "metallb.io/address-pool"},
    {Compat::kMetalLb, model::kPoolAnnotation, "metallb.universe.tf/address-pool"},
    {Compat::kMetalLb, model::kAddressAnnotation, "metallb.io/loadBalancerIPs"},
    {Compat::kMetalLb, model::kAddressAnnotation, "metallb.universe.tf/loadBalancerIPs"},
    {Compat::kMetalLb, model::kShareAnnotation, "metallb.io/allow-shared-ip"},
    {Compat::kMetalLb, model::kShareAnnotation, "metallb.universe.tf/allow-shared-ip"},
    {Compat::kKubeVip, model::kAddressAnnotation, "kube-vip.io/loadbalancerIPs"},
    {Compat::kCilium, model::kAddressAnnotation, "lbipam.cilium.io/ips"},
    {Compat::kCilium, model::kAddressAnnotation, "io.cilium/lb-ipam-ips"},
    {Compat::kCilium, model::kShareAnnotation, "lbipam.cilium.io/sharing-key"},
    {Compat::kCilium, model::kShareAnnotation, "io.cilium/lb-ipam-sharing-key"},
};

}  // namespace

void readAnnotationsOf(Compat other, model::Service& service) {
  for (const Equal& equal : kEquals) {
    if (equal.reader != other) continue;
    const auto written = service.annotations.find(std::string(equal.other));
    if (written == service.annotations.end()) continue;
    if (equal.own == model::kShareAnnotation && written->second.empty()) continue;
    const std::string own(equal.own);
    std::string value = written->second;  // to insert moves what is in a flat map
    if (service.annotations.try_emplace(own, std::move(value)).second) {
      service.writtenAs.emplace(own, equal.other);
    }
  }
}

}  // namespace barevip::assigner
