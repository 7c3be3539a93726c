// SPDX-License-Identifier: Apache-2.0
#include "cli/view/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>
#include <string>

#include "cli/files/pool_files.h"
#include "cli/print/documents.h"
#include "cli/print/plan_print.h"
#include "fakes/builders/view_cluster.h"

namespace barevip::cli {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;
using view::test::assigned;
using view::test::ClusterBuilder;

// With the addresses of a Pool "NAME: ADDRESSES" changed.
std::string planned(const ClusterBuilder& builder, const std::string& name,
                    const std::string& addresses) {
  const auto pools =
      readPools("apiVersion: barevip.dev/v1alpha1\nkind: Pool\nmetadata: {name: " + name +
                    "}\nspec: {addresses: [" + addresses + "]}\n",
                "test");
  const auto report = planEdit(builder.cluster, {*pools, {}});
  std::ostringstream out;
  printPlan(*report, {}, out);
  return "\n" + out.str();
}

ClusterBuilder cluster() {
  return ClusterBuilder()
      .node("n1")
      .pool("a", "10.0.0.1-10.0.0.4", 4, 2)
      .served("web", "10.0.0.1", "a", "n1")
      .served("db", "10.0.0.4", "a", "n1");
}

TEST(APlan, OfASmallerPoolNamesTheOrphans) {
  EXPECT_EQ(planned(cluster(), "a", "10.0.0.1-10.0.0.2"), R"(
Orphaned: they stay in use, and no Pool would allocate them again
  10.0.0.4 (Service default/db) of Pool a: Pool "a" would not allocate 10.0.0.4 again: it no longer has that address
Nothing changes for 1 other allocation of these Pools. No address moves.
)");
}

TEST(APlan, NamesARangeOfClusterIpsInThePool) {
  ClusterBuilder builder = cluster();
  model::ServiceCidr cidr;
  cidr.key.name = "kubernetes";
  cidr.ranges = {IpRange::parse("10.0.0.16/28").value()};
  builder.cluster.serviceCidrs.push_back(std::make_shared<const model::ServiceCidr>(cidr));
  EXPECT_THAT(planned(builder, "a", "10.0.0.1-10.0.0.32"),
              HasSubstr("does not allocate 10.0.0.16-10.0.0.31, which the cluster itself uses "
                        "(ServiceCIDR kubernetes)"));
}

TEST(APlan, OfALargerPoolNamesWhoGetsAnAddress) {
  const auto builder = ClusterBuilder()
                           .node("n1")
                           .pool("a", "10.0.0.1", 1, 1)
                           .served("web", "10.0.0.1", "a", "n1")
                           .service("db", "", assigned("False", "PoolExhausted", ""));
  EXPECT_EQ(planned(builder, "a", "10.0.0.1-10.0.0.2"), R"(
Pending, and get an address
  10.0.0.2 (Service default/db) of Pool a
Nothing changes for 1 other allocation of these Pools. No address moves.
)");
}

TEST(APlan, OfANewPoolNamesTheOverlap) {
  EXPECT_THAT(planned(cluster(), "b", "10.0.0.4-10.0.0.9"),
              AllOf(StartsWith("\nFaults\n"),
                    HasSubstr("\n  Pool b: 10.0.0.4 belongs to the older Pool \"a\"")));
}

TEST(APlan, ThatLeavesAnAddressToAnotherPoolNamesThePoolThatCountsItNow) {
  auto builder = cluster();
  builder.pool("b", "10.0.0.4-10.0.0.9", 5, 0);
  EXPECT_THAT(planned(builder, "a", "10.0.0.1-10.0.0.3"),
              HasSubstr("Counted by another Pool: they stay in use\n"
                        "  10.0.0.4 (Service default/db) of Pool b: Pool \"a\" counts it now\n"));
}

TEST(APlan, OfADeletedPoolNamesWhatStays) {
  const auto report = planEdit(cluster().cluster, {{}, {"a"}});
  ASSERT_TRUE(report);
  EXPECT_EQ(report->orphans.size(), 2U);
  EXPECT_THAT(report->orphans[0].message, HasSubstr("it is being deleted"));
}

TEST(APlan, OfAnEditThatChangesNothingIsEmpty) {
  EXPECT_EQ(planned(cluster(), "a", "10.0.0.1-10.0.0.4"), R"(
Nothing changes for 2 other allocations of these Pools. No address moves.
)");
}

TEST(APlan, OfAPoolThatIsNotThereSaysSo) {
  const auto report = planEdit(cluster().cluster, {{}, {"aa"}});
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().message, "there is no Pool \"aa\": kubectl get pools lists them");
}

TEST(APlan, IsThereForPrograms) {
  const auto report = planEdit(cluster().cluster, {{}, {"a"}});
  EXPECT_THAT(toJson(*report), HasSubstr("\"consumer\": \"Service default/web\""));
  EXPECT_THAT(toYaml(*report), HasSubstr("keeps: 0\n"));
}

TEST(AFileOfPools, MayBeYamlOrJsonOfSeveralDocuments) {
  const auto pools = readPools(
      "apiVersion: barevip.dev/v1alpha1\nkind: Pool\nmetadata: {name: a}\n"
      "spec: {addresses: [10.0.0.0/24], priority: 7, autoAssign: false}\n---\n"
      R"({"apiVersion": "barevip.dev/v1alpha1", "kind": "Pool", "metadata": {"name": "7"}})",
      "f");
  ASSERT_TRUE(pools) << pools.error().message;
  ASSERT_EQ(pools->size(), 2U);
  EXPECT_EQ(pools->at(0).priority, 7);
  EXPECT_FALSE(pools->at(0).autoAssign);
  EXPECT_EQ(pools->at(1).key.name, "7");
}

TEST(AFileOfPools, ThatIsWrongIsNamedInOneSentence) {
  const auto error = [](const std::string& text) { return readPools(text, "f").error().message; };
  EXPECT_EQ(error(""), "f is empty: write the Pools to be applied");
  EXPECT_THAT(error("a: [1"), HasSubstr("f is not valid YAML: line "));
  EXPECT_EQ(error("a: &a [*a]"),
            "f is not valid YAML: line 1, column 4: it is nested more than 100 deep, or an alias "
            "leads to itself");
  EXPECT_EQ(error("kind: Service"),
            "f has an object that is not a Pool: write apiVersion: barevip.dev/v1alpha1 and kind: "
            "Pool");
  EXPECT_THAT(error("apiVersion: barevip.dev/v1alpha1\nkind: Pool"), HasSubstr("f: "));
}

}  // namespace
}  // namespace barevip::cli
