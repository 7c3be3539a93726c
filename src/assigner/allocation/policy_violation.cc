// SPDX-License-Identifier: Apache-2.0
#include "assigner/allocation/policy_violation.h"

namespace barevip::assigner {

std::optional<ConditionReason> violationOf(const PoolTable& pools, const IpAddress& address,
                                           const std::string& pool, const Requester& requester) {
  const std::string text = address.toString();
  const PoolState* const state = pools.find(pool);
  if (state == nullptr) {
    return ConditionReason{kOutsidePool, pool.empty() ? "no Pool has " + text
                                                      : "Pool \"" + pool + "\", which allocated " +
                                                            text + ", no longer exists"};
  }
  const PoolPlan& plan = state->plan;
  const std::string again = "Pool \"" + pool + "\" would not allocate " + text + " again: ";
  if (plan.deleting) return ConditionReason{kOutsidePool, again + "it is being deleted"};
  if (!state->space.offers(address)) {
    // Of a Pool that cannot be read nobody knows what it has.
    const bool unread = plan.fault && plan.addresses.empty();
    const ClusterUser* const user = userOf(plan, address);
    if (user != nullptr) {
      return ConditionReason{kOutsidePool, again + "it is " + user->what};
    }
    const std::string why = plan.firstLast.contains(address)
                                ? "it is the first or last address of a prefix, which "
                                  "allowFirstLast: true lets the Pool allocate"
                                : "it no longer has that address";
    return ConditionReason{kOutsidePool, again + (unread ? plan.fault->message : why)};
  }
  if (const auto why = plan.admission.refusal(requester)) {
    return ConditionReason{kNotAdmitted, again + *why};
  }
  return std::nullopt;
}

}  // namespace barevip::assigner
