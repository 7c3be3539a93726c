// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "common/model/pool_json.h"
#include "operator/pool/pool_writes.h"

namespace barevip::controlplane {

using nlohmann::json;

Result<void> patchPoolStatus(kube::Api& api, const model::Pool& seen,
                             const model::Pool::Status& status, WallTime now,
                             const std::stop_token& stop) {
  const json patch = model::poolStatusPatch(status, seen.resourceVersion, now);
  const auto patched = api.patch(kube::kPools, seen.key, "status", patch, stop);
  if (!patched) return tl::make_unexpected(patched.error());
  return {};
}

std::string fingerprintOf(const model::Pool& seen, model::Pool::Status status) {
  for (model::Condition& each : status.conditions) each.lastTransition = 0;
  return model::poolStatusPatch(status, seen.uid, {})
      .dump(-1, ' ', false, json::error_handler_t::replace);
}

Result<model::Pool> patchPoolFinalizers(kube::Api& api, const model::Pool& seen,
                                        const std::vector<std::string>& finalizers,
                                        const std::stop_token& stop) {
  const json patch = {
      {"metadata", {{"resourceVersion", seen.resourceVersion}, {"finalizers", finalizers}}}};
  const auto patched = api.patch(kube::kPools, seen.key, "", patch, stop);
  if (!patched) return tl::make_unexpected(patched.error());
  return model::decodePool(*patched);
}

}  // namespace barevip::controlplane
