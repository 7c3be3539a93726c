// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "unit/cli/convert/golden.h"

namespace barevip::cli {
namespace {

using test::Golden;

class OriginalPool : public testing::TestWithParam<Golden> {};

TEST_P(OriginalPool, BecomesAPool) { test::expectGolden(GetParam()); }

std::string theirs(const std::string& spec) {
  return "\napiVersion: inwinstack.com/v1\nkind: Pool\nmetadata: {name: internet}\nspec: " + spec +
         "\n";
}

std::string ours(const std::string& spec) {
  return "\n---\napiVersion: barevip.dev/v1alpha1\nkind: Pool\nmetadata:\n  name: internet\nspec:" +
         spec;
}

INSTANTIATE_TEST_SUITE_P(
    Table, OriginalPool,
    testing::Values(
        Golden{"WithItsFlags",
               theirs("{addresses: [172.22.132.0/30], avoidBuggyIPs: true, avoidGatewayIPs: true}"),
               ours(R"(
  addresses:
    - 172.22.132.0/30
  allowFirstLast: true
  avoidBuggyIPs: true
  avoidGatewayIPs: true
)"),
               {}},
        Golden{"WithFilters",
               theirs("{addresses: [172.22.132.0-172.22.132.5, 172.22.132.250-172.22.132.255], "
                      "filterIPs: [172.22.132.4, 172.22.132.5, 172.22.132.4]}"),
               ours(R"(
  addresses:
    - 172.22.132.0-172.22.132.5
    - 172.22.132.250-172.22.132.255
  exclude:
    - 172.22.132.4
    - 172.22.132.5
)"),
               {}},
        Golden{"WithIgnoredNamespaces",
               theirs("{addresses: [172.22.132.0/30], ignoreNamespaces: [kube-system, default, "
                      "default], assignToNamespace: false}"),
               ours(R"(
  addresses:
    - 172.22.132.0/30
  allowFirstLast: true
  ignoreNamespaces:
    - kube-system
    - default
)"),
               {}},
        Golden{"ForNamespacesItIsALoss",
               theirs("{addresses: [172.22.132.0/30], assignToNamespace: true, "
                      "ignoreNamespaceAnnotation: true}"),
               ours(R"(
  addresses:
    - 172.22.132.0/30
  allowFirstLast: true
)"),
               {"document 1, Pool internet: spec.ignoreNamespaceAnnotation has no equal: left out; "
                "no annotation of a namespace asks for addresses here"},
               {"document 1, Pool internet: spec.assignToNamespace has no equal: left out; "
                "namespaces get no addresses here, Services of type LoadBalancer do, and IPs "
                "reserve some"}},
        Golden{"HostBitsMeantTheNetwork",
               theirs("{addresses: [172.22.132.5/30]}"),
               ours(R"(
  addresses:
    - 172.22.132.4/30
  allowFirstLast: true
)"),
               {"document 1, Pool internet: spec.addresses[0] \"172.22.132.5/30\" has bits set "
                "beyond its prefix: written as 172.22.132.4/30, the network that it means there"}},
        Golden{"ABareAddressWasRefused",
               theirs("{addresses: [172.22.132.5]}"),
               ours(R"(
  addresses:
    - 172.22.132.5
)"),
               {"document 1, Pool internet: spec.addresses[0] \"172.22.132.5\" is refused there "
                "without a prefix length: taken as this one address"}},
        Golden{"WrongRangesMeantNoAddress",
               theirs("{addresses: [172.22.132.5-172.22.132.1, 172.22.132.7-2001:db8::1, "
                      "172.22.132.9/32]}"),
               ours(R"(
  addresses:
    - 172.22.132.9/32
)"),
               {"document 1, Pool internet: spec.addresses[0] \"172.22.132.5-172.22.132.1\" gives "
                "no address there, since the range \"172.22.132.5-172.22.132.1\" ends before it "
                "begins: write 172.22.132.1-172.22.132.5: left out",
                "document 1, Pool internet: spec.addresses[1] \"172.22.132.7-2001:db8::1\" gives "
                "no address there, since the range \"172.22.132.7-2001:db8::1\" mixes IPv4 and "
                "IPv6: write one range for each family: left out"}},
        Golden{"EntriesThatOverlapCountedTwice",
               theirs("{addresses: [172.22.132.0/30, 172.22.132.2/32]}"),
               ours(R"(
  addresses:
    - 172.22.132.0/30
  allowFirstLast: true
)"),
               {"document 1, Pool internet: spec.addresses[1] \"172.22.132.2/32\" has addresses "
                "that an entry before it has, too: the two are joined"}},
        Golden{"AFilterThatIsNoAddressFilteredNothing",
               theirs("{addresses: [172.22.132.0/30], filterIPs: [172.22.132.0/31]}"),
               ours(R"(
  addresses:
    - 172.22.132.0/30
  allowFirstLast: true
)"),
               {"document 1, Pool internet: spec.filterIPs[0] \"172.22.132.0/31\" is not a single "
                "address and filters nothing there: left out; if it is meant, put it into "
                "spec.exclude of the Pool"}},
        Golden{"FlagsConcernIpv4Only",
               theirs("{addresses: ['2001:db8::/126'], avoidBuggyIPs: true}"),
               ours(R"(
  addresses:
    - "2001:db8::/126"
  allowFirstLast: true
  avoidBuggyIPs: true
)"),
               {}},
        Golden{"AddressesThatAreNotGivenAreALoss",
               theirs("{addresses: [126.0.0.0-127.0.0.1]}"),
               ours(R"(
  addresses:
    - 126.0.0.0-127.0.0.1
)"),
               {},
               {"document 1, Pool internet: spec.addresses[0] \"126.0.0.0-127.0.0.1\" has "
                "unspecified, loopback, link-local, multicast or broadcast addresses, for example "
                "127.0.0.0: barevip never allocates them"}},
        Golden{"AddressesThatAreNotGivenAreFoundInTheMiddle",
               theirs("{addresses: [126.0.0.0-128.0.0.1]}"),
               ours(R"(
  addresses:
    - 126.0.0.0-128.0.0.1
)"),
               {},
               {"document 1, Pool internet: spec.addresses[0] \"126.0.0.0-128.0.0.1\" has "
                "unspecified, loopback, link-local, multicast or broadcast addresses, for example "
                "127.0.0.0: barevip never allocates them"}},
        Golden{"FilteredAddressesDoNotOverlap",
               R"(
apiVersion: inwinstack.com/v1
kind: Pool
metadata: {name: a}
spec: {addresses: [10.0.0.0/30], filterIPs: [10.0.0.2]}
---
apiVersion: inwinstack.com/v1
kind: Pool
metadata: {name: b}
spec: {addresses: [10.0.0.2-10.0.0.3], filterIPs: [10.0.0.3]}
)",
               R"(
---
apiVersion: barevip.dev/v1alpha1
kind: Pool
metadata:
  name: a
spec:
  addresses:
    - 10.0.0.0/30
  allowFirstLast: true
  exclude:
    - 10.0.0.2
---
apiVersion: barevip.dev/v1alpha1
kind: Pool
metadata:
  name: b
spec:
  addresses:
    - 10.0.0.2-10.0.0.3
  exclude:
    - 10.0.0.3
)",
               {}},
        Golden{
            "IpObjectsAreNotConverted",
            R"(
apiVersion: inwinstack.com/v1
kind: IP
metadata: {name: web, namespace: shop}
---
apiVersion: inwinstack.com/v1
kind: NAT
metadata: {name: web, namespace: shop}
)",
            "",
            {},
            {"document 1, IP shop/web: is not converted: if the address must stay, reserve it by "
             "an IP of barevip",
             "document 2, NAT shop/web: has no equal: left out"}}),
    [](const auto& each) { return std::string(each.param.name); });

}  // namespace
}  // namespace barevip::cli
