// SPDX-License-Identifier: Apache-2.0
#include "assigner/service/compat.h"

#include <gtest/gtest.h>

namespace barevip::assigner {
namespace {

using model::StringMap;

struct CompatCase {
  const char* name;
  StringMap written;
  StringMap ours;       ///< by our names
  StringMap writtenAs;  ///< those that were read from MetalLB's
};

class MetalLbAnnotations : public testing::TestWithParam<CompatCase> {};

INSTANTIATE_TEST_SUITE_P(
    Table, MetalLbAnnotations,
    testing::Values(
        CompatCase{"None", {}, {}, {}},
        CompatCase{"OursAlone", {{"barevip.dev/pool", "lan"}}, {{"barevip.dev/pool", "lan"}}, {}},
        CompatCase{"Pool",
                   {{"metallb.io/address-pool", "lan"}},
                   {{"barevip.dev/pool", "lan"}},
                   {{"barevip.dev/pool", "metallb.io/address-pool"}}},
        CompatCase{"Addresses",
                   {{"metallb.io/loadBalancerIPs", "192.0.2.1, 2001:db8::1"}},
                   {{"barevip.dev/address", "192.0.2.1, 2001:db8::1"}},
                   {{"barevip.dev/address", "metallb.io/loadBalancerIPs"}}},
        CompatCase{"SharingKey",
                   {{"metallb.io/allow-shared-ip", "dns"}},
                   {{"barevip.dev/share", "dns"}},
                   {{"barevip.dev/share", "metallb.io/allow-shared-ip"}}},
        CompatCase{"OldPrefix",
                   {{"metallb.universe.tf/address-pool", "lan"},
                    {"metallb.universe.tf/loadBalancerIPs", "192.0.2.1"},
                    {"metallb.universe.tf/allow-shared-ip", "dns"}},
                   {{"barevip.dev/pool", "lan"},
                    {"barevip.dev/address", "192.0.2.1"},
                    {"barevip.dev/share", "dns"}},
                   {{"barevip.dev/pool", "metallb.universe.tf/address-pool"},
                    {"barevip.dev/address", "metallb.universe.tf/loadBalancerIPs"},
                    {"barevip.dev/share", "metallb.universe.tf/allow-shared-ip"}}},
        CompatCase{
            "NewPrefixWinsOverOld",
            {{"metallb.io/address-pool", "new"}, {"metallb.universe.tf/address-pool", "old"}},
            {{"barevip.dev/pool", "new"}},
            {{"barevip.dev/pool", "metallb.io/address-pool"}}},
        CompatCase{"OursWins",
                   {{"barevip.dev/pool", "ours"}, {"metallb.io/address-pool", "theirs"}},
                   {{"barevip.dev/pool", "ours"}},
                   {}},
        CompatCase{"AnEmptyOneOfOursIsThere",
                   {{"barevip.dev/address", ""}, {"metallb.io/loadBalancerIPs", "192.0.2.1"}},
                   {{"barevip.dev/address", ""}},
                   {}},
        CompatCase{"AnEmptySharingKeyIsNone", {{"metallb.io/allow-shared-ip", ""}}, {}, {}},
        CompatCase{"WhatMetalLbWritesIsNoRequest",
                   {{"metallb.io/ip-allocated-from-pool", "lan"}},
                   {},
                   {}}),
    [](const auto& each) { return each.param.name; });

model::Service read(Compat compat, const StringMap& written) {
  model::Service service;
  service.annotations = written;
  readAnnotationsOf(compat, service);
  for (const auto& entry : written) {
    if (!entry.first.starts_with("barevip.dev/")) service.annotations.erase(entry.first);
  }
  return service;
}

TEST_P(MetalLbAnnotations, AreReadByOurNames) {
  const model::Service service = read(Compat::kMetalLb, GetParam().written);
  EXPECT_EQ(service.annotations, GetParam().ours);
  EXPECT_EQ(service.writtenAs, GetParam().writtenAs);
}

TEST(ReadAnnotationsOf, KubeVipHasAddresses) {
  const model::Service service =
      read(Compat::kKubeVip, {{"kube-vip.io/loadbalancerIPs", "192.0.2.1,2001:db8::1"},
                              {"metallb.io/address-pool", "lan"}});
  EXPECT_EQ(service.annotations, (StringMap{{"barevip.dev/address", "192.0.2.1,2001:db8::1"}}));
  EXPECT_EQ(service.writtenAs, (StringMap{{"barevip.dev/address", "kube-vip.io/loadbalancerIPs"}}));
}

TEST(ReadAnnotationsOf, CiliumHasAddressesAndASharingKeyByANewAndAnOldName) {
  const StringMap ours{{"barevip.dev/address", "192.0.2.1"}, {"barevip.dev/share", "dns"}};
  const StringMap old{{"io.cilium/lb-ipam-ips", "192.0.2.1"},
                      {"io.cilium/lb-ipam-sharing-key", "dns"}};
  EXPECT_EQ(read(Compat::kCilium, old).annotations, ours);
  const model::Service both = read(Compat::kCilium, {{"lbipam.cilium.io/ips", "192.0.2.1"},
                                                     {"io.cilium/lb-ipam-ips", "192.0.2.9"},
                                                     {"lbipam.cilium.io/sharing-key", "dns"}});
  EXPECT_EQ(both.annotations, ours);
  EXPECT_EQ(both.writtenAs, (StringMap{{"barevip.dev/address", "lbipam.cilium.io/ips"},
                                       {"barevip.dev/share", "lbipam.cilium.io/sharing-key"}}));
}

TEST(ReadAnnotationsOf, NobodyElseReadsOursOnly) {
  const model::Service service =
      read(Compat::kNone, {{"barevip.dev/share", "dns"}, {"metallb.io/address-pool", "lan"}});
  EXPECT_EQ(service.annotations, (StringMap{{"barevip.dev/share", "dns"}}));
}

}  // namespace
}  // namespace barevip::assigner
