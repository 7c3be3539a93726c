// SPDX-License-Identifier: Apache-2.0
// What an API server says about a failure: a metav1.Status, or whatever a proxy before it says.
#pragma once

#include <chrono>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "barevip/base/result.h"

namespace barevip::kube {

/// From an HTTP answer other than success. The message is the server's own if it gave one.
[[nodiscard]] Error errorFromAnswer(int httpStatus, std::string_view body,
                                    std::chrono::milliseconds retryAfter);

/// From the object of an ERROR event of a watch.
[[nodiscard]] Error errorFromStatus(const nlohmann::json& status);

}  // namespace barevip::kube
