// SPDX-License-Identifier: Apache-2.0
// Asks an API server for what the views show.
#pragma once

#include <functional>
#include <stop_token>
#include <string>

#include "barevip/base/clock.h"
#include "barevip/base/result.h"
#include "barevip/kube/api.h"

#include "view/cluster.h"

namespace barevip::cli {

/// Gets each step before it begins, as "list Services".
using OnStep = std::function<void(const std::string& step)>;

/// Reads only. A daemon whose last renewal looks old is waited for, at most as long as other nodes
/// wait: so neither its clock nor the one of this machine has to be right.
[[nodiscard]] Result<view::Cluster> fetchCluster(kube::Api& api, const Clock& clock,
                                                 const OnStep& onStep, const std::stop_token& stop);

}  // namespace barevip::cli
