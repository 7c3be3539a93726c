// SPDX-License-Identifier: Apache-2.0
#include "common/base/percent.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <string>

namespace barevip {
namespace {

TEST(Percent, EncodesAllButWhatIsPlain) {
  EXPECT_EQ(percentEncode("a-Z_0.~ /%\xc3", kUnreserved), "a-Z_0.~%20%2F%25%C3");
}

TEST(Percent, RefusesASignWithoutTwoDigits) {
  for (const char* const text : {"%", "a%2", "%zz", "%2g", "%%41", "%+1"}) {
    EXPECT_EQ(percentDecode(text), std::nullopt) << text;
  }
}

TEST(Percent, ComesBackAsItWas) {
  EXPECT_TRUE(rc::check([](const std::string& text) {
    RC_ASSERT(percentDecode(percentEncode(text, kUnreserved)) == text);
  }));
}

}  // namespace
}  // namespace barevip
