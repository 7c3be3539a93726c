// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "cli/node_label.h"
#include "common/model/meta_json.h"

namespace barevip::cli {
namespace {

using nlohmann::json;

// A kubelet changes its Node now and then; so often in a row it does not.
constexpr int kAttempts = 5;

// value: null removes the label. Writes where there is `from`.
Result<Exclusion> change(kube::Api& api, const std::string& node, Exclusion from, const json& value,
                         const std::stop_token& stop) {
  const kube::ObjectKey key{"", node};
  for (int attempt = 1;; ++attempt) {
    const auto object = api.get(kube::kNodes, key, stop);
    if (!object) return tl::make_unexpected(object.error());
    const Exclusion before = exclusionOf(model::labelsOf(*object));
    if (before != from) return before;
    const std::string version =
        model::stringAt(model::memberOf(*object, "metadata"), "resourceVersion");
    const json patch = {
        {"metadata", {{"resourceVersion", version}, {"labels", {{kExcludeLabel, value}}}}}};
    const auto written = api.patch(kube::kNodes, key, "", patch, stop);
    if (written) return before;
    if (written.error().code != ErrorCode::kConflict || attempt == kAttempts) {
      return tl::make_unexpected(written.error());
    }
  }
}

}  // namespace

Result<Exclusion> exclude(kube::Api& api, const std::string& node, const std::stop_token& stop) {
  return change(api, node, Exclusion::kNone, kDrainValue, stop);
}

Result<Exclusion> include(kube::Api& api, const std::string& node, const std::stop_token& stop) {
  return change(api, node, Exclusion::kDrained, nullptr, stop);
}

}  // namespace barevip::cli
