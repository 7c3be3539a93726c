// SPDX-License-Identifier: Apache-2.0
#include "barevip/model/meta.h"

#include <algorithm>
#include <utility>

namespace barevip::model {
namespace {

// https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/: NotIn also matches
// objects without the key. An unknown operator matches nothing.
bool holds(const LabelSelector::Requirement& requirement, const StringMap& labels) {
  const auto it = labels.find(requirement.key);
  const bool exists = it != labels.end();
  if (requirement.op == "Exists") return exists;
  if (requirement.op == "DoesNotExist") return !exists;
  const bool listed = exists && std::find(requirement.values.begin(), requirement.values.end(),
                                          it->second) != requirement.values.end();
  if (requirement.op == "In") return listed;
  if (requirement.op == "NotIn") return !listed;
  return false;
}

}  // namespace

bool LabelSelector::matches(const StringMap& labels) const {
  const bool equal = std::all_of(matchLabels.begin(), matchLabels.end(), [&](const auto& wanted) {
    const auto it = labels.find(wanted.first);
    return it != labels.end() && it->second == wanted.second;
  });
  return equal && std::all_of(matchExpressions.begin(), matchExpressions.end(),
                              [&](const Requirement& r) { return holds(r, labels); });
}

void setCondition(Conditions& all, Condition next, std::int64_t now) {
  const auto it = std::find_if(all.begin(), all.end(),
                               [&](const Condition& each) { return each.type == next.type; });
  if (it == all.end()) {
    next.lastTransition = now;
    all.push_back(std::move(next));
    return;
  }
  const bool kept = it->status == next.status && it->lastTransition != 0;
  next.lastTransition = kept ? it->lastTransition : now;
  *it = std::move(next);
}

}  // namespace barevip::model
