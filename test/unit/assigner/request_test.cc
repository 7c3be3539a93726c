// SPDX-License-Identifier: Apache-2.0
#include "assigner/allocation/request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "assigner/service/compat.h"
#include "unit/assigner/builders.h"

namespace barevip::assigner {
namespace {

using test::ip;
using testing::ElementsAre;
using testing::HasSubstr;

model::Service service(std::vector<Family> families = {Family::kIpv4}) {
  model::Service service;
  service.key = {"default", "web"};
  service.type = "LoadBalancer";
  service.ipFamilies = std::move(families);
  if (service.ipFamilies.size() > 1) {
    service.ipFamilyPolicy = model::IpFamilyPolicy::kRequireDualStack;
  }
  return service;
}

const std::vector<Family> kBoth{Family::kIpv4, Family::kIpv6};

TEST(RequestOf, KeepsTheOrderOfTheServicesFamilies) {
  const auto request = requestOf(service({Family::kIpv6, Family::kIpv4}), nullptr);
  EXPECT_THAT(request->families, ElementsAre(Family::kIpv6, Family::kIpv4));
}

TEST(RequestOf, SingleStackWantsTheFirstFamilyOnly) {
  model::Service single = service(kBoth);
  single.ipFamilyPolicy = model::IpFamilyPolicy::kSingleStack;
  EXPECT_THAT(requestOf(single, nullptr)->families, ElementsAre(Family::kIpv4));
}

TEST(RequestOf, PreferDualStackIsContentWithOneFamily) {
  model::Service prefer = service(kBoth);
  EXPECT_TRUE(requestOf(prefer, nullptr)->allFamilies);
  prefer.ipFamilyPolicy = model::IpFamilyPolicy::kPreferDualStack;
  EXPECT_FALSE(requestOf(prefer, nullptr)->allFamilies);
}

TEST(RequestOf, FamiliesComeFromTheClusterIpsOfAServiceWithoutIpFamilies) {
  model::Service old = service({});
  old.clusterIps = {ip("2001:db8::1")};
  EXPECT_THAT(requestOf(old, nullptr)->families, ElementsAre(Family::kIpv6));
}

TEST(RequestOf, ReadsTheAnnotations) {
  model::Service wanting = service(kBoth);
  wanting.annotations = {{"barevip.dev/pool", " edge "},
                         {"barevip.dev/address", "2001:db8::7, 192.0.2.7"}};
  const auto request = requestOf(wanting, nullptr);
  EXPECT_EQ(request->pool, "edge");
  EXPECT_THAT(request->addresses, ElementsAre(ip("2001:db8::7"), ip("192.0.2.7")));
}

TEST(RequestOf, RefusesAServiceWhoseLabelsAndAnnotationsAreNotKept) {
  model::Service large = service();
  large.oversized = true;
  const auto request = requestOf(large, nullptr);
  ASSERT_FALSE(request) << "it may have asked for something";
  EXPECT_THAT(request.error().message, HasSubstr("too many"));
}

TEST(RequestOf, HonoursLoadBalancerIp) {
  model::Service wanting = service(kBoth);
  wanting.loadBalancerIp = "192.0.2.7";
  EXPECT_THAT(requestOf(wanting, nullptr)->addresses, ElementsAre(ip("192.0.2.7")));
  wanting.annotations = {{"barevip.dev/address", "192.0.2.7,2001:db8::7"}};
  EXPECT_EQ(requestOf(wanting, nullptr)->addresses.size(), 2U);
}

TEST(RequestOf, ReadsTheNamesOfIpObjects) {
  model::Service wanting = service();
  wanting.annotations = {{"barevip.dev/ip", "front-door"}};
  EXPECT_THAT(requestOf(wanting, nullptr)->ipObjects, ElementsAre("front-door"));
}

TEST(RequestOf, ReadsWhatWasWrittenForMetalLb) {
  model::Service wanting = service(kBoth);
  wanting.annotations = {{"metallb.io/address-pool", "edge"},
                         {"metallb.io/loadBalancerIPs", "192.0.2.7, 2001:db8::7"}};
  readAnnotationsOf(Compat::kMetalLb, wanting);
  const auto request = requestOf(wanting, nullptr);
  EXPECT_EQ(request->pool, "edge");
  EXPECT_THAT(request->addresses, ElementsAre(ip("192.0.2.7"), ip("2001:db8::7")));
}

TEST(RequestOf, LoadBalancerIpMayStandBesideAnAnnotationOfMetalLbThatAgrees) {
  model::Service wanting = service();
  wanting.annotations = {{"metallb.io/loadBalancerIPs", "192.0.2.7"}};
  wanting.loadBalancerIp = "192.0.2.7";
  readAnnotationsOf(Compat::kMetalLb, wanting);
  EXPECT_THAT(requestOf(wanting, nullptr)->addresses, ElementsAre(ip("192.0.2.7")));
}

struct BadCase {
  const char* name;
  std::vector<Family> families;
  model::StringMap annotations;
  const char* loadBalancerIp;
  const char* says;
};

class BadRequest : public testing::TestWithParam<BadCase> {};

INSTANTIATE_TEST_SUITE_P(
    Table, BadRequest,
    testing::Values(
        BadCase{"NoAddress",
                {Family::kIpv4},
                {{"barevip.dev/address", "web"}},
                "",
                "annotation barevip.dev/address: \"web\" is not an IP address"},
        BadCase{"EmptyPart",
                {Family::kIpv4},
                {{"barevip.dev/address", "192.0.2.1,"}},
                "",
                "has an empty entry"},
        BadCase{"ThreeParts",
                kBoth,
                {{"barevip.dev/address", "192.0.2.1,::2,::3"}},
                "",
                "more than two entries"},
        BadCase{"TwoOfOneFamily",
                kBoth,
                {{"barevip.dev/address", "192.0.2.1,192.0.2.2"}},
                "",
                "two addresses of family IPv4"},
        BadCase{"OtherFamily",
                {Family::kIpv4},
                {{"barevip.dev/address", "2001:db8::1"}},
                "",
                "the Service has no IPv6"},
        BadCase{"TwoSources",
                {Family::kIpv4},
                {{"barevip.dev/address", "192.0.2.1"}},
                "192.0.2.2",
                "ask for different addresses"},
        BadCase{"LegacyField", {Family::kIpv4}, {}, "192.0.2", "spec.loadBalancerIP: \"192.0.2\""},
        BadCase{"NameAndNumber",
                {Family::kIpv4},
                {{"barevip.dev/ip", "a"}, {"barevip.dev/address", "192.0.2.1"}},
                "",
                "annotation barevip.dev/ip names the address already: remove barevip.dev/address"},
        BadCase{"NameAndPoolAndLegacyField",
                {Family::kIpv4},
                {{"barevip.dev/ip", "a"}, {"metallb.io/address-pool", "edge"}},
                "192.0.2.1",
                "remove metallb.io/address-pool and spec.loadBalancerIP"},
        BadCase{"MetalLbsAddressOfOtherFamily",
                {Family::kIpv4},
                {{"metallb.io/loadBalancerIPs", "2001:db8::1"}},
                "",
                "annotation metallb.io/loadBalancerIPs asks for 2001:db8::1, but the Service has "
                "no IPv6"},
        BadCase{"MetalLbsOldPrefix",
                {Family::kIpv4},
                {{"metallb.universe.tf/loadBalancerIPs", "web"}},
                "",
                "annotation metallb.universe.tf/loadBalancerIPs: \"web\" is not an IP address"},
        BadCase{"MetalLbsAddressAndOtherLegacyField",
                {Family::kIpv4},
                {{"metallb.io/loadBalancerIPs", "192.0.2.1"}},
                "192.0.2.2",
                "spec.loadBalancerIP and annotation metallb.io/loadBalancerIPs ask for different"},
        BadCase{"MetalLbsEndlessShareKey",
                {Family::kIpv4},
                {{"metallb.io/allow-shared-ip", std::string(64, 'k')}},
                "",
                "annotation metallb.io/allow-shared-ip is longer than 63 bytes"},
        BadCase{"MetalLbsEndlessPool",
                {Family::kIpv4},
                {{"metallb.io/address-pool", std::string(254, 'a')}},
                "",
                "annotation metallb.io/address-pool is longer than a name"},
        BadCase{
            "AllFaultsAtOnce",
            {Family::kIpv4},
            {{"barevip.dev/share", ""},
             {"barevip.dev/pool", std::string(254, 'a')},
             {"barevip.dev/address", "web"}},
            "",
            "or remove it; annotation barevip.dev/pool is longer than a name can be; annotation "
            "barevip.dev/address: \"web\" is not an IP address"},
        BadCase{"EndlessName",
                {Family::kIpv4},
                {{"barevip.dev/pool", std::string(254, 'a')}},
                "",
                "longer than a name"}),
    [](const auto& each) { return each.param.name; });

TEST_P(BadRequest, IsAnsweredByOneSentence) {
  model::Service wanting = service(GetParam().families);
  wanting.annotations = GetParam().annotations;
  wanting.loadBalancerIp = GetParam().loadBalancerIp;
  readAnnotationsOf(Compat::kMetalLb, wanting);
  const auto request = requestOf(wanting, nullptr);
  ASSERT_FALSE(request);
  EXPECT_THAT(request.error().message, HasSubstr(GetParam().says));
}

TEST(RequestOf, ReadsTheTermsOfSharing) {
  model::Service sharing = service();
  sharing.annotations = {{"barevip.dev/share", " k "}};
  sharing.ports = {{"dns", model::Protocol::kUdp, 53, 0},
                   {"web", model::Protocol::kTcp, 80, 0},
                   {"tls", model::Protocol::kTcp, 443, 0}};
  sharing.selector = {{"app", "web"}};
  SharingTerms terms{
      "k",
      {{model::Protocol::kTcp, 80}, {model::Protocol::kTcp, 443}, {model::Protocol::kUdp, 53}},
      std::nullopt};
  EXPECT_EQ(requestOf(sharing, nullptr)->terms, terms) << "with policy Cluster any pods will do";
  sharing.externalTrafficPolicy = model::TrafficPolicy::kLocal;
  terms.localPods = sharing.selector;
  EXPECT_EQ(requestOf(sharing, nullptr)->terms, terms);
}

TEST(RequestOf, AShareKeyIsAShortWord) {
  for (const auto& [key, sentence] : {std::pair<std::string, const char*>{" ", "is empty"},
                                      {std::string(64, 'k'), "is longer than 63 bytes"}}) {
    model::Service sharing = service();
    sharing.annotations = {{"barevip.dev/share", key}};
    const auto request = requestOf(sharing, nullptr);
    ASSERT_FALSE(request);
    EXPECT_THAT(request.error().message, HasSubstr(sentence));
    EXPECT_EQ(termsOf(sharing).key, "");
  }
  model::Service longest = service();
  longest.annotations = {{"barevip.dev/share", std::string(63, 'k')}};
  EXPECT_TRUE(requestOf(longest, nullptr));
}

}  // namespace
}  // namespace barevip::assigner
