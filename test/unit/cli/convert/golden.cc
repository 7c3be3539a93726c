// SPDX-License-Identifier: Apache-2.0
#include "unit/cli/convert/golden.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

#include <nlohmann/json.hpp>

#include "assigner/allocation/pool_plan.h"
#include "cli/convert/convert.h"
#include "cli/convert/manifests_yaml.h"
#include "cli/convert/pools_yaml.h"
#include "common/model/pool_json.h"
#include "unit/cli/convert/pool_schema.h"
#include "unit/cli/convert/yaml_json.h"

namespace barevip::cli::test {
namespace {

using nlohmann::json;
using testing::ElementsAreArray;

constexpr const char* kFile = "in.yaml";

std::vector<model::Pool> decoded(const std::string& yaml) {
  std::vector<model::Pool> pools;
  for (const YAML::Node& document : YAML::LoadAll(yaml)) {
    const json object = toJson(document);
    EXPECT_THAT(schemaFaults(object), testing::IsEmpty());
    EXPECT_EQ(object.at("apiVersion"), "barevip.dev/v1alpha1");
    EXPECT_EQ(object.at("kind"), "Pool");
    const auto pool = model::decodePool(object);
    EXPECT_TRUE(pool);
    if (pool) pools.push_back(*pool);
  }
  return pools;
}

std::vector<std::string> withFile(const std::vector<std::string>& sentences) {
  std::vector<std::string> result;
  for (const std::string& each : sentences) result.push_back(std::string(kFile) + ", " + each);
  return result;
}

}  // namespace

void expectGolden(const Golden& golden) {
  Sources sources;
  Report report;
  readManifests(golden.input, kFile, sources, report);
  const std::vector<model::Pool> pools = convert(sources, report);
  EXPECT_TRUE(report.faults.empty()) << testing::PrintToString(report.faults);
  EXPECT_THAT(report.notes, ElementsAreArray(withFile(golden.notes)));
  EXPECT_THAT(report.losses, ElementsAreArray(withFile(golden.losses)));

  const std::string printed = toYaml(pools);
  EXPECT_EQ(printed.empty() ? "" : "\n" + printed, golden.pools);
  const std::vector<model::Pool> read = decoded(printed);
  EXPECT_EQ(read, pools);
  // One by one: overlaps of two are noted, and the operator decides by age.
  for (const model::Pool& pool : read) {
    const auto plans = assigner::planPools({pool});
    EXPECT_FALSE(plans[0].fault) << plans[0].fault->message;
  }
}

Report reportOn(const std::string& input) {
  Sources sources;
  Report report;
  readManifests(input, kFile, sources, report);
  (void)convert(sources, report);
  return report;
}

}  // namespace barevip::cli::test
