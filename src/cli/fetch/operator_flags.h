// SPDX-License-Identifier: Apache-2.0
// With which flags the operator of a cluster runs.
#pragma once

#include <optional>
#include <stop_token>

#include "barevip/base/result.h"
#include "barevip/kube/api.h"

#include "operator/options.h"

namespace barevip::cli {

/// The label of its Deployment and pods.
inline constexpr const char* kOperatorSelector = "app.kubernetes.io/name=barevip-operator";

/// Those in the operator's Deployment; nullopt: there is none that this program can read.
[[nodiscard]] Result<std::optional<controlplane::Options>> operatorFlags(
    kube::Api& api, const std::stop_token& stop);

}  // namespace barevip::cli
