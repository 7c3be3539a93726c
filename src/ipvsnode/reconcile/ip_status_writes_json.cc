// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "barevip/model/meta.h"

#include "common/base/rfc3339.h"
#include "common/kube/status_patch.h"
#include "common/model/meta_json.h"
#include "ipvsnode/reconcile/ip_status_writes.h"
#include "ipvsnode/reconcile/report.h"

namespace barevip::node {
namespace {

using nlohmann::json;

model::Condition conflictCondition(const std::string& address, const std::string& node,
                                   const std::string& mac) {
  return {kAnnouncedCondition, "False", "AddressConflict",
          address + " is not announced by node " + node + ": " + mac +
              " answers for it. Remove the address there or take it out of the pool"};
}

model::Condition brokenCondition(const std::string& address, const std::string& node,
                                 const std::string& cause) {
  return {kAnnouncedCondition, "False", kNodeBroken, brokenMessage(address, node, cause)};
}

model::Condition announcedCondition(const std::string& node) {
  return {kAnnouncedCondition, "True", "Announced", "node " + node + " announces the address"};
}

}  // namespace

Result<void> writeIpObjectStatus(kube::Api& api, const kube::ObjectKey& key,
                                 const std::string& node,
                                 const std::optional<IpObjectStatus>& wanted, WallTime now,
                                 const std::stop_token& stop) {
  const auto statusFor = [&](const json& live) -> Result<std::optional<json>> {
    const json& status = model::memberOf(live, "status");
    const std::string holder = model::stringAt(status, "node");
    const bool named = holder == node;
    json change = json::object();
    if (!wanted) {
      if (!named || model::stringAt(status, "phase") == "Bound") return std::nullopt;
      change["node"] = nullptr;
      return change;
    }
    const bool asDecided = holder.empty() || holder == wanted->holder;
    if (wanted->announced && !named && asDecided) change["node"] = node;

    model::Conditions conditions = model::conditionsAt(status);
    const model::Condition* there = model::findCondition(conditions, kAnnouncedCondition);
    std::optional<model::Condition> next;
    if (wanted->conflictMac) {
      next = conflictCondition(model::stringAt(status, "address"), node, *wanted->conflictMac);
    } else if (wanted->announced && wanted->brokenBy) {
      // Another node that took over meanwhile serves the address.
      const bool ours = named || asDecided;
      if (ours) next = brokenCondition(model::stringAt(status, "address"), node, *wanted->brokenBy);
    } else if (wanted->announced && there != nullptr) {
      next = announcedCondition(node);
    }
    if (next && (there == nullptr || !(*there == *next))) {
      model::setCondition(conditions, *next, secondsSinceEpoch(now));
      change["conditions"] = model::encodeConditions(conditions, now);
    }
    if (change.empty()) return std::nullopt;
    return change;
  };
  auto written = kube::patchStatus(api, kube::kIps, key, statusFor, stop);
  if (!written && written.error().code == ErrorCode::kNotFound) return {};
  return written;
}

}  // namespace barevip::node
