// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/cli/convert/golden.h"

namespace barevip::cli {
namespace {

using test::Golden;

class Cilium : public testing::TestWithParam<Golden> {};

TEST_P(Cilium, BecomesPools) { test::expectGolden(GetParam()); }

INSTANTIATE_TEST_SUITE_P(
    Table, Cilium,
    testing::Values(
        Golden{"APoolForEachTenantAndItsPolicies",
               R"(
apiVersion: cilium.io/v2
kind: CiliumLoadBalancerIPPool
metadata: {name: blue}
spec:
  blocks:
  - cidr: 10.0.10.0/24
  - start: 10.0.20.100
    stop: 10.0.20.200
  - start: 10.0.30.4
  - cidr: 2001:db8:4::/64
  allowFirstLastIPs: "No"
  serviceSelector:
    matchLabels: {color: blue, io.kubernetes.service.namespace: tenant-a}
---
apiVersion: cilium.io/v2alpha1
kind: CiliumLoadBalancerIPPool
metadata: {name: red}
spec:
  cidrs: [{cidr: 10.0.40.0/28}]
  disabled: true
  serviceSelector:
    matchExpressions:
    - {key: color, operator: In, values: [red]}
    - {key: io.kubernetes.service.namespace, operator: NotIn, values: [kube-system]}
---
apiVersion: cilium.io/v2alpha1
kind: CiliumL2AnnouncementPolicy
metadata: {name: blue}
spec:
  serviceSelector: {matchLabels: {color: blue}}
  nodeSelector: {matchExpressions: [{key: node-role.kubernetes.io/control-plane, operator: DoesNotExist}]}
  interfaces: [^eth0$]
  loadBalancerIPs: true
---
apiVersion: cilium.io/v2alpha1
kind: CiliumL2AnnouncementPolicy
metadata: {name: red}
spec:
  serviceSelector: {matchLabels: {color: red}}
  interfaces: ["^eth[0-9]+"]
  externalIPs: true
  loadBalancerIPs: true
)",
               R"(
---
apiVersion: barevip.dev/v1alpha1
kind: Pool
metadata:
  name: blue
spec:
  addresses:
    - 10.0.10.0/24
    - 10.0.20.100-10.0.20.200
    - 10.0.30.4
    - "2001:db8:4::/64"
  namespaces:
    - tenant-a
  serviceSelector:
    matchLabels:
      color: blue
  announce:
    interfaces:
      - eth0
    nodeSelector:
      matchExpressions:
        - key: node-role.kubernetes.io/control-plane
          operator: DoesNotExist
---
apiVersion: barevip.dev/v1alpha1
kind: Pool
metadata:
  name: red
spec:
  addresses:
    - 10.0.40.0/28
  allowFirstLast: true
  autoAssign: false
  serviceSelector:
    matchExpressions:
      - key: color
        operator: In
        values:
          - red
  ignoreNamespaces:
    - kube-system
)",
               {"document 2, CiliumLoadBalancerIPPool red: spec.allowFirstLastIPs is not there, "
                "which means Yes since Cilium 1.16: set spec.allowFirstLast of the Pool to false "
                "if yours is older",
                "document 2, CiliumLoadBalancerIPPool red: spec.disabled is true: the Pool has "
                "autoAssign: false and still serves Services that ask for it",
                "document 4, CiliumL2AnnouncementPolicy red: spec.externalIPs has no equal: "
                "barevip announces addresses of Pools only, so keep a policy with externalIPs "
                "alone if Services have some",
                "document 4, CiliumL2AnnouncementPolicy red: spec.interfaces[0] \"^eth[0-9]+\" "
                "matches more than one name: nodes announce here whatever their bind interface "
                "(--bind-iface of barevip-node) is called",
                "document 3, CiliumL2AnnouncementPolicy blue: spec.interfaces: barevip announces "
                "on one interface of each node, --bind-iface of barevip-node: see that it is one "
                "of eth0"},
               {}},
        Golden{"WithoutPoliciesPoolsAreAnnouncedByL2",
               R"(
apiVersion: cilium.io/v2alpha1
kind: CiliumLoadBalancerIPPool
metadata: {name: lan}
spec: {blocks: [{cidr: 10.0.0.0/32}]}
)",
               R"(
---
apiVersion: barevip.dev/v1alpha1
kind: Pool
metadata:
  name: lan
spec:
  addresses:
    - 10.0.0.0/32
)",
               {"document 1, CiliumLoadBalancerIPPool lan: no advertisement is in the input, so "
                "Pools are announced by ARP and NDP on all nodes: convert the "
                "CiliumL2AnnouncementPolicies together with the pools if there are any"},
               {}},
        Golden{"APolicyForExternalIPsAnnouncesNoPool",
               R"(
apiVersion: cilium.io/v2alpha1
kind: CiliumLoadBalancerIPPool
metadata: {name: lan}
spec: {blocks: [{cidr: 10.0.0.0/32}]}
---
apiVersion: cilium.io/v2alpha1
kind: CiliumL2AnnouncementPolicy
metadata: {name: ext}
spec: {externalIPs: true}
)",
               R"(
---
apiVersion: barevip.dev/v1alpha1
kind: Pool
metadata:
  name: lan
spec:
  addresses:
    - 10.0.0.0/32
)",
               {"document 2, CiliumL2AnnouncementPolicy ext: spec.externalIPs has no equal: "
                "barevip announces addresses of Pools only, so keep a policy with externalIPs "
                "alone if Services have some",
                "document 2, CiliumL2AnnouncementPolicy ext: spec.loadBalancerIPs is not true, so "
                "it announces no Pool: left out",
                "document 1, CiliumLoadBalancerIPPool lan: no advertisement is in the input, so "
                "Pools are announced by ARP and NDP on all nodes: convert the "
                "CiliumL2AnnouncementPolicies together with the pools if there are any"},
               {}},
        Golden{
            "NamesOfServicesHaveNoEqual",
            R"(
apiVersion: cilium.io/v2alpha1
kind: CiliumL2AnnouncementPolicy
metadata: {name: all}
spec: {loadBalancerIPs: true}
---
apiVersion: cilium.io/v2alpha1
kind: CiliumLoadBalancerIPPool
metadata: {name: lan}
spec: {blocks: [{cidr: 10.0.0.0/32}], serviceSelector: {matchLabels: {io.kubernetes.service.name: web}}}
)",
            R"(
---
apiVersion: barevip.dev/v1alpha1
kind: Pool
metadata:
  name: lan
spec:
  addresses:
    - 10.0.0.0/32
  autoAssign: false
)",
            {},
            {"document 2, CiliumLoadBalancerIPPool lan: spec.serviceSelector asks for "
             "io.kubernetes.service.name, which has no equal: left out, and the Pool serves only "
             "those who ask for it; give these Services a label in common and select by that"}},
        Golden{"OfTwoListsOfNamespacesThoseInBothCount",
               R"(
apiVersion: cilium.io/v2alpha1
kind: CiliumL2AnnouncementPolicy
metadata: {name: all}
spec: {loadBalancerIPs: true}
---
apiVersion: cilium.io/v2alpha1
kind: CiliumLoadBalancerIPPool
metadata: {name: lan}
spec: {blocks: [{cidr: 10.0.0.0/32}], serviceSelector: {matchExpressions: [{key: io.kubernetes.service.namespace, operator: In, values: [a, b]}, {key: io.kubernetes.service.namespace, operator: In, values: [b, c]}, {key: io.kubernetes.service.namespace, operator: Exists}]}}
)",
               R"(
---
apiVersion: barevip.dev/v1alpha1
kind: Pool
metadata:
  name: lan
spec:
  addresses:
    - 10.0.0.0/32
  namespaces:
    - b
)",
               {},
               {}},
        Golden{
            "PoliciesThatDifferInNodesAndInterfacesAreALoss",
            R"(
apiVersion: cilium.io/v2alpha1
kind: CiliumLoadBalancerIPPool
metadata: {name: lan}
spec: {blocks: [{cidr: 10.0.0.0/32}]}
---
apiVersion: cilium.io/v2alpha1
kind: CiliumL2AnnouncementPolicy
metadata: {name: a}
spec: {loadBalancerIPs: true, interfaces: [^eth0$], nodeSelector: {matchLabels: {rack: a}}}
---
apiVersion: cilium.io/v2alpha1
kind: CiliumL2AnnouncementPolicy
metadata: {name: b}
spec: {loadBalancerIPs: true, interfaces: [^eth1$], nodeSelector: {matchLabels: {rack: b}}}
)",
            R"(
---
apiVersion: barevip.dev/v1alpha1
kind: Pool
metadata:
  name: lan
spec:
  addresses:
    - 10.0.0.0/32
  announce:
    interfaces:
      - eth0
    nodeSelector:
      matchLabels:
        rack: a
)",
            {"document 2, CiliumL2AnnouncementPolicy a: spec.interfaces: barevip announces on one "
             "interface of each node, --bind-iface of barevip-node: see that it is one of eth0",
             "document 3, CiliumL2AnnouncementPolicy b: spec.interfaces: barevip announces on one "
             "interface of each node, --bind-iface of barevip-node: see that it is one of eth1"},
            {"document 1, CiliumLoadBalancerIPPool lan: is selected by advertisements that differ, "
             "and a Pool has one announce: only the first is taken; make a Pool for each, or one "
             "advertisement for all"}},
        Golden{"BgpIsALoss",
               R"(
apiVersion: cilium.io/v2alpha1
kind: CiliumLoadBalancerIPPool
metadata: {name: lan}
spec: {blocks: [{cidr: 10.0.0.0/32}]}
---
apiVersion: cilium.io/v2
kind: CiliumBGPAdvertisement
metadata: {name: bgp}
spec: {advertisements: [{advertisementType: PodCIDR}, {advertisementType: Service, service: {addresses: [LoadBalancerIP]}, selector: {matchExpressions: [{key: x, operator: NotIn, values: [never]}]}}]}
)",
               R"(
---
apiVersion: barevip.dev/v1alpha1
kind: Pool
metadata:
  name: lan
spec:
  addresses:
    - 10.0.0.0/32
  announce:
    mode: None
)",
               {"document 2, CiliumBGPAdvertisement bgp: has no equal: barevip does not speak BGP"},
               {"document 1, CiliumLoadBalancerIPPool lan: is announced by BGP only, which barevip "
                "does not speak: announce.mode is None; lead its addresses to the nodes by routes, "
                "or remove spec.announce to have ARP and NDP answered"}},
        Golden{"BgpOfOldVersionsIsALoss",
               R"(
apiVersion: cilium.io/v2alpha1
kind: CiliumLoadBalancerIPPool
metadata: {name: lan}
spec: {blocks: [{cidr: 10.0.0.0/32}]}
---
apiVersion: cilium.io/v2alpha1
kind: CiliumBGPPeeringPolicy
metadata: {name: bgp}
spec: {virtualRouters: [{localASN: 1, serviceSelector: {matchLabels: {a: b}}}, {localASN: 2}]}
---
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: x}
)",
               R"(
---
apiVersion: barevip.dev/v1alpha1
kind: Pool
metadata:
  name: lan
spec:
  addresses:
    - 10.0.0.0/32
  announce:
    mode: None
)",
               {"document 3, CiliumNetworkPolicy x: has nothing to do with Pools: left out",
                "document 2, CiliumBGPPeeringPolicy bgp: has no equal: barevip does not speak BGP"},
               {"document 1, CiliumLoadBalancerIPPool lan: is announced by BGP only, which barevip "
                "does not speak: announce.mode is None; lead its addresses to the nodes by routes, "
                "or remove spec.announce to have ARP and NDP answered"}},
        Golden{"FieldsOfTheFutureAreALoss",
               R"(
apiVersion: cilium.io/v2alpha1
kind: CiliumL2AnnouncementPolicy
metadata: {name: all}
spec: {loadBalancerIPs: true}
---
apiVersion: cilium.io/v2alpha1
kind: CiliumLoadBalancerIPPool
metadata: {name: lan}
spec: {blocks: [{cidr: 10.0.0.0/32}], spread: true}
)",
               R"(
---
apiVersion: barevip.dev/v1alpha1
kind: Pool
metadata:
  name: lan
spec:
  addresses:
    - 10.0.0.0/32
)",
               {},
               {"document 2, CiliumLoadBalancerIPPool lan: spec.spread has no equal: left out"}}),
    [](const auto& each) { return std::string(each.param.name); });

TEST(CiliumFaults, AreToldInOneSentence) {
  const std::pair<std::string, const char*> cases[] = {
      {R"(
apiVersion: cilium.io/v2alpha1
kind: CiliumLoadBalancerIPPool
metadata: {name: lan}
spec: {blocks: [{stop: 10.0.0.9}]}
)",
       "spec.blocks[0] is not a block: write cidr, or start and stop"},
      {R"(
apiVersion: cilium.io/v2alpha1
kind: CiliumLoadBalancerIPPool
metadata: {name: lan}
spec: {blocks: [{start: 10.0.0.9, stop: 10.0.0.1}]}
)",
       "spec.blocks[0]: the range \"10.0.0.9-10.0.0.1\" ends before it begins"},
      {R"(
apiVersion: cilium.io/v2alpha1
kind: CiliumLoadBalancerIPPool
metadata: {name: lan}
spec: {blocks: [{cidr: 10.0.0.0/32}], serviceSelector: {matchExpressions: [{key: io.kubernetes.service.namespace, operator: DoesNotExist}]}}
)",
       "spec.serviceSelector matches no Service"},
      {R"(
apiVersion: cilium.io/v2alpha1
kind: CiliumLoadBalancerIPPool
metadata: {name: lan}
spec: {blocks: [{cidr: 10.0.0.0/32}], serviceSelector: {matchLabels: {io.kubernetes.service.namespace: a}, matchExpressions: [{key: io.kubernetes.service.namespace, operator: In, values: [b]}]}}
)",
       "spec.serviceSelector matches no Service"},
  };
  for (const auto& [input, says] : cases) {
    EXPECT_THAT(test::reportOn(input).faults, testing::ElementsAre(testing::HasSubstr(says)));
  }
}

}  // namespace
}  // namespace barevip::cli
