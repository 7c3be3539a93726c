// SPDX-License-Identifier: Apache-2.0
// What every Kubernetes object has, reduced to what is used here.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "barevip/kube/object_key.h"

namespace barevip::model {

using StringMap = std::map<std::string, std::string>;

struct OwnerReference {
  std::string apiVersion;
  std::string kind;
  std::string name;
  std::string uid;

  friend bool operator==(const OwnerReference&, const OwnerReference&) = default;
};

/// metav1.Condition. Times are left out: they are written, never decided on.
struct Condition {
  std::string type;
  std::string status;  ///< "True", "False" or "Unknown"
  std::string reason;
  std::string message;

  friend bool operator==(const Condition&, const Condition&) = default;
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
