// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/cli/convert/golden.h"

namespace barevip::cli {
namespace {

using test::reportOn;
using testing::ElementsAre;
using testing::HasSubstr;

struct FaultCase {
  const char* name;
  std::string input;
  const char* says;
};

void PrintTo(const FaultCase& each, std::ostream* out) { *out << each.name; }

std::string poolWith(const std::string& spec) {
  return "apiVersion: metallb.io/v1beta1\nkind: IPAddressPool\nmetadata: {name: lan, namespace: "
         "m}\nspec: " +
         spec + "\n";
}

std::string configWith(const std::string& pool) {
  return "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: config}\ndata:\n  config: |\n"
         "    address-pools:\n    - " +
         pool + "\n";
}

// Entries that neither overlap nor touch.
std::string manyEntries(int count) {
  std::string list;
  for (int i = 0; i < count; ++i) list += "10.0." + std::to_string(i) + ".0/25, ";
  return "{addresses: [" + list + "]}";
}

class Malformed : public testing::TestWithParam<FaultCase> {};

INSTANTIATE_TEST_SUITE_P(
    Table, Malformed,
    testing::Values(
        FaultCase{"Yaml", "kind: [", "in.yaml: is not valid YAML: line 1, column"},
        FaultCase{"Comma", ", kind: List\n",
                  "in.yaml: is not valid YAML: line 1, column 1: no document can begin here"},
        FaultCase{"Document", "just a text\n",
                  "in.yaml, document 1: is not a Kubernetes object: write apiVersion, kind and "
                  "metadata.name"},
        FaultCase{"Name", "apiVersion: metallb.io/v1beta1\nkind: IPAddressPool\n",
                  "in.yaml, document 1: is not a Kubernetes object"},
        FaultCase{"Items", "kind: List\nitems: 7\n", "in.yaml, document 1: items is not a list"},
        FaultCase{"Item", "kind: List\nitems: [7]\n",
                  "in.yaml, document 1, item 1: is not a Kubernetes object"},
        FaultCase{"NoList", poolWith("{addresses: 10.0.0.0/24}"),
                  "in.yaml, document 1, IPAddressPool m/lan: spec.addresses is not a list"},
        FaultCase{"NoMap", poolWith("[]"), "spec is not a map"},
        FaultCase{"NoText", poolWith("{addresses: [[10.0.0.0/24]]}"),
                  "spec.addresses[0] is not text"},
        FaultCase{"Address", poolWith("{addresses: [10.0.0.0/24, router]}"),
                  "spec.addresses[1]: \"router\" is not an IP address"},
        FaultCase{"PrefixLength", poolWith("{addresses: [10.0.0.0/33]}"),
                  "has no valid prefix length: write /0 to /32"},
        FaultCase{"InvertedRange", poolWith("{addresses: [10.0.0.9-10.0.0.1]}"),
                  "ends before it begins: write 10.0.0.1-10.0.0.9"},
        FaultCase{"MixedRange", poolWith("{addresses: ['10.0.0.9-2001:db8::1']}"),
                  "mixes IPv4 and IPv6"},
        FaultCase{"MappedAddress", poolWith("{addresses: ['::ffff:10.0.0.0/120']}"),
                  "write it as 10.0.0.0"},
        FaultCase{"TooManyEntries", poolWith(manyEntries(129)),
                  "has 129 separate ranges of addresses, and a Pool takes 128: make two of it"},
        FaultCase{"TruthValue", poolWith("{addresses: [10.0.0.0/24], autoAssign: perhaps}"),
                  "spec.autoAssign is not a boolean: write true or false"},
        FaultCase{"Number",
                  poolWith("{addresses: [10.0.0.0/24], serviceAllocation: {priority: x}}"),
                  "spec.serviceAllocation.priority is not a whole number"},
        FaultCase{
            "Operator",
            poolWith("{addresses: [10.0.0.0/24], serviceAllocation: {namespaceSelectors: "
                     "[{matchExpressions: [{key: a, operator: Is, values: [b]}]}]}}"),
            "spec.serviceAllocation.namespaceSelectors[0].matchExpressions[0].operator \"Is\" "
            "is unknown: write In, NotIn, Exists or DoesNotExist"},
        FaultCase{"Values",
                  poolWith("{addresses: [10.0.0.0/24], serviceAllocation: {serviceSelectors: "
                           "[{matchExpressions: [{key: a, operator: In}]}]}}"),
                  "serviceSelectors[0].matchExpressions[0].values do not fit"},
        FaultCase{"Labels",
                  poolWith("{addresses: [10.0.0.0/24], serviceAllocation: {serviceSelectors: "
                           "[{matchLabels: [a]}]}}"),
                  "serviceSelectors[0].matchLabels is not a map"},
        FaultCase{"SameName",
                  poolWith("{addresses: [10.0.0.0/24]}") + "---\n" +
                      poolWith("{addresses: [10.0.1.0/24]}"),
                  "in.yaml, document 2, IPAddressPool m/lan: becomes the Pool \"lan\", as does "
                  "in.yaml, document 1, IPAddressPool m/lan: Pools are not in namespaces, so give "
                  "one another name"},
        FaultCase{"PoolName",
                  configWith("{name: My_Pool, protocol: layer2, addresses: [10.0.0.0/24]}"),
                  "pool \"My_Pool\": \"My_Pool\" cannot be the name of a Pool: write lower case "
                  "letters, digits, '-' and '.'"},
        FaultCase{"Protocol", configWith("{name: lan, protocol: arp, addresses: [10.0.0.0/24]}"),
                  "address-pools[0].protocol \"arp\" is unknown: write layer2 or bgp"},
        FaultCase{"ConfigYaml", configWith("{"), "ConfigMap config: data.config is not valid YAML"},
        // The table of the original project's controller tests.
        FaultCase{"OriginalRange",
                  "apiVersion: inwinstack.com/v1\nkind: Pool\nmetadata: {name: p}\nspec: "
                  "{addresses: [172.22.132.250-172.22.132.267]}\n",
                  "in.yaml, document 1, Pool p: spec.addresses[0]: \"172.22.132.267\" is not an IP "
                  "address"}),
    [](const auto& each) { return std::string(each.param.name); });

TEST_P(Malformed, IsToldInOneSentenceThatNamesThePlace) {
  EXPECT_THAT(reportOn(GetParam().input).faults, ElementsAre(HasSubstr(GetParam().says)));
}

TEST(Faults, AreToldAllAtOnce) {
  EXPECT_EQ(reportOn(poolWith("{addresses: [a, b], avoidBuggyIPs: c}")).faults.size(), 3U);
}

}  // namespace
}  // namespace barevip::cli
