// SPDX-License-Identifier: Apache-2.0
#include "cli/convert/fitting.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

#include "cli/convert/limits.h"
#include "cli/convert/pools_yaml.h"
#include "unit/cli/convert/pool_schema.h"
#include "unit/cli/convert/yaml_json.h"

namespace barevip::cli {
namespace {

using model::LabelSelector;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(Limits, AreThoseOfTheCustomResourceDefinition) {
  struct Case {
    const char* at;  ///< below the schema's properties.spec.properties
    std::int64_t limit;
  };
  const auto count = [](std::size_t limit) { return static_cast<std::int64_t>(limit); };
  const Case cases[] = {
      {"/addresses/maxItems", count(limits::kAddresses)},
      {"/addresses/items/maxLength", count(limits::kAddressText)},
      {"/exclude/maxItems", count(limits::kExclude)},
      {"/namespaces/maxItems", count(limits::kNamespaces)},
      {"/namespaces/items/maxLength", count(limits::kNamespaceName)},
      {"/ignoreNamespaces/maxItems", count(limits::kNamespaces)},
      {"/announce/properties/interfaces/maxItems", count(limits::kInterfaces)},
      {"/announce/properties/interfaces/items/maxLength", count(limits::kInterfaceName)},
      {"/namespaceSelector/properties/matchLabels/maxProperties", count(limits::kMatchLabels)},
      {"/namespaceSelector/properties/matchLabels/additionalProperties/maxLength",
       count(limits::kLabelValue)},
      {"/namespaceSelector/properties/matchExpressions/maxItems", count(limits::kMatchExpressions)},
      {"/namespaceSelector/properties/matchExpressions/items/properties/key/maxLength",
       count(limits::kLabelKey)},
      {"/namespaceSelector/properties/matchExpressions/items/properties/values/maxItems",
       count(limits::kValues)},
      {"/namespaceSelector/properties/matchExpressions/items/properties/values/items/maxLength",
       count(limits::kLabelValue)},
      {"/priority/default", limits::kDefaultPriority},
      {"/priority/maximum", limits::kMaxPriority},
  };
  const nlohmann::json& spec = test::poolSchema()["properties"]["spec"]["properties"];
  for (const Case& each : cases) {
    EXPECT_EQ(spec.at(nlohmann::json::json_pointer(each.at)), each.limit) << each.at;
  }
  // One limit for all selectors.
  for (const char* const name : {"properties", "type"}) {
    EXPECT_EQ(spec["serviceSelector"][name], spec["namespaceSelector"][name]);
    EXPECT_EQ(spec["announce"]["properties"]["nodeSelector"][name],
              spec["namespaceSelector"][name]);
  }
}

std::vector<std::string> names(std::size_t count) {
  std::vector<std::string> result;
  for (std::size_t i = 0; i < count; ++i) result.push_back("n" + std::to_string(i));
  return result;
}

model::StringMap labels(std::size_t count) {
  model::StringMap result;
  for (const std::string& name : names(count)) result[name] = "v";
  return result;
}

std::vector<LabelSelector::Requirement> requirements(std::size_t count) {
  std::vector<LabelSelector::Requirement> result;
  for (const std::string& name : names(count)) result.push_back({name, "Exists", {}});
  return result;
}

struct FitCase {
  const char* name;
  void (*fill)(model::Pool&);
  const char* loss = "";   ///< a part of the sentence; empty: none
  const char* fault = "";  ///< likewise
};

void PrintTo(const FitCase& each, std::ostream* out) { *out << each.name; }

class Fit : public testing::TestWithParam<FitCase> {};

const FitCase kFitCases[] = {
    {"AsManyNamespacesAsItTakes", [](model::Pool& pool) { pool.namespaces = names(1024); }},
    {"TooManyNamespaces", [](model::Pool& pool) { pool.namespaces = names(1025); },
     "spec.namespaces of the Pool has 1025, and a Pool takes 1024"},
    {"NoNamespace", [](model::Pool& pool) { pool.namespaces = {"Shop"}; }, "",
     "spec.namespaces of the Pool has \"Shop\", which cannot be a namespace"},
    {"ALongNamespace", [](model::Pool& pool) { pool.ignoreNamespaces = {std::string(64, 'a')}; },
     "", "spec.ignoreNamespaces of the Pool has"},
    {"TooManyIgnoredNamespaces", [](model::Pool& pool) { pool.ignoreNamespaces = names(1025); }, "",
     "without the rest it would serve others"},
    {"AsManyInterfacesAsItTakes", [](model::Pool& pool) { pool.announce.interfaces = names(32); }},
    {"TooManyInterfaces", [](model::Pool& pool) { pool.announce.interfaces = names(33); },
     "spec.announce.interfaces of the Pool has 33, and a Pool takes 32"},
    {"ALongInterface", [](model::Pool& pool) { pool.announce.interfaces = {"abcdefghijklmnop"}; },
     "", "which cannot be an interface"},
    {"NoInterface", [](model::Pool& pool) { pool.announce.interfaces = {""}; }, "",
     "which cannot be an interface"},
    {"MoreLabelsThanMatchLabelsTakes",
     [](model::Pool& pool) {
       pool.serviceSelector = LabelSelector{labels(128), {}};
     }},
    {"TooManyLabels",
     [](model::Pool& pool) {
       pool.serviceSelector = LabelSelector{labels(129), {}};
     },
     "", "spec.serviceSelector of the Pool, matchExpressions, has 65, and a Pool takes 64"},
    {"TooManyExpressions",
     [](model::Pool& pool) {
       pool.namespaceSelector = LabelSelector{{}, requirements(65)};
     },
     "", "spec.namespaceSelector of the Pool, matchExpressions, has 65"},
    {"TooManyValuesToBeIn",
     [](model::Pool& pool) {
       pool.announce.nodeSelector = LabelSelector{{}, {{"host", "In", names(65)}}};
     },
     "spec.announce.nodeSelector of the Pool, values of \"host\", has 65, and a Pool takes 64"},
    {"ManyValuesNotToBeIn",
     [](model::Pool& pool) {
       pool.namespaceSelector = LabelSelector{{}, {{"tier", "NotIn", names(150)}}};
     }},
    {"RepeatedValues",
     [](model::Pool& pool) {
       pool.namespaceSelector =
           LabelSelector{{}, {{"tier", "In", std::vector<std::string>(65, "a")}}};
     }},
    {"ALongLabel",
     [](model::Pool& pool) {
       pool.serviceSelector = LabelSelector{{{std::string(318, 'a'), "b"}}, {}};
     },
     "", "which cannot be a label"},
    {"ALongValue",
     [](model::Pool& pool) {
       pool.serviceSelector = LabelSelector{{}, {{"a", "In", {std::string(64, 'b')}}}};
     },
     "", "which cannot be the value of a label"},
};

INSTANTIATE_TEST_SUITE_P(Table, Fit, testing::ValuesIn(kFitCases),
                         [](const auto& each) { return std::string(each.param.name); });

void expectOne(const std::vector<std::string>& sentences, const std::string& part) {
  if (part.empty()) {
    EXPECT_THAT(sentences, IsEmpty());
  } else {
    EXPECT_THAT(sentences, ElementsAre(HasSubstr(part)));
  }
}

TEST_P(Fit, IsTakenByTheCrdOrToldAbout) {
  model::Pool pool;
  pool.key.name = "lan";
  pool.addresses = {"10.0.0.0/24"};
  GetParam().fill(pool);
  Report report;
  fitToSchema(pool, {"in.yaml", 1, 0, "IPAddressPool lan"}, report);
  expectOne(report.losses, GetParam().loss);
  expectOne(report.faults, GetParam().fault);
  if (!report.faults.empty()) return;
  EXPECT_THAT(test::schemaFaults(test::toJson(YAML::Load(toYaml({pool})))), IsEmpty());
}

TEST(Fit, AnotherFormMeansTheSame) {
  model::Pool pool;
  pool.serviceSelector = LabelSelector{labels(100), {{"tier", "NotIn", names(150)}}};
  const LabelSelector before = *pool.serviceSelector;
  Report report;
  fitToSchema(pool, {}, report);
  ASSERT_NE(pool.serviceSelector, before);
  model::StringMap service = labels(100);
  EXPECT_TRUE(pool.serviceSelector->matches(service));
  for (const std::string& name : names(150)) {
    service["tier"] = name;
    EXPECT_FALSE(pool.serviceSelector->matches(service)) << name;
  }
  service["tier"] = "other";
  EXPECT_TRUE(pool.serviceSelector->matches(service));
  for (const std::string& name : names(100)) {
    model::StringMap other = service;
    other.erase(name);
    EXPECT_FALSE(pool.serviceSelector->matches(other)) << name;
  }
}

}  // namespace
}  // namespace barevip::cli
