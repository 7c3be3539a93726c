// SPDX-License-Identifier: Apache-2.0
#include "view/status.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <sstream>
#include <string>

#include "cli/print/documents.h"
#include "cli/print/status_print.h"
#include "common/base/rfc3339.h"
#include "fakes/builders/view_cluster.h"

namespace barevip::cli {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using view::test::assigned;
using view::test::ClusterBuilder;

std::string printed(const ClusterBuilder& builder, Style style = {}) {
  style.now = parseRfc3339("2030-01-01T03:00:00Z").value();
  std::ostringstream out;
  printStatus(statusOf(builder.cluster, ""), style, out);
  return "\n" + out.str();
}

// What the problems say, a line each.
std::string problemsOf(const ClusterBuilder& builder, const std::string& ns = "") {
  std::string text;
  for (const view::Finding& each : statusOf(builder.cluster, ns).findings) {
    text += std::string(toString(each.level)) + ": " + each.kind + " " + each.object + " " +
            each.reason + ": " + each.message + "\n";
  }
  return text;
}

ClusterBuilder healthy() {
  return ClusterBuilder()
      .node("n1")
      .node("n2")
      .pool("a", "10.0.0.0/28", 14, 1)
      .served("web", "10.0.0.1", "a", "n1");
}

TEST(TheStatus, OfAHealthyClusterHasNoProblems) {
  EXPECT_EQ(printed(healthy()), R"(
No problems.

POOL   READY   FAMILY   CAPACITY   ALLOCATED   AVAILABLE
a      yes     IPv4     14         1           13

ADDRESS    SERVICE       POOL   NODE   AGE
10.0.0.1   default/web   a      n1     3h

NODE   READY   VIPS   DAEMON
n1     yes     1      eligible
n2     yes     0      eligible
)");
  EXPECT_FALSE(statusOf(healthy().cluster, "").hasProblem());
}

TEST(TheStatus, WideNamesTheIpObjects) {
  EXPECT_THAT(printed(healthy(), {.wide = true}), HasSubstr("default/web-10.0.0.1\n"));
}

TEST(TheStatus, PutsAPendingServiceFirst) {
  const auto builder =
      healthy().service("db", "", assigned("False", "PoolExhausted", "no free IPv4 address"));
  EXPECT_THAT(printed(builder), HasSubstr(R"(
PROBLEMS
Service default/db PoolExhausted
  no free IPv4 address

POOL)"));
  EXPECT_TRUE(statusOf(builder.cluster, "").hasProblem());
}

TEST(TheStatus, ShowsColorsOnlyIfAsked) {
  const auto builder = healthy().service("db", "", assigned("False", "NoPool", "there is no Pool"));
  EXPECT_THAT(printed(builder, {.color = true}), HasSubstr("\x1b[31mService default/db NoPool"));
  EXPECT_EQ(printed(builder).find('\x1b'), std::string::npos);
}

TEST(TheStatus, NamesAServiceThatKeepsAnAddressAgainstItsWish) {
  EXPECT_EQ(problemsOf(healthy().served("db", "10.0.0.2", "a", "n1")), "");
  EXPECT_EQ(problemsOf(healthy()
                           .service("db", "10.0.0.2", assigned("False", "AddressHeld", "taken"))
                           .record("db", "10.0.0.2", "a", "n1")),
            "problem: Service default/db AddressHeld: taken\n");
  EXPECT_EQ(problemsOf(healthy()
                           .service("db", "10.0.0.2", assigned("True", "OutsidePool", "outside"))
                           .record("db", "10.0.0.2", "a", "n1")),
            "problem: Service default/db OutsidePool: outside\n");
}

TEST(TheStatus, NamesAServiceThatNoOperatorLookedAt) {
  auto builder = healthy();
  builder.add(builder.cluster.state.services,
              barevip::test::refused(barevip::test::service("db", {})));
  model::Service unseen = barevip::test::service("new", {});
  unseen.conditions.clear();
  builder.add(builder.cluster.state.services, std::move(unseen));
  EXPECT_THAT(problemsOf(builder), HasSubstr("Service default/new NotReconciled: The operator"));
}

TEST(TheStatus, NamesAPoolThatIsNotReadyOnceForOneReason) {
  EXPECT_EQ(problemsOf(healthy().pool("b", "10.0.0.0/24", 0, 0,
                                      {{"Ready", "False", "PoolOverlaps", "overlaps a"},
                                       {"Overlapping", "True", "PoolOverlaps", "overlaps a"}})),
            "problem: Pool b PoolOverlaps: overlaps a\n");
}

TEST(TheStatus, WarnsOfAPoolThatIsNearlyFull) {
  const auto builder = healthy().pool("b", "10.1.0.0/28", 14, 13);
  EXPECT_EQ(problemsOf(builder),
            "warning: Pool b NearlyFull: 1 of 14 IPv4 addresses are free. Add addresses before "
            "Services have to wait.\n");
  EXPECT_FALSE(statusOf(builder.cluster, "").hasProblem()) << "a warning is not a problem";
}

TEST(TheStatus, NamesAReservationInConflict) {
  auto builder = healthy();
  model::IpObject ipObject;
  ipObject.key = {"default", "mine"};
  ipObject.status.phase = "Conflict";
  ipObject.status.conditions = {{model::IpObject::kBound, "False", "AddressHeld", "taken"}};
  builder.add(builder.cluster.state.ipObjects, std::move(ipObject));
  EXPECT_EQ(problemsOf(builder), "problem: IP default/mine AddressHeld: taken\n");
}

TEST(TheStatus, NamesANodeWhoseDaemonIsSilentAndWhatItAnnounced) {
  const auto builder = ClusterBuilder()
                           .node("n1", {.says = {}, .silent = true})
                           .node("n2")
                           .pool("a", "10.0.0.0/28", 14, 1)
                           .served("web", "10.0.0.1", "a", "n1");
  EXPECT_EQ(problemsOf(builder),
            "problem: Node n1 DaemonSilent: The node daemon does not renew its Lease. Check the "
            "node and the log of the daemon.\n"
            "problem: VIP 10.0.0.1 AnnouncerSilent: Node n1, which announced the address last, is "
            "silent. Node n2 should take over.\n");
  EXPECT_THAT(printed(builder), HasSubstr("n1     yes     1      silent\n"));
}

TEST(TheStatus, SaysThatNoOperatorLeads) {
  auto builder = healthy();
  builder.cluster.leads = false;
  EXPECT_EQ(problemsOf(builder),
            "problem: Operator barevip-operator NoLeader: No operator renews its Lease, so that "
            "nothing is allocated. Check the pods of the operator.\n");
}

TEST(TheStatus, NamesANodeThatCannotAnnounce) {
  view::Daemon daemon;
  daemon.says.eligibility.serving = false;
  EXPECT_EQ(problemsOf(healthy().node("n3", daemon)),
            "problem: Node n3 NotEligible: The node daemon reports that the node cannot announce "
            "VIPs. Its log names the cause.\n");
  daemon.says.eligibility = {
      true, {barevip::test::ip("10.0.0.1")}, {barevip::test::ip("10.0.0.2")}};
  EXPECT_EQ(problemsOf(healthy().node("n3", daemon)),
            "problem: Node n3 VipsRefused: The kernel of the node refuses what these VIPs need: "
            "10.0.0.1. The log of its node daemon names the cause.\n"
            "problem: Node n3 VipsConfigured: These VIPs are configured on the node by something "
            "else: 10.0.0.2. Remove them there.\n");
}

TEST(TheStatus, ANodeWithoutADaemonIsNotAProblem) {
  auto builder = healthy();
  builder.cluster.state.nodes.push_back(
      std::make_shared<model::Node>(barevip::test::node("control")));
  EXPECT_EQ(problemsOf(builder), "");
  EXPECT_THAT(printed(builder), HasSubstr("no daemon"));
}

TEST(TheStatus, NamesAVipThatNoNodeAnnounces) {
  EXPECT_EQ(problemsOf(healthy().served("db", "10.0.0.2", "a", "")),
            "problem: VIP 10.0.0.2 NotAnnounced: No node announces the address. Check the log of "
            "the node daemon on n1, its owner.\n");
}

TEST(TheStatus, NamesAVipThatNoNodeMayAnnounce) {
  auto builder =
      ClusterBuilder().pool("a", "10.0.0.0/28", 14, 1).served("web", "10.0.0.1", "a", "");
  EXPECT_EQ(problemsOf(builder),
            "problem: VIP 10.0.0.1 NoCandidate: No node may announce the address. Check announce "
            "in its Pool, and the state of the nodes.\n");
}

TEST(TheStatus, OfOneNamespaceShowsNothingOfOthers) {
  const auto builder = healthy().service("db", "", assigned("False", "NoPool", "none"));
  EXPECT_EQ(problemsOf(builder, "shop"), "");
  EXPECT_THAT(statusOf(builder.cluster, "shop").vips, IsEmpty());
  EXPECT_NE(problemsOf(builder, "default"), "");
}

TEST(TheStatus, AsYamlHasTheMembersThatJsonHas) {
  ClusterBuilder builder;
  builder.node("n1").pool("a", "10.0.0.0/28", 14, 0);
  const view::Status status = statusOf(builder.cluster, "");
  EXPECT_EQ("\n" + toYaml(status), R"(
nodes:
  - daemon: "eligible"
    eligible: true
    name: "n1"
    ready: true
    vips: 0
pools:
  - allocated:
      ipv4: "0"
      ipv6: "0"
    available:
      ipv4: "14"
      ipv6: "0"
    capacity:
      ipv4: "14"
      ipv6: "0"
    name: "a"
    ready: true
problems: []
vips: []
)");
  EXPECT_THAT(toJson(status), HasSubstr("\"problems\": []"));
}

}  // namespace
}  // namespace barevip::cli
