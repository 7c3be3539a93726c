// SPDX-License-Identifier: Apache-2.0
#include "cli/convert/names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace barevip::cli {
namespace {

TEST(WithoutRepeats, KeepsTheFirstOfEach) {
  EXPECT_THAT(withoutRepeats({"b", "a", "b"}), testing::ElementsAre("b", "a"));
}

}  // namespace
}  // namespace barevip::cli
