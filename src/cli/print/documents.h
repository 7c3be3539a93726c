// SPDX-License-Identifier: Apache-2.0
// The views for programs. Members may be added, these stay.
#pragma once

#include <string>
#include <vector>

#include "cli/view/explain.h"
#include "cli/view/plan.h"
#include "cli/view/rollback.h"
#include "cli/view/verify.h"
#include "view/status.h"

namespace barevip::cli {

/// See view/status_json.h.
[[nodiscard]] std::string toJson(const view::Status& status);
[[nodiscard]] std::string toYaml(const view::Status& status);

/// service; request[] {what, verdict}; shows[]; reason, message (empty: it has what it asks for);
/// pools[] {pool, verdict}; addresses[] {address, pool, ipObject, new, owner, announcer,
/// nodes[] {node, verdict}}; backends[] {frontend, endpoints[], why}; client (empty: none was
/// asked for); paths[] {frontend, node, endpoint, candidates[], why, kernel (empty: it was not
/// asked)}.
[[nodiscard]] std::string toJson(const ServiceExplanation& explanation);
[[nodiscard]] std::string toYaml(const ServiceExplanation& explanation);

/// keeps; orphans[], recounts[], gains[] (each {address, consumer, pool, message}); faults[] {pool,
/// message}.
[[nodiscard]] std::string toJson(const EditReport& report);
[[nodiscard]] std::string toYaml(const EditReport& report);

/// services[] {service, before[], now[], verdict, why}; otherBalancers[] {product, object}.
[[nodiscard]] std::string toJson(const Verification& verification);
[[nodiscard]] std::string toYaml(const Verification& verification);

/// services[] {service, saved (false: it came later), shows[], addresses[] (null: stay),
/// annotations {name: value, null: is removed}, loadBalancerIP (null: stays, empty: is removed),
/// ipObjects[] (are deleted), obstacle (empty: none)}.
[[nodiscard]] std::string toJson(const std::vector<RollbackStep>& plan);
[[nodiscard]] std::string toYaml(const std::vector<RollbackStep>& plan);

}  // namespace barevip::cli
