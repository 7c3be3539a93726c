// SPDX-License-Identifier: Apache-2.0
#include "common/base/sloppy_ip.h"

#include <gtest/gtest.h>

#include <string>

namespace barevip {
namespace {

TEST(SloppyIp, ReadsWhatKubernetesReads) {
  struct Case {
    std::string text;
    std::string address;
  };
  const Case cases[] = {
      {"192.0.2.10", "192.0.2.10"},
      {"192.0.2.010", "192.0.2.10"},
      {"192.000.02.0", "192.0.2.0"},
      {"::ffff:192.0.2.10", "192.0.2.10"},
      {"::FFFF:192.0.2.010", "192.0.2.10"},
      {"::ffff:c000:20a", "192.0.2.10"},
      {"0:0:0:0:0:ffff:c000:020a", "192.0.2.10"},
      {"2001:db8::1", "2001:db8::1"},
      {"2001:db8::0:0001", "2001:db8::1"},
      {"64:ff9b::192.0.02.1", "64:ff9b::c000:201"},
  };
  for (const Case& each : cases) {
    const auto address = parseSloppyIp(each.text);
    ASSERT_TRUE(address) << each.text;
    EXPECT_EQ(address->toString(), each.address) << each.text;
  }
}

TEST(SloppyIp, WhatIsNoAddressStaysNone) {
  for (const std::string text : {"", ".", "1.2.3", "1.2.3.4.5", "256.0.0.1", "1.2.3.",
                                 "::ffff:", "00:1.2.3", "example.com"}) {
    EXPECT_FALSE(parseSloppyIp(text)) << text;
  }
  EXPECT_FALSE(parseSloppyIp(std::string("192.0.2.1\0", 10)));
}

}  // namespace
}  // namespace barevip
