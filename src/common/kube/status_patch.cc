// SPDX-License-Identifier: Apache-2.0
#include "common/kube/status_patch.h"

#include <utility>

#include <nlohmann/json.hpp>

#include "common/model/meta_json.h"

namespace barevip::kube {

Result<void> patchStatus(Api& api, const Resource& resource, const ObjectKey& key,
                         const StatusFor& statusFor, const std::stop_token& stop) {
  constexpr int kTries = 4;
  Result<void> outcome;
  for (int i = 0; i < kTries; ++i) {
    const auto live = api.get(resource, key, stop);
    if (!live) return tl::make_unexpected(live.error());
    auto status = statusFor(*live);
    if (!status) return tl::make_unexpected(std::move(status.error()));
    if (!*status) return {};
    const std::string version =
        model::stringAt(model::memberOf(*live, "metadata"), "resourceVersion");
    const nlohmann::json patch = {{"metadata", {{"resourceVersion", version}}},
                                  {"status", std::move(**status)}};
    const auto patched = api.patch(resource, key, "status", patch, stop);
    if (patched) return {};
    outcome = tl::make_unexpected(patched.error());
    if (patched.error().code != ErrorCode::kConflict) break;
  }
  return outcome;
}

}  // namespace barevip::kube
