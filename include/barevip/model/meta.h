// SPDX-License-Identifier: Apache-2.0
// What every Kubernetes object has, reduced to what is used here.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "barevip/base/flat_map.h"
#include "barevip/base/text.h"
#include "barevip/kube/object_key.h"

namespace barevip::model {

/// Flat: most have no entry or few, and every Service has several.
using StringMap = FlatMap<std::string, std::string>;

struct OwnerReference {
  Text apiVersion;
  Text kind;
  Text name;
  Text uid;

  friend bool operator==(const OwnerReference&, const OwnerReference&) = default;
};

/// metav1.Condition. The time is carried along for the next write and is not part of the value:
/// conditions that differ in it alone are equal.
struct Condition {
  Text type;
  Text status;  ///< "True", "False" or "Unknown"
  Text reason;
  std::string message;
  std::int64_t observedGeneration = 0;  ///< 0: not given
  std::int64_t lastTransition = 0;      ///< seconds since the epoch; 0: not given

  friend bool operator==(const Condition& a, const Condition& b) {
    return a.type == b.type && a.status == b.status && a.reason == b.reason &&
           a.message == b.message && a.observedGeneration == b.observedGeneration;
  }
};

using Conditions = std::vector<Condition>;

/// The condition of that type, or nullptr.
[[nodiscard]] inline const Condition* findCondition(const Conditions& all,
                                                    const std::string& type) {
  for (const Condition& condition : all) {
    if (condition.type == type) return &condition;
  }
  return nullptr;
}

/// Puts `next` in the place of the condition of its type, or at the end. lastTransition is kept
/// while the status stays the same, else it becomes `now` (seconds since the epoch). Other
/// conditions stay: a merge patch replaces the list as a whole, so what others wrote must be in it.
void setCondition(Conditions& all, Condition next, std::int64_t now);

/// metav1.LabelSelector; an empty one matches everything.
struct LabelSelector {
  struct Requirement {
    std::string key;
    std::string op;  ///< In, NotIn, Exists, DoesNotExist
    std::vector<std::string> values;

    friend bool operator==(const Requirement&, const Requirement&) = default;
  };
  StringMap matchLabels;
  std::vector<Requirement> matchExpressions;

  [[nodiscard]] bool matches(const StringMap& labels) const;

  friend bool operator==(const LabelSelector&, const LabelSelector&) = default;
};

}  // namespace barevip::model
