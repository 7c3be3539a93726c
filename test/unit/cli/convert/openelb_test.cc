// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/cli/convert/golden.h"

namespace barevip::cli {
namespace {

using test::Golden;

class OpenElb : public testing::TestWithParam<Golden> {};

TEST_P(OpenElb, BecomesPools) { test::expectGolden(GetParam()); }

INSTANTIATE_TEST_SUITE_P(
    Table, OpenElb,
    testing::Values(
        Golden{"AnEipOfEachKind",
               R"(
apiVersion: network.kubesphere.io/v1alpha2
kind: Eip
metadata: {name: everyone, annotations: {eip.openelb.kubesphere.io/is-default-eip: "true"}}
spec: {address: 192.168.10.91-192.168.10.100, protocol: layer2, interface: eth0, disable: false}
---
apiVersion: network.kubesphere.io/v1alpha2
kind: Eip
metadata: {name: shop}
spec: {address: 192.168.11.0/28, protocol: vip, namespaces: [shop], namespaceSelector: {tier: edge}, priority: 3}
---
apiVersion: network.kubesphere.io/v1alpha2
kind: Eip
metadata: {name: bgp}
spec: {address: 192.168.12.7, disable: true, usingKnownIPs: true}
---
apiVersion: network.kubesphere.io/v1alpha2
kind: BgpConf
metadata: {name: default}
spec: {as: 50000}
)",
               R"(
---
apiVersion: barevip.dev/v1alpha1
kind: Pool
metadata:
  name: everyone
spec:
  addresses:
    - 192.168.10.91-192.168.10.100
  allowSharing: Cluster
  announce:
    interfaces:
      - eth0
---
apiVersion: barevip.dev/v1alpha1
kind: Pool
metadata:
  name: shop
spec:
  addresses:
    - 192.168.11.0/28
  allowFirstLast: true
  priority: 3
  namespaces:
    - shop
  namespaceSelector:
    matchLabels:
      tier: edge
  allowSharing: Cluster
---
apiVersion: barevip.dev/v1alpha1
kind: Pool
metadata:
  name: bgp
spec:
  addresses:
    - 192.168.12.7
  autoAssign: false
  allowSharing: Cluster
  announce:
    mode: None
)",
               {"document 3, Eip bgp: spec.usingKnownIPs has no equal: left out; barevip gives "
                "whatever address of the Pool is free",
                "document 3, Eip bgp: spec.disable is true: the Pool has autoAssign: false and "
                "still serves Services that ask for it",
                "document 4, BgpConf default: has no equal: left out; barevip does not speak BGP",
                "document 1, Eip everyone: spec.interface: barevip announces on one interface of "
                "each node, --bind-iface of barevip-node: see that it is one of eth0"},
               {"document 2, Eip shop: spec.namespaces and spec.namespaceSelector say there who "
                "gets an address without asking: here no other namespace gets one that asks for "
                "it; serve these by another Pool",
                "document 3, Eip bgp: is announced by BGP, which barevip does not speak: "
                "announce.mode is None; lead its addresses to the nodes by routes, or remove "
                "spec.announce to have ARP and NDP answered"}},
        Golden{"AnInterfaceByAnAddressIsLeftToTheNodes",
               R"(
apiVersion: network.kubesphere.io/v1alpha2
kind: Eip
metadata: {name: lan}
spec: {address: 10.0.0.0/30, protocol: layer2, interface: 'can_reach:10.0.0.1'}
)",
               R"(
---
apiVersion: barevip.dev/v1alpha1
kind: Pool
metadata:
  name: lan
spec:
  addresses:
    - 10.0.0.0/30
  allowFirstLast: true
  autoAssign: false
  allowSharing: Cluster
)",
               {"document 1, Eip lan: spec.interface \"can_reach:10.0.0.1\" names an address to "
                "reach: choose the interface of each node by --bind-iface of barevip-node"},
               {}},
        Golden{"TheDefaultServesAllNamespaces",
               R"(
apiVersion: network.kubesphere.io/v1alpha2
kind: Eip
metadata: {name: lan, annotations: {eip.openelb.kubesphere.io/is-default-eip: "true"}}
spec: {address: 10.0.0.7, protocol: vip, namespaces: [shop]}
)",
               R"(
---
apiVersion: barevip.dev/v1alpha1
kind: Pool
metadata:
  name: lan
spec:
  addresses:
    - 10.0.0.7
  allowSharing: Cluster
)",
               {"document 1, Eip lan: is the default, too: the Pool serves all namespaces, and "
                "those that spec.namespaces and spec.namespaceSelector name are not served first"},
               {}},
        Golden{"OfOldVersions",
               R"(
apiVersion: network.kubesphere.io/v1alpha1
kind: Eip
metadata: {name: lan}
spec: {address: 10.0.0.7, protocol: layer2}
---
apiVersion: network.kubesphere.io/v1alpha1
kind: IPPool
metadata: {name: pods}
)",
               R"(
---
apiVersion: barevip.dev/v1alpha1
kind: Pool
metadata:
  name: lan
spec:
  addresses:
    - 10.0.0.7
  autoAssign: false
  allowSharing: Cluster
)",
               {"document 2, IPPool pods: has nothing to do with Pools: left out"},
               {}},
        Golden{"FieldsOfTheFutureAreALoss",
               R"(
apiVersion: network.kubesphere.io/v1alpha2
kind: Eip
metadata: {name: lan}
spec: {address: 10.0.0.7, protocol: layer2, weight: 3}
)",
               R"(
---
apiVersion: barevip.dev/v1alpha1
kind: Pool
metadata:
  name: lan
spec:
  addresses:
    - 10.0.0.7
  autoAssign: false
  allowSharing: Cluster
)",
               {},
               {"document 1, Eip lan: spec.weight has no equal: left out"}}),
    [](const auto& each) { return std::string(each.param.name); });

TEST(OpenElbFaults, AreToldInOneSentence) {
  const std::pair<std::string, const char*> cases[] = {
      {R"(
apiVersion: network.kubesphere.io/v1alpha2
kind: Eip
metadata: {name: lan}
spec: {address: 10.0.0.7, protocol: ospf}
)",
       "spec.protocol \"ospf\" is unknown: write layer2, vip or bgp"},
      {R"(
apiVersion: network.kubesphere.io/v1alpha2
kind: Eip
metadata: {name: lan}
spec: {address: 10.0.0.9-10.0.0.1, protocol: vip}
)",
       "spec.address: the range"},
  };
  for (const auto& [input, says] : cases) {
    EXPECT_THAT(test::reportOn(input).faults, testing::ElementsAre(testing::HasSubstr(says)));
  }
}

}  // namespace
}  // namespace barevip::cli
