// SPDX-License-Identifier: Apache-2.0
#include "assigner/compat.h"

#include <gtest/gtest.h>

namespace barevip::assigner {
namespace {

struct CompatCase {
  const char* name;
  model::StringMap written;
  Annotations read;
};

class MetalLbAnnotations : public testing::TestWithParam<CompatCase> {};

INSTANTIATE_TEST_SUITE_P(
    Table, MetalLbAnnotations,
    testing::Values(
        CompatCase{"None", {}, {}},
        CompatCase{"OursAlone",
                   {{"barevip.dev/pool", "lan"}},
                   {{"barevip.dev/pool", {"barevip.dev/pool", "lan"}}}},
        CompatCase{"Pool",
                   {{"metallb.io/address-pool", "lan"}},
                   {{"barevip.dev/pool", {"metallb.io/address-pool", "lan"}}}},
        CompatCase{
            "Addresses",
            {{"metallb.io/loadBalancerIPs", "192.0.2.1, 2001:db8::1"}},
            {{"barevip.dev/address", {"metallb.io/loadBalancerIPs", "192.0.2.1, 2001:db8::1"}}}},
        CompatCase{"SharingKey",
                   {{"metallb.io/allow-shared-ip", "dns"}},
                   {{"barevip.dev/share", {"metallb.io/allow-shared-ip", "dns"}}}},
        CompatCase{"OldPrefix",
                   {{"metallb.universe.tf/address-pool", "lan"},
                    {"metallb.universe.tf/loadBalancerIPs", "192.0.2.1"},
                    {"metallb.universe.tf/allow-shared-ip", "dns"}},
                   {{"barevip.dev/pool", {"metallb.universe.tf/address-pool", "lan"}},
                    {"barevip.dev/address", {"metallb.universe.tf/loadBalancerIPs", "192.0.2.1"}},
                    {"barevip.dev/share", {"metallb.universe.tf/allow-shared-ip", "dns"}}}},
        CompatCase{
            "NewPrefixWinsOverOld",
            {{"metallb.io/address-pool", "new"}, {"metallb.universe.tf/address-pool", "old"}},
            {{"barevip.dev/pool", {"metallb.io/address-pool", "new"}}}},
        CompatCase{"OursWins",
                   {{"barevip.dev/pool", "ours"}, {"metallb.io/address-pool", "theirs"}},
                   {{"barevip.dev/pool", {"barevip.dev/pool", "ours"}}}},
        CompatCase{"AnEmptyOneOfOursTurnsTheirsOff",
                   {{"barevip.dev/address", ""}, {"metallb.io/loadBalancerIPs", "192.0.2.1"}},
                   {{"barevip.dev/address", {"barevip.dev/address", ""}}}},
        CompatCase{
            "WhatMetalLbWritesIsNoRequest", {{"metallb.io/ip-allocated-from-pool", "lan"}}, {}}),
    [](const auto& each) { return each.param.name; });

TEST_P(MetalLbAnnotations, AreReadByOurNames) {
  EXPECT_EQ(effectiveAnnotations(GetParam().written, Compat::kMetalLb), GetParam().read);
}

TEST(EffectiveAnnotations, WithoutCompatAreOursOnly) {
  EXPECT_EQ(effectiveAnnotations({{"barevip.dev/share", "dns"}, {"metallb.io/address-pool", "lan"}},
                                 Compat::kNone),
            (Annotations{{"barevip.dev/share", {"barevip.dev/share", "dns"}}}));
}

}  // namespace
}  // namespace barevip::assigner
