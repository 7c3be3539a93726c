// SPDX-License-Identifier: Apache-2.0
#include "cli/convert/pools_yaml.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace barevip::cli {
namespace {

using testing::HasSubstr;

std::string printed(const std::string& label) {
  model::Pool pool;
  pool.key.name = "lan";
  pool.serviceSelector = model::LabelSelector{{{"app", label}}, {}};
  return toYaml({pool});
}

TEST(PoolsYaml, QuotesWhatWouldNotBeReadAsText) {
  for (const std::string text : {"true", "No", "ON", "y", "null", "1", "1.5", "0x1f", "1e3", "1_0",
                                 "12:30:45", "2001-01-01", "", "-", "~", ".inf", "a: b", "# a"}) {
    EXPECT_THAT(printed(text), HasSubstr("      app: \"" + text + "\"\n"));
  }
}

TEST(PoolsYaml, LeavesNamesAsTheyAre) {
  for (const std::string text : {"web", "web-1", "kubernetes.io/hostname", "v1.2", "10.0.0.1"}) {
    EXPECT_THAT(printed(text), HasSubstr("      app: " + text + "\n"));
  }
}

TEST(PoolsYaml, PrintsASelectorThatMatchesEverything) {
  model::Pool pool;
  pool.key.name = "lan";
  pool.namespaceSelector = model::LabelSelector{};
  EXPECT_THAT(toYaml({pool}), HasSubstr("  namespaceSelector:\n    {}\n"));
}

TEST(PoolsYaml, OfNoPoolsIsEmpty) { EXPECT_EQ(toYaml({}), ""); }

}  // namespace
}  // namespace barevip::cli
