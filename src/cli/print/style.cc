// SPDX-License-Identifier: Apache-2.0
#include "cli/print/style.h"

#include <algorithm>
#include <chrono>

#include "common/base/rfc3339.h"

namespace barevip::cli {
namespace {

const char* codeOf(Color color) {
  switch (color) {
    case Color::kRed:
      return "31";
    case Color::kYellow:
      return "33";
    case Color::kGreen:
      return "32";
    case Color::kBold:
      return "1";
  }
  return "0";
}

}  // namespace

std::string Style::in(Color which, const std::string& text) const {
  return color ? std::string("\x1b[") + codeOf(which) + "m" + text + "\x1b[0m" : text;
}

std::string Style::age(const std::string& since) const {
  const auto begin = parseRfc3339(since);
  if (!begin) return "-";
  using std::chrono::duration_cast;
  const auto seconds =
      std::max<std::int64_t>(0, duration_cast<std::chrono::seconds>(now - *begin).count());
  constexpr std::int64_t kMinute = 60;
  constexpr std::int64_t kHour = 60 * kMinute;
  constexpr std::int64_t kDay = 24 * kHour;
  if (seconds < 2 * kMinute) return std::to_string(seconds) + "s";
  if (seconds < 2 * kHour) return std::to_string(seconds / kMinute) + "m";
  if (seconds < 2 * kDay) return std::to_string(seconds / kHour) + "h";
  return std::to_string(seconds / kDay) + "d";
}

}  // namespace barevip::cli
