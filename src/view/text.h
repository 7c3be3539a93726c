// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace barevip::view {

/// What `text` makes of each value, with commas between.
template <class Values, class Text>
std::string listed(const Values& values, const Text& text) {
  std::string all;
  for (const auto& value : values) {
    if (!all.empty()) all += ", ";
    all += text(value);
  }
  return all;
}

}  // namespace barevip::view
