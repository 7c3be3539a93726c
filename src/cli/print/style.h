// SPDX-License-Identifier: Apache-2.0
// How text for people looks.
#pragma once

#include <string>

#include "barevip/base/clock.h"

namespace barevip::cli {

enum class Color { kRed, kYellow, kGreen, kBold };

struct Style {
  bool color = false;
  bool wide = false;
  WallTime now{};  ///< ages are counted to it

  /// The text with its color (ECMA-48), or as it is.
  [[nodiscard]] std::string in(Color color, const std::string& text) const;
  /// "5m" since an RFC 3339 time; "-" if that is not one.
  [[nodiscard]] std::string age(const std::string& since) const;
};

}  // namespace barevip::cli
