// SPDX-License-Identifier: Apache-2.0
// What is another in one list of objects than in an earlier one.
#pragma once

#include <memory>
#include <vector>

namespace barevip::node {

/// Calls f(before, after) for each object that is not the very same one in both; one of the two is
/// null if it came or went. They may be equal in value: a store replaces what is written again.
/// Both lists ascend by key. What both share costs a comparison of pointers.
template <class T, class F>
void forEachChange(const std::vector<std::shared_ptr<const T>>& before,
                   const std::vector<std::shared_ptr<const T>>& after, F f) {
  static const std::shared_ptr<const T> none;
  auto old = before.begin();
  auto now = after.begin();
  while (old != before.end() || now != after.end()) {
    const bool both = old != before.end() && now != after.end();
    if (both && *old == *now) {
      ++old, ++now;
    } else if (now == after.end() || (both && (*old)->key < (*now)->key)) {
      f(*old++, none);
    } else if (old == before.end() || (*now)->key < (*old)->key) {
      f(none, *now++);
    } else {
      f(*old++, *now++);
    }
  }
}

}  // namespace barevip::node
