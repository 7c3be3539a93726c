// SPDX-License-Identifier: Apache-2.0
#include "common/base/rfc3339.h"

#include <gtest/gtest.h>

#include <string>

namespace barevip {
namespace {

using std::chrono::microseconds;

WallTime at(std::int64_t micros) { return WallTime(microseconds(micros)); }

TEST(Rfc3339, WritesSecondsAndMicroseconds) {
  EXPECT_EQ(formatSeconds(at(0)), "1970-01-01T00:00:00Z");
  EXPECT_EQ(formatSeconds(at(1'709'210'096'999'999)), "2024-02-29T12:34:56Z");
  EXPECT_EQ(formatMicros(at(1'709'210'096'000'001)), "2024-02-29T12:34:56.000001Z");
  EXPECT_EQ(formatMicros(at(-1)), "1969-12-31T23:59:59.999999Z");
}

TEST(Rfc3339, ReadsZonesAndFractions) {
  struct Case {
    std::string text;
    std::int64_t micros;
  };
  for (const Case& each : {Case{"1970-01-01T00:00:00Z", 0},
                           {"2024-02-29T12:34:56.5Z", 1'709'210'096'500'000},
                           {"2024-02-29T12:34:56.000001Z", 1'709'210'096'000'001},
                           {"2024-02-29T12:34:56.123456789Z", 1'709'210'096'123'456},
                           {"2024-02-29T14:04:56+01:30", 1'709'210'096'000'000},
                           {"2024-02-29T10:34:56-02:00", 1'709'210'096'000'000}}) {
    const auto time = parseRfc3339(each.text);
    ASSERT_TRUE(time) << each.text;
    EXPECT_EQ(*time, at(each.micros)) << each.text;
  }
}

TEST(Rfc3339, RefusesWhatIsNoTime) {
  for (const std::string text :
       {"", "now", "2024-02-30T00:00:00Z", "2024-13-01T00:00:00Z", "2024-01-01T24:00:00Z",
        "2024-01-01T00:60:00Z", "2024-01-01 00:00:00Z", "2024-01-01T00:00:00", "2024-01-01T00:00Z",
        "2024-01-01T00:00:00.Z", "2024-01-01T00:00:00.1234567890Z", "2024-01-01T00:00:00Zjunk",
        "2024-01-01T00:00:00+1:00", "0001-01-01T00:00:00Z", "9999-01-01T00:00:00Z"}) {
    EXPECT_FALSE(parseRfc3339(text)) << text;
  }
}

TEST(Rfc3339, ReadsWhatItWrites) {
  const WallTime now = std::chrono::floor<microseconds>(std::chrono::system_clock::now());
  EXPECT_EQ(parseRfc3339(formatMicros(now)), now);
}

}  // namespace
}  // namespace barevip
