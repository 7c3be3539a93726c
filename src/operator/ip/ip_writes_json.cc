// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "common/model/ip_object_json.h"
#include "operator/ip/ip_writes.h"

namespace barevip::controlplane {

Result<void> patchIpObjectStatus(kube::Api& api, const model::IpObject& seen,
                                 const model::IpObject::Status& status, WallTime now,
                                 const std::stop_token& stop) {
  const nlohmann::json patch = model::ipObjectStatusPatch(status, seen.resourceVersion, now);
  const auto patched = api.patch(kube::kIps, seen.key, "status", patch, stop);
  if (!patched) return tl::make_unexpected(patched.error());
  return {};
}

std::string fingerprintOf(const model::IpObject& seen, model::IpObject::Status status) {
  for (model::Condition& each : status.conditions) each.lastTransition = 0;
  return model::ipObjectStatusPatch(status, seen.uid, {})
      .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace barevip::controlplane
