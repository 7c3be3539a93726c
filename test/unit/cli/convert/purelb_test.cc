// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/cli/convert/golden.h"

namespace barevip::cli {
namespace {

using test::Golden;

class PureLb : public testing::TestWithParam<Golden> {};

TEST_P(PureLb, BecomesPools) { test::expectGolden(GetParam()); }

INSTANTIATE_TEST_SUITE_P(
    Table, PureLb,
    testing::Values(
        Golden{"AGroupOfEachKind",
               R"(
apiVersion: purelb.io/v1
kind: ServiceGroup
metadata: {name: default, namespace: purelb}
spec:
  local:
    v4pool: {subnet: 192.168.254.0/24, pool: 192.168.254.230-192.168.254.240, aggregation: default}
    v6pool: {subnet: "fd53:9ef0:8683::/120", pool: "fd53:9ef0:8683::-fd53:9ef0:8683::3", aggregation: default}
---
apiVersion: purelb.io/v1
kind: ServiceGroup
metadata: {name: old, namespace: purelb}
spec:
  local: {subnet: 10.0.0.0/24, pool: 10.0.0.0/28, aggregation: /24}
---
apiVersion: purelb.io/v1
kind: ServiceGroup
metadata: {name: netbox, namespace: purelb}
spec:
  netbox: {url: "https://netbox", tenant: a, aggregation: default}
---
apiVersion: purelb.io/v2
kind: ServiceGroup
metadata: {name: tenant, namespace: purelb}
spec:
  remote: {v4pools: [{subnet: 10.9.0.0/24, pool: 10.9.0.0/28, aggregation: /32}], multiPool: true}
  namespaces: [shop]
  enforceNamespaces: true
  namespaceDefault: true
---
apiVersion: purelb.io/v1
kind: LBNodeAgent
metadata: {name: default, namespace: purelb}
spec: {local: {localint: default}}
)",
               R"(
---
apiVersion: barevip.dev/v1alpha1
kind: Pool
metadata:
  name: default
spec:
  addresses:
    - 192.168.254.230-192.168.254.240
    - "fd53:9ef0:8683::-fd53:9ef0:8683::3"
  allowSharing: Cluster
---
apiVersion: barevip.dev/v1alpha1
kind: Pool
metadata:
  name: old
spec:
  addresses:
    - 10.0.0.0/28
  allowFirstLast: true
  autoAssign: false
  allowSharing: Cluster
---
apiVersion: barevip.dev/v1alpha1
kind: Pool
metadata:
  name: tenant
spec:
  addresses:
    - 10.9.0.0/28
  allowFirstLast: true
  priority: 1
  namespaces:
    - shop
  allowSharing: Cluster
  announce:
    mode: None
)",
               {"document 2, ServiceGroup purelb/old: spec.local.aggregation has no equal: left "
                "out; barevip announces single addresses",
                "document 4, ServiceGroup purelb/tenant: spec.enforceNamespaces keeps the Pool for "
                "its namespaces, but these may have addresses of other Pools, too: list them in "
                "spec.ignoreNamespaces of those",
                "document 5, LBNodeAgent purelb/default: has no equal: left out; choose the "
                "interface of each node by --bind-iface of barevip-node",
                "document 3, ServiceGroup purelb/netbox: has no address to give: left out"},
               {"document 3, ServiceGroup purelb/netbox: spec.netbox has no equal: left out; its "
                "addresses come from elsewhere, so give the Pool some of its own",
                "document 4, ServiceGroup purelb/tenant: spec.remote.multiPool has no equal: left "
                "out; a Service has one address of each family here",
                "document 4, ServiceGroup purelb/tenant: is announced by BGP, which barevip does "
                "not speak: announce.mode is None; lead its addresses to the nodes by routes, or "
                "remove spec.announce to have ARP and NDP answered"}},
        Golden{"SeveralRangesBecomeOnePool",
               R"(
apiVersion: purelb.io/v2
kind: ServiceGroup
metadata: {name: lan, namespace: purelb}
spec: {local: {v4pools: [{pool: 10.0.0.0/28, subnet: 10.0.0.0/24}, {pool: 10.0.1.1-10.0.1.9, subnet: 10.0.1.0/24}], v6pools: [{pool: '2001:db8::/120', subnet: '2001:db8::/64'}], balancePools: true, skipIPv6DAD: true}}
)",
               R"(
---
apiVersion: barevip.dev/v1alpha1
kind: Pool
metadata:
  name: lan
spec:
  addresses:
    - 10.0.0.0/28
    - 10.0.1.1-10.0.1.9
    - "2001:db8::/120"
  allowFirstLast: true
  autoAssign: false
  allowSharing: Cluster
)",
               {"document 1, ServiceGroup purelb/lan: spec.local.balancePools has no equal: left "
                "out; barevip gives the lowest free address",
                "document 1, ServiceGroup purelb/lan: spec.local.skipIPv6DAD has no equal: left "
                "out; barevip asks whether another machine has an address"},
               {}},
        Golden{"NamespacesThatAreNoBoundaryAreALoss",
               R"(
apiVersion: purelb.io/v2
kind: ServiceGroup
metadata: {name: lan, namespace: purelb}
spec: {local: {v4pool: {pool: 10.0.0.0/32, subnet: 10.0.0.0/24}}, namespaces: [shop]}
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
    - shop
  allowSharing: Cluster
)",
               {},
               {"document 1, ServiceGroup purelb/lan: spec.namespaces is only a default there, as "
                "spec.enforceNamespaces is not true: here no other namespace gets an address that "
                "asks for it; set enforceNamespaces if that is meant"}},
        Golden{"ExternalAddressesAreALoss",
               R"(
apiVersion: purelb.io/v2
kind: ServiceGroup
metadata: {name: lan, namespace: purelb}
spec: {external: {provider: infoblox, announce: local}}
)",
               "",
               {"document 1, ServiceGroup purelb/lan: has no address to give: left out"},
               {"document 1, ServiceGroup purelb/lan: spec.external has no equal: left out; its "
                "addresses come from elsewhere, so give the Pool some of its own"}},
        Golden{"KindsOfTheFutureAreALoss",
               R"(
apiVersion: purelb.io/v3
kind: Rule
metadata: {name: x}
)",
               "",
               {},
               {"document 1, Rule x: has no equal: left out"}}),
    [](const auto& each) { return std::string(each.param.name); });

TEST(PureLbFaults, AreToldInOneSentence) {
  const std::pair<std::string, const char*> cases[] = {
      {R"(
apiVersion: purelb.io/v2
kind: ServiceGroup
metadata: {name: lan, namespace: purelb}
spec: {local: {v4pool: {pool: 10.0.0.9-10.0.0.1, subnet: 10.0.0.0/24}}}
)",
       "spec.local.v4pool.pool: the range"},
  };
  for (const auto& [input, says] : cases) {
    EXPECT_THAT(test::reportOn(input).faults, testing::ElementsAre(testing::HasSubstr(says)));
  }
}

}  // namespace
}  // namespace barevip::cli
