// SPDX-License-Identifier: Apache-2.0
#include "unit/cli/golden.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

#include <cstdlib>
#include <set>

#include <nlohmann/json.hpp>

#include "assigner/pool_plan.h"
#include "cli/convert.h"
#include "cli/manifests_yaml.h"
#include "cli/pools_yaml.h"
#include "common/model/pool_json.h"

namespace barevip::cli::test {
namespace {

using nlohmann::json;
using testing::ElementsAreArray;

constexpr const char* kFile = "in.yaml";

// As kubectl reads it (YAML 1.1): without quotes some texts are truth values or numbers.
json scalarToJson(const YAML::Node& node) {
  const std::string& text = node.Scalar();
  if (node.Tag() == "!") return text;
  static const std::set<std::string> kTrue{"y", "Y", "yes", "true", "True", "on", "On", "ON"};
  static const std::set<std::string> kFalse{"n", "N", "no", "false", "False", "off", "Off", "OFF"};
  if (kTrue.contains(text)) return true;
  if (kFalse.contains(text)) return false;
  char* end = nullptr;
  const double number = std::strtod(text.c_str(), &end);
  if (*end != '\0') return text;
  if (text.find_first_not_of("0123456789") == std::string::npos) return std::stoll(text);
  return number;
}

json toJson(const YAML::Node& node) {
  if (node.IsMap()) {
    json result = json::object();
    for (const auto& entry : node) result[entry.first.Scalar()] = toJson(entry.second);
    return result;
  }
  if (node.IsSequence()) {
    json result = json::array();
    for (const YAML::Node& entry : node) result.push_back(toJson(entry));
    return result;
  }
  return node.IsScalar() ? scalarToJson(node) : json();
}

std::vector<model::Pool> decoded(const std::string& yaml) {
  std::vector<model::Pool> pools;
  for (const YAML::Node& document : YAML::LoadAll(yaml)) {
    const json object = toJson(document);
    EXPECT_EQ(object.at("apiVersion"), "barevip.dev/v1alpha1");
    EXPECT_EQ(object.at("kind"), "Pool");
    const auto pool = model::decodePool(object);
    EXPECT_TRUE(pool);
    if (pool) pools.push_back(*pool);
  }
  return pools;
}

}  // namespace

void expectGolden(const Golden& golden) {
  Sources sources;
  Report report;
  readManifests(golden.input, kFile, sources, report);
  const std::vector<model::Pool> pools = convert(sources, report);
  EXPECT_TRUE(report.faults.empty()) << testing::PrintToString(report.faults);
  std::vector<std::string> notes;
  for (const std::string& note : golden.notes) notes.push_back(std::string(kFile) + ", " + note);
  EXPECT_THAT(report.notes, ElementsAreArray(notes));

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

std::vector<std::string> faultsOf(const std::string& input) {
  Sources sources;
  Report report;
  readManifests(input, kFile, sources, report);
  (void)convert(sources, report);
  return report.faults;
}

}  // namespace barevip::cli::test
