// SPDX-License-Identifier: Apache-2.0
#include "cli/convert/overlaps.h"

#include <gtest/gtest.h>

namespace barevip::cli {
namespace {

std::vector<Entry> entries(const std::vector<std::string>& texts) {
  std::vector<Entry> result;
  for (const std::string& text : texts) result.push_back({text, IpRange::parse(text).value()});
  return result;
}

struct OverlapCase {
  const char* name;
  std::vector<std::string> a;
  std::vector<std::string> excludedOfA;
  std::vector<std::string> b;
  std::vector<std::string> excludedOfB;
  const char* common;  ///< empty: none
};

class Overlap : public testing::TestWithParam<OverlapCase> {};

INSTANTIATE_TEST_SUITE_P(
    Table, Overlap,
    testing::Values(
        OverlapCase{"Apart", {"10.0.0.0/24"}, {}, {"10.0.1.0/24"}, {}, ""},
        OverlapCase{"OtherFamily", {"0.0.0.0/0"}, {}, {"::/0"}, {}, ""},
        OverlapCase{
            "Part", {"10.0.0.0/24"}, {}, {"10.0.0.250-10.0.1.5"}, {}, "10.0.0.250-10.0.0.255"},
        OverlapCase{"AllExcludedByOne", {"10.0.0.0/24"}, {"10.0.0.0/25"}, {"10.0.0.0/28"}, {}, ""},
        OverlapCase{"AllExcludedByBothTogether",
                    {"10.0.0.0/30"},
                    {"10.0.0.0/31"},
                    {"10.0.0.0/30"},
                    {"10.0.0.1-10.0.0.3"},
                    ""},
        OverlapCase{"BetweenHoles",
                    {"10.0.0.0/28"},
                    {"10.0.0.0-10.0.0.3", "10.0.0.8"},
                    {"10.0.0.0/24"},
                    {"10.0.0.2-10.0.0.5"},
                    "10.0.0.6-10.0.0.7"},
        OverlapCase{"UpToTheLastAddress",
                    {"255.255.255.254/31"},
                    {"255.255.255.254"},
                    {"255.255.255.255"},
                    {},
                    "255.255.255.255"}),
    [](const auto& each) { return std::string(each.param.name); });

TEST_P(Overlap, IsWhatBothGive) {
  const Given a{entries(GetParam().a), entries(GetParam().excludedOfA)};
  const Given b{entries(GetParam().b), entries(GetParam().excludedOfB)};
  for (const auto& common : {commonPart(a, b), commonPart(b, a)}) {
    EXPECT_EQ(common ? common->toString() : "", GetParam().common);
  }
}

}  // namespace
}  // namespace barevip::cli
