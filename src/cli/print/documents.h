// SPDX-License-Identifier: Apache-2.0
// The views for programs. Members may be added, these stay.
#pragma once

#include <string>

#include "cli/view/explain.h"
#include "cli/view/plan.h"
#include "cli/view/status.h"

namespace barevip::cli {

/// problems[] {level (problem, warning), kind, object, reason, message};
/// pools[] {name, ready, capacity, allocated, available (each {ipv4, ipv6}, decimal texts)};
/// vips[] {namespace, services[], address, pool, node, ipObject, since}; nodes[] {name, ready,
/// eligible, daemon, vips}.
[[nodiscard]] std::string toJson(const Status& status);
[[nodiscard]] std::string toYaml(const Status& status);

/// service; request[] {what, verdict}; shows[]; reason, message (empty: it has what it asks for);
/// pools[] {pool, verdict}; addresses[] {address, pool, ipObject, new, owner, announcer,
/// nodes[] {node, verdict}}; backends[] {frontend, endpoints[], why}.
[[nodiscard]] std::string toJson(const ServiceExplanation& explanation);
[[nodiscard]] std::string toYaml(const ServiceExplanation& explanation);

/// keeps; orphans[], recounts[], gains[] (each {address, consumer, pool, message}); faults[] {pool,
/// message}.
[[nodiscard]] std::string toJson(const EditReport& report);
[[nodiscard]] std::string toYaml(const EditReport& report);

}  // namespace barevip::cli
