// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "unit/cli/convert/golden.h"

namespace barevip::cli {
namespace {

using test::Golden;

class MetalLb : public testing::TestWithParam<Golden> {};

TEST_P(MetalLb, BecomesPools) { test::expectGolden(GetParam()); }

const auto kName = [](const auto& each) { return std::string(each.param.name); };

// What announces every pool, so that nothing is to be said about it.
const std::string kAnnounceAll = R"(
apiVersion: metallb.io/v1beta1
kind: L2Advertisement
metadata: {name: all, namespace: metallb-system}
---)";

INSTANTIATE_TEST_SUITE_P(
    Addresses, MetalLb,
    testing::Values(
        Golden{"AllFieldsWithAnEqual",
               kAnnounceAll + R"(
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: {name: lan, namespace: metallb-system}
spec:
  addresses: [192.168.7.0/24, "2001:db8::/64"]
  autoAssign: false
  avoidBuggyIPs: true
)",
               R"(
---
apiVersion: barevip.dev/v1alpha1
kind: Pool
metadata:
  name: lan
spec:
  addresses:
    - 192.168.7.0/24
    - "2001:db8::/64"
  allowFirstLast: true
  avoidBuggyIPs: true
  autoAssign: false
  allowSharing: Cluster
)",
               {}},
        Golden{"SpacesAroundTheDashAreDropped",
               kAnnounceAll + R"(
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: {name: lan}
spec: {addresses: [192.168.7.10 - 192.168.7.20, "2001:db8::1 -2001:db8::9"]}
)",
               R"(
---
apiVersion: barevip.dev/v1alpha1
kind: Pool
metadata:
  name: lan
spec:
  addresses:
    - 192.168.7.10-192.168.7.20
    - "2001:db8::1-2001:db8::9"
  allowSharing: Cluster
)",
               {}},
        Golden{"HostBitsAreDropped",
               kAnnounceAll + R"(
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: {name: lan}
spec: {addresses: [192.168.7.9/29]}
)",
               R"(
---
apiVersion: barevip.dev/v1alpha1
kind: Pool
metadata:
  name: lan
spec:
  addresses:
    - 192.168.7.8/29
  allowFirstLast: true
  allowSharing: Cluster
)",
               {"document 2, IPAddressPool lan: spec.addresses[0] \"192.168.7.9/29\" has bits set "
                "beyond its prefix: written as 192.168.7.8/29, the network that it means there"}},
        Golden{"EntriesThatOverlapAreJoined",
               kAnnounceAll + R"(
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: {name: lan}
spec: {addresses: [192.168.7.8/29, 192.168.7.9/32, 10.0.0.1/32, 192.168.7.15-192.168.7.20]}
)",
               R"(
---
apiVersion: barevip.dev/v1alpha1
kind: Pool
metadata:
  name: lan
spec:
  addresses:
    - 192.168.7.8-192.168.7.20
    - 10.0.0.1/32
  allowSharing: Cluster
)",
               {"document 2, IPAddressPool lan: spec.addresses[1] \"192.168.7.9/32\" has addresses "
                "that an entry before it has, too: the two are joined",
                "document 2, IPAddressPool lan: spec.addresses[3] \"192.168.7.15-192.168.7.20\" "
                "has addresses that an entry before it has, too: the two are joined"}},
        Golden{"TwoPoolsThatOverlapAreNoted",
               kAnnounceAll + R"(
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: {name: a}
spec: {addresses: [192.168.7.0/24]}
---
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: {name: b}
spec: {addresses: [192.168.7.128-192.168.8.5]}
)",
               R"(
---
apiVersion: barevip.dev/v1alpha1
kind: Pool
metadata:
  name: a
spec:
  addresses:
    - 192.168.7.0/24
  allowFirstLast: true
  allowSharing: Cluster
---
apiVersion: barevip.dev/v1alpha1
kind: Pool
metadata:
  name: b
spec:
  addresses:
    - 192.168.7.128-192.168.8.5
  allowSharing: Cluster
)",
               {"document 3, IPAddressPool b: has 192.168.7.128-192.168.7.255 in common with the "
                "Pool \"a\": of two that overlap only the older Pool allocates; take them "
                "out of one, for example by spec.exclude"}},
        Golden{"APoolWithoutAddressesIsLeftOut",
               kAnnounceAll + R"(
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: {name: lan}
spec: {}
)",
               "",
               {"document 2, IPAddressPool lan: has no address to give: left out"}}),
    kName);

INSTANTIATE_TEST_SUITE_P(
    Allocation, MetalLb,
    testing::Values(
        Golden{"NamespacesAndSelectors",
               kAnnounceAll + R"(
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: {name: lan}
spec:
  addresses: [192.168.7.0/24]
  serviceAllocation:
    priority: 50
    namespaces: [shop, blog]
    namespaceSelectors:
    - matchLabels: {tier: edge}
    serviceSelectors:
    - matchExpressions:
      - {key: app, operator: NotIn, values: [internal, "true"]}
)",
               R"(
---
apiVersion: barevip.dev/v1alpha1
kind: Pool
metadata:
  name: lan
spec:
  addresses:
    - 192.168.7.0/24
  allowFirstLast: true
  priority: 50
  namespaces:
    - shop
    - blog
  namespaceSelector:
    matchLabels:
      tier: edge
  serviceSelector:
    matchExpressions:
      - key: app
        operator: NotIn
        values:
          - internal
          - "true"
  allowSharing: Cluster
)",
               {}},
        Golden{"SelectorsOfOneKeyBecomeOne",
               kAnnounceAll + R"(
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: {name: lan}
spec:
  addresses: [192.168.7.0/24]
  serviceAllocation:
    namespaceSelectors:
    - matchLabels: {tier: edge}
    - matchLabels: {tier: front}
)",
               R"(
---
apiVersion: barevip.dev/v1alpha1
kind: Pool
metadata:
  name: lan
spec:
  addresses:
    - 192.168.7.0/24
  allowFirstLast: true
  namespaceSelector:
    matchExpressions:
      - key: tier
        operator: In
        values:
          - edge
          - front
  allowSharing: Cluster
)",
               {}},
        Golden{"OfOtherSelectorsAllButTheFirstAreLost",
               kAnnounceAll + R"(
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: {name: lan}
spec:
  addresses: [192.168.7.0/24]
  serviceAllocation:
    serviceSelectors:
    - matchLabels: {app: web}
    - matchLabels: {team: shop}
)",
               R"(
---
apiVersion: barevip.dev/v1alpha1
kind: Pool
metadata:
  name: lan
spec:
  addresses:
    - 192.168.7.0/24
  allowFirstLast: true
  serviceSelector:
    matchLabels:
      app: web
  allowSharing: Cluster
)",
               {},
               {"document 2, IPAddressPool lan: spec.serviceAllocation.serviceSelectors has "
                "selectors that cannot be written as one: only the first is taken; give what the "
                "others match a label in common and select by that"}},
        Golden{"SelectorsOfNamesOfNamespacesBecomeNames",
               kAnnounceAll + R"(
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: {name: lan}
spec:
  addresses: [192.168.7.0/24]
  serviceAllocation:
    namespaces: [shop]
    namespaceSelectors:
    - matchLabels: {kubernetes.io/metadata.name: blog}
    - matchLabels: {tier: edge}
    - matchExpressions: [{key: kubernetes.io/metadata.name, operator: In, values: [shop, mail]}]
)",
               R"(
---
apiVersion: barevip.dev/v1alpha1
kind: Pool
metadata:
  name: lan
spec:
  addresses:
    - 192.168.7.0/24
  allowFirstLast: true
  namespaces:
    - shop
    - blog
    - mail
  namespaceSelector:
    matchLabels:
      tier: edge
  allowSharing: Cluster
)",
               {}},
        Golden{"AnEmptyOneOpensThePool",
               kAnnounceAll + R"(
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: {name: lan}
spec: {addresses: [192.168.7.0/24], serviceAllocation: {}}
)",
               R"(
---
apiVersion: barevip.dev/v1alpha1
kind: Pool
metadata:
  name: lan
spec:
  addresses:
    - 192.168.7.0/24
  allowFirstLast: true
  allowSharing: Cluster
)",
               {"document 2, IPAddressPool lan: spec.serviceAllocation says nothing: the Pool is "
                "open to all and not tried before others that are; set spec.priority below 100 for "
                "that"}},
        Golden{
            "PoolsWithoutAPriorityStayLast",
            kAnnounceAll + R"(
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: {name: third}
spec: {addresses: [10.0.3.0/24], serviceAllocation: {priority: 0, namespaces: [shop]}}
---
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: {name: second}
spec: {addresses: [10.0.2.0/24], serviceAllocation: {priority: 200}}
---
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: {name: first}
spec: {addresses: [10.0.1.0/24], serviceAllocation: {priority: 1}}
)",
            R"(
---
apiVersion: barevip.dev/v1alpha1
kind: Pool
metadata:
  name: third
spec:
  addresses:
    - 10.0.3.0/24
  allowFirstLast: true
  priority: 201
  namespaces:
    - shop
  allowSharing: Cluster
---
apiVersion: barevip.dev/v1alpha1
kind: Pool
metadata:
  name: second
spec:
  addresses:
    - 10.0.2.0/24
  allowFirstLast: true
  priority: 200
  allowSharing: Cluster
---
apiVersion: barevip.dev/v1alpha1
kind: Pool
metadata:
  name: first
spec:
  addresses:
    - 10.0.1.0/24
  allowFirstLast: true
  priority: 1
  allowSharing: Cluster
)",
            {"document 3, IPAddressPool second: spec.serviceAllocation.priority 200 is not below "
             "barevip's default of 100: Pools without a priority get 201"}},
        Golden{
            "PrioritiesBeyondOursAreClamped",
            kAnnounceAll + R"(
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: {name: lan}
spec: {addresses: [10.0.3.0/24], serviceAllocation: {priority: -5}}
)",
            R"(
---
apiVersion: barevip.dev/v1alpha1
kind: Pool
metadata:
  name: lan
spec:
  addresses:
    - 10.0.3.0/24
  allowFirstLast: true
  priority: 0
  allowSharing: Cluster
)",
            {"document 2, IPAddressPool lan: spec.serviceAllocation.priority -5 is out of range: "
             "written as 0"}}),
    kName);

// Two pools to announce.
const std::string kTwoPools = R"(
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: {name: a, labels: {zone: edge}}
spec: {addresses: [10.0.1.0/24]}
---
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: {name: b}
spec: {addresses: [10.0.2.0/24]}
---)";

const std::string kAddressesOfA = R"(
---
apiVersion: barevip.dev/v1alpha1
kind: Pool
metadata:
  name: a
spec:
  addresses:
    - 10.0.1.0/24
  allowFirstLast: true)";

const std::string kShared = R"(
  allowSharing: Cluster)";

const std::string kPlainA = kAddressesOfA + kShared;

const std::string kPlainB = R"(
---
apiVersion: barevip.dev/v1alpha1
kind: Pool
metadata:
  name: b
spec:
  addresses:
    - 10.0.2.0/24
  allowFirstLast: true
  allowSharing: Cluster)";

const std::string kModeNone = R"(
  announce:
    mode: None)";

const char* const kLeadIt =
    "announce.mode is None; lead its addresses to the nodes by routes, or remove spec.announce to "
    "have ARP and NDP answered";

INSTANTIATE_TEST_SUITE_P(
    Advertisements, MetalLb,
    testing::Values(
        Golden{"WithoutAnyPoolsAreAnnouncedByL2",
               kTwoPools,
               kPlainA + kPlainB + "\n",
               {"document 1, IPAddressPool a: no advertisement is in the input, so Pools are "
                "announced by ARP and NDP on all nodes: convert the L2Advertisements together with "
                "the pools if there are any"}},
        Golden{"APoolThatIsNamedIsAnnouncedAndAnotherIsNot",
               kTwoPools + R"(
apiVersion: metallb.io/v1beta1
kind: L2Advertisement
metadata: {name: l2}
spec: {ipAddressPools: [a]}
)",
               kPlainA + kPlainB + kModeNone + "\n",
               {std::string("document 2, IPAddressPool b: is selected by no advertisement, so "
                            "nobody announces it: ") +
                kLeadIt}},
        Golden{"PoolsAreSelectedByTheirLabels",
               kTwoPools + R"(
apiVersion: metallb.io/v1beta1
kind: L2Advertisement
metadata: {name: edge}
spec:
  ipAddressPoolSelectors:
  - matchLabels: {zone: edge}
  nodeSelectors:
  - matchLabels: {kubernetes.io/hostname: n1}
  - matchLabels: {kubernetes.io/hostname: n2}
---
apiVersion: metallb.io/v1beta1
kind: L2Advertisement
metadata: {name: b}
spec: {ipAddressPools: [b]}
)",
               kPlainA + R"(
  announce:
    nodeSelector:
      matchExpressions:
        - key: kubernetes.io/hostname
          operator: In
          values:
            - n1
            - n2)" +
                   kPlainB + "\n",
               {}},
        Golden{"InterfacesAreOurBindInterfaces",
               kTwoPools + R"(
apiVersion: metallb.io/v1beta1
kind: L2Advertisement
metadata: {name: l2}
spec: {interfaces: [eth1, eth2]}
)",
               kPlainA + R"(
  announce:
    interfaces:
      - eth1
      - eth2)" + kPlainB +
                   R"(
  announce:
    interfaces:
      - eth1
      - eth2
)",
               {"document 3, L2Advertisement l2: spec.interfaces: barevip announces on one "
                "interface of each node, --bind-iface of barevip-node: see that it is one of eth1, "
                "eth2"}},
        Golden{"OneThatRestrictsNothingWins",
               kTwoPools + R"(
apiVersion: metallb.io/v1beta1
kind: L2Advertisement
metadata: {name: some}
spec: {nodeSelectors: [{matchLabels: {rack: "1"}}]}
---
apiVersion: metallb.io/v1beta1
kind: L2Advertisement
metadata: {name: all}
)",
               kPlainA + kPlainB + "\n",
               {}},
        Golden{"OfTwoThatSelectOtherNodesBothCount",
               kTwoPools + R"(
apiVersion: metallb.io/v1beta1
kind: L2Advertisement
metadata: {name: b}
spec: {ipAddressPools: [b]}
---
apiVersion: metallb.io/v1beta1
kind: L2Advertisement
metadata: {name: one}
spec: {ipAddressPools: [a], nodeSelectors: [{matchLabels: {rack: "1"}}]}
---
apiVersion: metallb.io/v1beta1
kind: L2Advertisement
metadata: {name: two}
spec: {ipAddressPools: [a], nodeSelectors: [{matchLabels: {rack: "2"}}]}
)",
               kPlainA + R"(
  announce:
    nodeSelector:
      matchExpressions:
        - key: rack
          operator: In
          values:
            - "1"
            - "2")" +
                   kPlainB + "\n",
               {}},
        Golden{"OfTwoWithOtherInterfacesBothCount",
               kTwoPools + R"(
apiVersion: metallb.io/v1beta1
kind: L2Advertisement
metadata: {name: b}
spec: {ipAddressPools: [b]}
---
apiVersion: metallb.io/v1beta1
kind: L2Advertisement
metadata: {name: one}
spec: {ipAddressPools: [a], interfaces: [eth1]}
---
apiVersion: metallb.io/v1beta1
kind: L2Advertisement
metadata: {name: two}
spec: {ipAddressPools: [a], interfaces: [eth2, eth1]}
)",
               kPlainA + R"(
  announce:
    interfaces:
      - eth1
      - eth2)" + kPlainB +
                   "\n",
               {"document 4, L2Advertisement one: spec.interfaces: barevip announces on one "
                "interface of each node, --bind-iface of barevip-node: see that it is one of eth1",
                "document 5, L2Advertisement two: spec.interfaces: barevip announces on one "
                "interface of each node, --bind-iface of barevip-node: see that it is one of eth2, "
                "eth1"}},
        Golden{"OneForServicesOfAnotherPoolDoesNotCount",
               R"(
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: {name: a}
spec: {addresses: [10.0.1.0/24], serviceAllocation: {serviceSelectors: [{matchLabels: {app: web}}]}}
---
apiVersion: metallb.io/v1beta1
kind: L2Advertisement
metadata: {name: web}
spec: {serviceSelectors: [{matchLabels: {app: web}}], nodeSelectors: [{matchLabels: {rack: "1"}}]}
---
apiVersion: metallb.io/v1beta1
kind: L2Advertisement
metadata: {name: mail}
spec: {serviceSelectors: [{matchLabels: {app: mail}}], nodeSelectors: [{matchLabels: {room: "2"}}]}
)",
               kAddressesOfA + R"(
  serviceSelector:
    matchLabels:
      app: web)" + kShared +
                   R"(
  announce:
    nodeSelector:
      matchLabels:
        rack: "1"
)",
               {}},
        Golden{"OfTwoThatDifferAllButTheFirstAreLost",
               kTwoPools + R"(
apiVersion: metallb.io/v1beta1
kind: L2Advertisement
metadata: {name: b}
spec: {ipAddressPools: [b]}
---
apiVersion: metallb.io/v1beta1
kind: L2Advertisement
metadata: {name: one}
spec: {ipAddressPools: [a], nodeSelectors: [{matchLabels: {rack: "1"}}]}
---
apiVersion: metallb.io/v1beta1
kind: L2Advertisement
metadata: {name: two}
spec: {ipAddressPools: [a], nodeSelectors: [{matchLabels: {room: "2"}}]}
)",
               kPlainA + R"(
  announce:
    nodeSelector:
      matchLabels:
        rack: "1")" +
                   kPlainB + "\n",
               {},
               {"document 1, IPAddressPool a: is selected by advertisements that differ, and a "
                "Pool has one announce: only the first is taken; make a Pool for each, or one "
                "advertisement for all"}},
        Golden{"ByBgpAloneIsNotAnnounced",
               kTwoPools + R"(
apiVersion: metallb.io/v1beta1
kind: BGPAdvertisement
metadata: {name: bgp}
spec: {aggregationLength: 32}
---
apiVersion: metallb.io/v1beta1
kind: L2Advertisement
metadata: {name: l2}
spec: {ipAddressPools: [a]}
)",
               kPlainA + kPlainB + kModeNone + "\n",
               {"document 3, BGPAdvertisement bgp: has no equal: barevip does not speak BGP"},
               {"document 1, IPAddressPool a: is announced by BGP, too, which barevip does not "
                "speak: only ARP and NDP announce it here",
                std::string("document 2, IPAddressPool b: is announced by BGP only, which barevip "
                            "does not speak: ") +
                    kLeadIt}},
        Golden{
            "WhatHasNoEqualIsNoted",
            kTwoPools + R"(
apiVersion: metallb.io/v1beta1
kind: L2Advertisement
metadata: {name: l2}
spec:
  ipAddressPools: [a, b, c]
  serviceSelectors: [{matchLabels: {app: web}}]
  preferredNodeSelectors: [{weight: 1, preference: {matchLabels: {rack: "1"}}}]
  fromTheFuture: 7
)",
            kPlainA + kPlainB + "\n",
            {"document 3, L2Advertisement l2: spec.preferredNodeSelectors has no equal: left "
             "out; barevip spreads addresses evenly over the nodes that may announce",
             "document 3, L2Advertisement l2: spec.ipAddressPools names \"c\", which is not in "
             "the input: convert both together",
             "document 1, IPAddressPool a: is announced for some of its Services only by in.yaml, "
             "document 3, L2Advertisement l2: here for all; make a Pool with a serviceSelector "
             "for them",
             "document 2, IPAddressPool b: is announced for some of its Services only by in.yaml, "
             "document 3, L2Advertisement l2: here for all; make a Pool with a serviceSelector "
             "for them"},
            {"document 3, L2Advertisement l2: spec.fromTheFuture has no equal: left out"}}),
    kName);

INSTANTIATE_TEST_SUITE_P(
    Kinds, MetalLb,
    testing::Values(
        Golden{"OfBgpHaveNoEqual",
               R"(
apiVersion: metallb.io/v1beta2
kind: BGPPeer
metadata: {name: router}
spec: {myASN: 64500}
---
apiVersion: metallb.io/v1beta1
kind: BFDProfile
metadata: {name: fast}
---
apiVersion: metallb.io/v1beta1
kind: Community
metadata: {name: names}
)",
               "",
               {"document 1, BGPPeer router: has no equal: left out; barevip does not speak BGP",
                "document 2, BFDProfile fast: has no equal: left out; barevip does not speak BGP",
                "document 3, Community names: has no equal: left out; barevip does not speak BGP"}},
        Golden{
            "ThatOnlyReportAreSkippedAndOthersNoted",
            R"(
apiVersion: metallb.io/v1beta1
kind: ServiceL2Status
metadata: {name: l2-x, namespace: metallb-system}
---
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: controller, namespace: metallb-system}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: metallb-excludel2}
data: {excludel2.yaml: "announcedInterfacesToExclude: []"}
)",
            "",
            {"document 3, Deployment metallb-system/controller: is of no load balancer that is "
             "converted: left out",
             "document 4, ConfigMap metallb-excludel2: is not a configuration of a load balancer "
             "that is converted: left out"}},
        Golden{"AddressPoolsAreAnnouncedByTheirProtocol",
               R"(
apiVersion: metallb.io/v1beta1
kind: AddressPool
metadata: {name: a}
spec: {protocol: layer2, addresses: [10.0.1.0/24], autoAssign: false}
---
apiVersion: metallb.io/v1alpha1
kind: AddressPool
metadata: {name: b}
spec: {protocol: bgp, addresses: [10.0.2.0/24], bgpAdvertisements: [{localPref: 100}]}
)",
               kAddressesOfA + R"(
  autoAssign: false)" +
                   kShared + kPlainB + kModeNone + "\n",
               {"document 2, AddressPool b: spec.bgpAdvertisements has no equal: left out; barevip "
                "does not speak BGP"},
               {std::string("document 2, AddressPool b: is announced by BGP, which barevip does "
                            "not speak: ") +
                kLeadIt}},
        Golden{
            "TheConfigMapOfOldVersions",
            R"(
apiVersion: v1
kind: ConfigMap
metadata: {namespace: metallb-system, name: config}
data:
  config: |
    peers:
    - {peer-address: 10.0.0.1, peer-asn: 64501, my-asn: 64500}
    address-pools:
    - name: a
      protocol: layer2
      addresses:
      - 10.0.1.0/24
      auto-assign: false
      avoid-buggy-ips: true
    - name: b
      protocol: bgp
      addresses: [10.0.2.7/24]
)",
            kAddressesOfA + R"(
  avoidBuggyIPs: true
  autoAssign: false)" +
                kShared + kPlainB + kModeNone + "\n",
            {"document 1, ConfigMap metallb-system/config: peers has no equal: left out; barevip "
             "does not speak BGP",
             "document 1, ConfigMap metallb-system/config, pool \"b\": "
             "address-pools[1].addresses[0] \"10.0.2.7/24\" has bits set beyond its prefix: "
             "written as 10.0.2.0/24, the network that it means there"},
            {std::string("document 1, ConfigMap metallb-system/config, pool \"b\": is announced "
                         "by BGP, which barevip does not speak: ") +
             kLeadIt}},
        Golden{"TheValuesOfHelmOfOldVersions",
               R"(
controller: {logLevel: debug}
configInline:
  address-pools:
  - {name: a, protocol: layer2, addresses: [10.0.1.0/24]}
)",
               kPlainA + "\n",
               {}},
        Golden{"OfTheFutureAreALoss",
               R"(
apiVersion: metallb.io/v1
kind: AddressRule
metadata: {name: a}
)",
               "",
               {},
               {"document 1, AddressRule a: has no equal: left out"}},
        Golden{"AListOfKubectl",
               R"(
apiVersion: v1
kind: List
items:
- apiVersion: metallb.io/v1beta1
  kind: L2Advertisement
  metadata: {name: all}
- apiVersion: metallb.io/v1beta1
  kind: IPAddressPool
  metadata: {name: a, namespace: metallb-system, uid: u, annotations: {x: y}}
  spec: {addresses: [10.0.1.0/24], surprise: 1}
  status: {assignedIPv4: 3}
)",
               kPlainA + "\n",
               {},
               {"document 1, item 2, IPAddressPool metallb-system/a: spec.surprise has no equal: "
                "left out"}},
        Golden{"AListOfTheApi",
               R"({"apiVersion": "metallb.io/v1beta1", "kind": "IPAddressPoolList",
  "items": [{"metadata": {"name": "a"}, "spec": {"addresses": ["10.0.1.0/24"]}}]}
---)" + kAnnounceAll,
               kPlainA + "\n",
               {}},
        Golden{"Nothing", "\n# only a comment\n", "", {}}),
    kName);

}  // namespace
}  // namespace barevip::cli
