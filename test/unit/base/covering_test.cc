// SPDX-License-Identifier: Apache-2.0
#include "common/base/covering.h"

#include <gtest/gtest.h>

#include <string>

namespace barevip {
namespace {

std::string covered(const std::vector<std::string>& texts, std::size_t most) {
  std::vector<IpAddress> addresses;
  for (const std::string& text : texts) addresses.push_back(*IpAddress::parse(text));
  std::string result;
  for (const IpRange& range : covering(addresses, most)) {
    result += (result.empty() ? "" : " ") + range.toString();
  }
  return result;
}

TEST(Covering, FewAddressesAreThemselves) {
  EXPECT_EQ(covered({}, 4), "");
  EXPECT_EQ(covered({"10.0.0.9", "10.0.0.1", "10.0.0.9"}, 4), "10.0.0.1 10.0.0.9");
}

TEST(Covering, NeighboursAreOneRange) {
  EXPECT_EQ(covered({"10.0.0.2", "10.0.0.1", "10.0.0.3", "10.0.0.5"}, 4),
            "10.0.0.1-10.0.0.3 10.0.0.5");
}

TEST(Covering, OfTooManyTheNearestAreJoined) {
  EXPECT_EQ(covered({"10.0.0.1", "10.0.0.3", "10.0.1.0", "10.0.9.0"}, 3),
            "10.0.0.1-10.0.0.3 10.0.1.0 10.0.9.0");
  EXPECT_EQ(covered({"10.0.0.1", "10.0.0.3", "10.0.1.0", "10.0.9.0"}, 2),
            "10.0.0.1-10.0.1.0 10.0.9.0");
  EXPECT_EQ(covered({"10.0.0.1", "10.0.0.3", "10.0.1.0", "10.0.9.0"}, 0), "10.0.0.1-10.0.9.0");
}

TEST(Covering, FamiliesStayApart) {
  EXPECT_EQ(covered({"255.255.255.255", "::", "::1", "fd00::1", "10.0.0.1"}, 1),
            "10.0.0.1-255.255.255.255 ::-fd00::1");
}

}  // namespace
}  // namespace barevip
