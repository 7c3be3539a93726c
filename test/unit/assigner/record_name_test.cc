// SPDX-License-Identifier: Apache-2.0
#include "assigner/service/record_name.h"

#include <gtest/gtest.h>

#include "unit/assigner/builders.h"

namespace barevip::assigner {
namespace {

using test::ip;

TEST(RecordName, IsServiceAndAddress) {
  EXPECT_EQ(recordName("web", ip("192.0.2.1")), "web-192.0.2.1");
  EXPECT_EQ(recordName("web", ip("2001:db8::1")), "web-2001.db8.0.0.0.0.0.1");
  EXPECT_EQ(recordName("web", ip("2001:db8:a0b:12f0::ffff")), "web-2001.db8.a0b.12f0.0.0.0.ffff");
}

TEST(RecordName, FitsIntoTheLimitOfNames) {
  const std::string longest(63, 'a');
  EXPECT_LE(recordName(longest, ip("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")).size(), 253U);
}

}  // namespace
}  // namespace barevip::assigner
