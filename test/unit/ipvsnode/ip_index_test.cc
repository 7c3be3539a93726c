// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/cluster/ip_index.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/ipvsnode/builders.h"

namespace barevip::node::test {
namespace {

using testing::SizeIs;

model::Service web() {
  model::Service result = service("web", {"192.0.2.1"});
  result.uid = "uid-of-web";
  return result;
}

std::size_t recordsOf(const model::IpObject& ipObject) {
  return IpIndex(ClusterBuilder().add(ipObject).state.ipObjects).of(web(), ip("192.0.2.1")).size();
}

TEST(IpIndex, RecordForTheirOwnerWhateverTheySayOfItsName) {
  model::IpObject owned = ipObject("", "192.0.2.1");
  owned.serviceOwner = model::OwnerReference{"v1", "Service", "web", "uid-of-web"};
  EXPECT_EQ(recordsOf(owned), 1U);
}

TEST(IpIndex, RecordForEveryServiceThatUsesAReservation) {
  EXPECT_EQ(recordsOf(ipObject("web", "192.0.2.1")), 1U);
  EXPECT_EQ(recordsOf(usedBy({"dns", "web"}, "192.0.2.1")), 1U);
  EXPECT_EQ(recordsOf(usedBy({"web-2", "my-web"}, "192.0.2.1")), 0U);
}

struct NoRecord {
  const char* why;
  void (*spoil)(model::IpObject&);
};

class NoRecordTest : public testing::TestWithParam<NoRecord> {};

TEST_P(NoRecordTest, DoesNotCount) {
  model::IpObject spoilt = ipObject("web", "192.0.2.1");
  GetParam().spoil(spoilt);
  EXPECT_EQ(recordsOf(spoilt), 0U);
}

INSTANTIATE_TEST_SUITE_P(
    IpIndexes, NoRecordTest,
    testing::Values(
        NoRecord{"not_bound", [](model::IpObject& c) { c.status.phase = "Conflict"; }},
        NoRecord{"another_namespace", [](model::IpObject& c) { c.key.ns = "other"; }},
        NoRecord{"another_address", [](model::IpObject& c) { c.status.address = "192.0.2.2"; }},
        NoRecord{"no_address", [](model::IpObject& c) { c.status.address = "somewhere"; }},
        NoRecord{"unused", [](model::IpObject& c) { c.status.services = {}; }},
        NoRecord{"an_earlier_service_of_the_name",
                 [](model::IpObject& c) {
                   c.serviceOwner = model::OwnerReference{"v1", "Service", "web", "earlier"};
                 }}),
    [](const auto& test) { return test.param.why; });

TEST(IpIndex, OfAFloodOfOthersTheDaemonReadsNone) {
  struct Row {
    const char* phase;
    const char* node;
    bool concerns;
  };
  for (const Row& row :
       {Row{"Bound", "", true}, Row{"Bound", "n2", true}, Row{"Pending", "", false},
        Row{"Conflict", "n2", false}, Row{"", "", false}, Row{"Pending", "n1", true}}) {
    model::IpObject ipObject;
    ipObject.status.phase = row.phase;
    ipObject.status.node = row.node;
    EXPECT_EQ(concerns(ipObject, "n1"), row.concerns) << row.phase << " " << row.node;
  }
}

TEST(IpIndex, AreFoundHoweverTheAddressIsSpelt) {
  const auto ipObjects = ClusterBuilder().add(ipObject("web", "2001:DB8:0::1")).state.ipObjects;
  EXPECT_THAT(IpIndex(ipObjects).of(web(), ip("2001:db8::1")), SizeIs(1));
}

TEST(IpIndex, GrantThePortsOfTheirStatusByProtocol) {
  const IpIndex ipObjects(
      ClusterBuilder().add(granting("web", "192.0.2.1", {"80/TCP", "53/UDP"})).state.ipObjects);
  EXPECT_TRUE(ipObjects.grant(web(), tcp("192.0.2.1", 80)));
  EXPECT_TRUE(ipObjects.grant(web(), udp("192.0.2.1", 53)));
  EXPECT_FALSE(ipObjects.grant(web(), tcp("192.0.2.1", 53)));
  EXPECT_FALSE(ipObjects.grant(web(), tcp("192.0.2.2", 80)));
  EXPECT_FALSE(ipObjects.grant(service("shop", {}), tcp("192.0.2.1", 80)));
}

}  // namespace
}  // namespace barevip::node::test
