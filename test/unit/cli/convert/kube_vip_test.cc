// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/cli/convert/golden.h"

namespace barevip::cli {
namespace {

using test::Golden;

class KubeVip : public testing::TestWithParam<Golden> {};

TEST_P(KubeVip, BecomesPools) { test::expectGolden(GetParam()); }

INSTANTIATE_TEST_SUITE_P(
    Table, KubeVip,
    testing::Values(
        Golden{"APoolForEachNamespace",
               R"(
apiVersion: v1
kind: ConfigMap
metadata: {name: kubevip, namespace: kube-system}
data:
  cidr-default: 192.168.0.200/29
  range-development: 192.168.0.210-192.168.0.219,2001:db8::10-2001:db8::1f
  range-default: 192.168.0.1-192.168.0.2
  range-global: 192.168.0.220-192.168.0.229
  interface-development: eth5
  skip-end-ips-in-cidr: "true"
)",
               R"(
---
apiVersion: barevip.dev/v1alpha1
kind: Pool
metadata:
  name: kube-vip-default
spec:
  addresses:
    - 192.168.0.200/29
  namespaces:
    - default
---
apiVersion: barevip.dev/v1alpha1
kind: Pool
metadata:
  name: kube-vip-development
spec:
  addresses:
    - 192.168.0.210-192.168.0.219
    - "2001:db8::10-2001:db8::1f"
  namespaces:
    - development
  announce:
    interfaces:
      - eth5
---
apiVersion: barevip.dev/v1alpha1
kind: Pool
metadata:
  name: kube-vip-global
spec:
  addresses:
    - 192.168.0.220-192.168.0.229
  allowSharing: Cluster
)",
               {"document 1, ConfigMap kube-system/kubevip: data.range-default is not read there, "
                "since data.cidr-default goes first: left out",
                "document 1, ConfigMap kube-system/kubevip: the Pool \"kube-vip-global\" also "
                "serves namespaces with a Pool of their own, once that one is full: list them in "
                "its spec.ignoreNamespaces to prevent it",
                "document 1, ConfigMap kube-system/kubevip: data.interface-development: barevip "
                "announces on one interface of each node, --bind-iface of barevip-node: see that "
                "it is one of eth5"},
               {}},
        Golden{"PrefixesAreGivenWhole",
               R"(
apiVersion: v1
kind: ConfigMap
metadata: {name: kubevip, namespace: kube-system}
data:
  cidr-global: 192.168.0.200/29,2001:db8::10/124
  interface-global: eth1
)",
               R"(
---
apiVersion: barevip.dev/v1alpha1
kind: Pool
metadata:
  name: kube-vip-global
spec:
  addresses:
    - 192.168.0.200/29
    - "2001:db8::10/124"
  allowFirstLast: true
  allowSharing: Cluster
  announce:
    interfaces:
      - eth1
)",
               {"document 1, ConfigMap kube-system/kubevip: data.interface-global: barevip "
                "announces on one interface of each node, --bind-iface of barevip-node: see that "
                "it is one of eth1"},
               {}},
        Golden{"TheEndsOfIpv4PrefixesMayBeSkipped",
               R"(
apiVersion: v1
kind: ConfigMap
metadata: {name: kubevip, namespace: kube-system}
data:
  cidr-global: 192.168.0.200/29,2001:db8::10/124
  skip-end-ips-in-cidr: true
)",
               R"(
---
apiVersion: barevip.dev/v1alpha1
kind: Pool
metadata:
  name: kube-vip-global
spec:
  addresses:
    - 192.168.0.200/29
    - "2001:db8::10-2001:db8::1f"
  allowSharing: Cluster
)",
               {},
               {}},
        Golden{"OneCidrForAllGoesBeforeRanges",
               R"(
apiVersion: v1
kind: ConfigMap
metadata: {name: kubevip, namespace: kube-system}
data:
  cidr-global: 192.168.0.200/29
  range-shop: 10.0.0.1-10.0.0.2
  search-order: desc
)",
               R"(
---
apiVersion: barevip.dev/v1alpha1
kind: Pool
metadata:
  name: kube-vip-global
spec:
  addresses:
    - 192.168.0.200/29
  allowFirstLast: true
  allowSharing: Cluster
)",
               {"document 1, ConfigMap kube-system/kubevip: data.range-shop is not read there, "
                "since data.cidr-global goes first: left out",
                "document 1, ConfigMap kube-system/kubevip: data.search-order has no equal: left "
                "out; barevip gives the lowest free address"},
               {}},
        Golden{"SharingWithoutAKeyIsALoss",
               R"(
apiVersion: v1
kind: ConfigMap
metadata: {name: kubevip, namespace: kube-system}
data:
  cidr-shop: 192.168.0.200/29
  allow-share-shop: true
  allow-share-blog: false
)",
               R"(
---
apiVersion: barevip.dev/v1alpha1
kind: Pool
metadata:
  name: kube-vip-shop
spec:
  addresses:
    - 192.168.0.200/29
  allowFirstLast: true
  namespaces:
    - shop
)",
               {},
               {"document 1, ConfigMap kube-system/kubevip: data.allow-share-shop: Services share "
                "an address here only if they ask for it by the annotation barevip.dev/share, so "
                "that the Pool may be full sooner"}},
        Golden{"AnInterfaceWithoutAPoolIsALoss",
               R"(
apiVersion: v1
kind: ConfigMap
metadata: {name: kubevip, namespace: kube-system}
data:
  range-global: 10.0.0.1-10.0.0.2
  interface-global: eth1
  interface-shop: eth2
)",
               R"(
---
apiVersion: barevip.dev/v1alpha1
kind: Pool
metadata:
  name: kube-vip-global
spec:
  addresses:
    - 10.0.0.1-10.0.0.2
  allowSharing: Cluster
  announce:
    interfaces:
      - eth1
)",
               {"document 1, ConfigMap kube-system/kubevip: data.interface-global: barevip "
                "announces on one interface of each node, --bind-iface of barevip-node: see that "
                "it is one of eth1"},
               {"document 1, ConfigMap kube-system/kubevip: data.interface-shop has no equal: left "
                "out, since the namespace has no Pool of its own; give it one"}},
        Golden{"AddressesByDhcpAreALoss",
               R"(
apiVersion: v1
kind: ConfigMap
metadata: {name: kubevip, namespace: kube-system}
data:
  cidr-global: 0.0.0.0/32
)",
               "",
               {"document 1, ConfigMap kube-system/kubevip: has no address to give: left out"},
               {"document 1, ConfigMap kube-system/kubevip: data.cidr-global asks a DHCP server "
                "for addresses (0.0.0.0/32), which has no equal: left out; give the Pool addresses "
                "of its own"}},
        Golden{"KeysOfTheFutureAreALoss",
               R"(
apiVersion: v1
kind: ConfigMap
metadata: {name: kubevip, namespace: kube-system}
data:
  cidr-global: 10.0.0.0/32
  color: red
)",
               R"(
---
apiVersion: barevip.dev/v1alpha1
kind: Pool
metadata:
  name: kube-vip-global
spec:
  addresses:
    - 10.0.0.0/32
  allowSharing: Cluster
)",
               {},
               {"document 1, ConfigMap kube-system/kubevip: data.color has no equal: left out"}}),
    [](const auto& each) { return std::string(each.param.name); });

TEST(KubeVipFaults, AreToldInOneSentence) {
  const std::pair<std::string, const char*> cases[] = {
      {R"(
apiVersion: v1
kind: ConfigMap
metadata: {name: kubevip, namespace: kube-system}
data:
  cidr-global: 10.0.0.0/40
)",
       "data.cidr-global: \"10.0.0.0/40\" has no valid prefix length"},
      {R"(
apiVersion: v1
kind: ConfigMap
metadata: {name: kubevip, namespace: kube-system}
data:
  range-global: 10.0.0.1-10.0.0.2,
)",
       "data.range-global"},
  };
  for (const auto& [input, says] : cases) {
    EXPECT_THAT(test::reportOn(input).faults, testing::ElementsAre(testing::HasSubstr(says)));
  }
}

}  // namespace
}  // namespace barevip::cli
