// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>

#include <nlohmann/json_fwd.hpp>

#include "barevip/base/result.h"
#include "barevip/model/service.h"

#include "assigner/service/compat.h"
#include "common/model/text_budget.h"

namespace barevip::controlplane {

using ServiceDecoder = std::function<Result<model::Service>(const nlohmann::json&)>;

/// How Services are read; the same for all of a cluster.
struct ServiceReading {
  assigner::Compat compat = assigner::Compat::kNone;
  /// Of Services that ask for no way to forward.
  model::ForwardMode forward = model::ForwardMode::kMasquerade;
};

/// What of Services an operator needs, with annotations of another load balancer read as ours.
/// Whatever sees Services in the operator gets them from here, so that all read the same.
[[nodiscard]] ServiceDecoder serviceDecoder(const ServiceReading& reading,
                                            std::shared_ptr<model::TextBudget> budget);

}  // namespace barevip::controlplane
