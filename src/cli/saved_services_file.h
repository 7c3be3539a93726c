// SPDX-License-Identifier: Apache-2.0
// The addresses of before a migration, in a file.
#pragma once

#include <stop_token>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "barevip/base/result.h"
#include "barevip/kube/api.h"

#include "cli/view/saved_services.h"

namespace barevip::cli {

/// Without what rollback never changes.
[[nodiscard]] SavedService savedService(const nlohmann::json& service);

/// As status.loadBalancer.ingress has it.
[[nodiscard]] nlohmann::json ingressList(const std::vector<model::LoadBalancerIngress>& ingress);

/// All of type LoadBalancer, ascending; without a time.
[[nodiscard]] Result<SavedServices> listServices(kube::Api& api, const std::stop_token& stop);

/// JSON.
[[nodiscard]] std::string textOf(const SavedServices& saved);

/// kInvalid, naming the file, if the text is not what textOf() writes.
[[nodiscard]] Result<SavedServices> parseSaved(const std::string& text, const std::string& file);

/// kAlreadyExists if there is a file of that name: it may be that of before.
[[nodiscard]] Result<void> writeNewFile(const std::string& file, const std::string& text);

}  // namespace barevip::cli
