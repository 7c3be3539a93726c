// SPDX-License-Identifier: Apache-2.0
// Whatever single change the kernel refuses: what a node begins to announce it serves. What it
// announced before serves on as it did; other nodes take it over.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <cerrno>

#include "unit/ipvsnode/one_node.h"

namespace barevip::node::test {
namespace {

using namespace std::chrono_literals;

/// Services of a cluster, each on VIPs of its own, with policies, ports and ranges of any kind.
struct AnyCluster {
  std::vector<model::Service> services;
  std::vector<model::EndpointSlice> slices;
  std::vector<model::IpObject> ipObjects;

  static AnyCluster any(const std::string& holder) {
    AnyCluster cluster;
    const int count = *rc::gen::inRange(0, 4);
    for (int i = 0; i < count; ++i) {
      const std::string name = "s" + std::to_string(i);
      const std::string vip4 = "192.0.2." + std::to_string(10 + i);
      const std::string vip6 = "2001:db8::" + std::to_string(10 + i);
      model::Service one = service(name, {vip4, vip6});
      if (*rc::gen::arbitrary<bool>()) one.externalTrafficPolicy = model::TrafficPolicy::kLocal;
      one.forward =
          *rc::gen::element(model::ForwardMode::kMasquerade, model::ForwardMode::kClusterIp,
                            model::ForwardMode::kKubeProxy, model::ForwardMode::kUnknown);
      one.clusterIps = {ip("10.96.0.1"), ip("fd00:96::1")};
      if (one.forward == model::ForwardMode::kKubeProxy) {
        for (auto& entry : one.ingress) entry.ipMode = "VIP";
      }
      if (*rc::gen::arbitrary<bool>()) one.sourceRanges = {"198.51.100.0/24", "2001:db8:1::/48"};
      if (*rc::gen::arbitrary<bool>()) one.ports.push_back({"http", model::Protocol::kUdp, 81, 0});
      cluster.services.push_back(one);
      if (*rc::gen::inRange(0, 4) > 0) {
        cluster.slices.push_back(slice(name, {{"10.1.0.1", "n1"}, {"10.1.0.2", "n2"}}));
        cluster.slices.push_back(slice(name, {{"fd00::1", "n1"}}, Family::kIpv6));
      }
      cluster.ipObjects.push_back(ipObject(name, vip4, holder));
      cluster.ipObjects.push_back(ipObject(name, vip6, holder));
    }
    return cluster;
  }

  void put(Stores& stores) const {
    stores.services.replaceAll(services);
    stores.slices.replaceAll(slices);
    stores.ipObjects.replaceAll(ipObjects);
  }
};

/// A change of one of the writers, by its text.
struct Refusal {
  std::string writer;
  std::string change;
};

/// A node on which a daemon first programs one cluster, announcing nothing, then another, all of
/// whose VIPs are its own, while one change is refused.
class Scene {
 public:
  Scene(Placement placement, const AnyCluster& before, const AnyCluster& after)
      : placement_(placement), after_(after), daemon_(world_, placement) {
    world_.sync();
    before.put(world_.stores);
    daemon_.renew("n2");
    daemon_.reconcileOnce();
    announcedBefore_ = announced();
    (void)changes();
  }

  void run(const std::optional<Refusal>& refusal) {
    if (refusal) refuse(*refusal);
    after_.put(world_.stores);
    daemon_.reconciler->wake();
    for (int i = 0; i < 4; ++i) {
      daemon_.reconcileOnce();
      world_.clock.advance(2s);
    }
  }

  /// What was asked of the kernel since, for a run without a refusal.
  std::vector<Refusal> changes() {
    std::vector<Refusal> result;
    for (const auto& op : world_.ipvs.takeWrites()) result.push_back({"ipvs", ipvs::toString(op)});
    for (const auto& op : world_.node.takeWrites()) result.push_back({"node", textOf(op)});
    for (const auto& op : world_.director.takeWrites()) result.push_back({"director", textOf(op)});
    if (world_.filter.takeWrites() > 0) result.push_back({"filter", ""});
    return result;
  }

  /// What leads into the balancer namespace or into IPVS although kube-proxy forwards it.
  std::set<IpAddress> ledAstray() {
    std::set<IpAddress> result;
    const auto desired = computeDesired(world_.stores.snapshot(), options(placement_), {});
    for (const ServedVip& vip : desired.vips) {
      if (!vip.byKubeProxy) continue;
      const auto leads = [&](const net::NetObject& item) {
        const auto* route = std::get_if<net::Route>(&item);
        const auto* address = std::get_if<net::BoundAddress>(&item);
        return (route != nullptr && route->destination == IpPrefix::host(vip.address)) ||
               (address != nullptr && address->address == vip.address && address->device != "eth0");
      };
      for (const auto* links : {&world_.node, &world_.director}) {
        const auto items = links->owned();
        if (std::any_of(items.begin(), items.end(), leads)) result.insert(vip.address);
      }
      for (const auto& server : world_.ipvs.table()) {
        if (server.key.vip == vip.address) result.insert(vip.address);
      }
    }
    return result;
  }

  /// What it announces and did not announce before.
  std::set<IpAddress> begun() {
    std::set<IpAddress> result = announced();
    for (const IpAddress& vip : announcedBefore_) result.erase(vip);
    return result;
  }

  std::set<IpAddress> announced() {
    std::set<IpAddress> result;
    for (const net::NetObject& item : world_.node.owned()) {
      if (const auto vip = announcedVip(item, options(placement_))) result.insert(*vip);
    }
    return result;
  }

  std::set<IpAddress> served() {
    const ClusterState cluster = world_.stores.snapshot();
    const DesiredState desired = computeDesired(cluster, options(placement_), {});
    std::set<IpAddress> result;
    auto filter = world_.filter.state();
    if (!filter) return result;
    // Those of virtual servers that could not be deleted stay with them.
    std::erase_if(filter->sourceRanges, [&](const net::SourceRanges& each) {
      const auto& all = desired.filter.virtualServers;
      return !std::binary_search(all.begin(), all.end(), each.virtualServer);
    });
    // Clients of a virtual server that leads to what should be gone are masqueraded, and as long as
    // it does, it is open to those alone who may reach both.
    auto wanted = desired.filter;
    for (net::FilterState* state : {&*filter, &wanted}) {
      std::erase_if(state->keepClient,
                    [&](const auto& key) { return leadsElsewhere(key, desired.virtualServers); });
      std::erase_if(state->sourceRanges, [&](const net::SourceRanges& each) {
        return leadsElsewhere(each.virtualServer, desired.virtualServers);
      });
    }
    if (filter != wanted) return result;
    for (const ServedVip& vip : desired.vips) {
      if (mayAnnounce(vip)) result.insert(vip.address);
    }
    const auto strike = [&](const NetObjects& items, const std::vector<net::NetObject>& there) {
      for (const auto& [item, beneficiary] : items) {
        if (std::find(there.begin(), there.end(), item) != there.end()) continue;
        std::erase_if(result, [&, who = beneficiary](const IpAddress& vip) {
          return who == Beneficiary(vip) || who == Beneficiary(vip.family());
        });
      }
    };
    strike(desired.nodeObjects, world_.node.owned());
    strike(desired.balancerObjects, world_.director.owned());
    const auto table = world_.ipvs.table();
    for (const auto& server : desired.virtualServers) {
      const auto there = std::find_if(table.begin(), table.end(),
                                      [&](const auto& one) { return one.key == server.key; });
      const bool works =
          there != table.end() &&
          (server.realServers.empty() ||
           std::any_of(there->realServers.begin(), there->realServers.end(),
                       [](const ipvs::RealServer& real) { return real.weight > 0; }));
      if (!works) result.erase(server.key.vip);
    }
    return result;
  }

  std::set<IpAddress> wanted() {
    std::set<IpAddress> result;
    const ClusterState cluster = world_.stores.snapshot();
    for (const auto& vip : computeDesired(cluster, options(placement_), {}).vips) {
      if (mayAnnounce(vip)) result.insert(vip.address);
    }
    return result;
  }

 private:
  static bool mayAnnounce(const ServedVip& vip) {
    return vip.servedHere && (!vip.endpointNodesOnly || vip.endpointNodes.contains("n1"));
  }

  /// To a real server that takes connections and is not wanted.
  bool leadsElsewhere(const ipvs::VirtualServerKey& key,
                      const std::vector<ipvs::VirtualServer>& wanted) const {
    const auto byKey = [&](const ipvs::VirtualServer& one) { return one.key == key; };
    const auto table = world_.ipvs.table();
    const auto there = std::find_if(table.begin(), table.end(), byKey);
    const auto want = std::find_if(wanted.begin(), wanted.end(), byKey);
    if (there == table.end() || want == wanted.end()) return false;
    return std::any_of(
        there->realServers.begin(), there->realServers.end(), [&](const ipvs::RealServer& real) {
          const auto& reals = want->realServers;
          return real.weight > 0 && std::none_of(reals.begin(), reals.end(), [&](const auto& one) {
                   return one.key == real.key;
                 });
        });
  }

  static std::string textOf(const net::NetOp& op) {
    return std::string(op.kind == net::NetOp::Kind::kAdd ? "add " : "delete ") +
           net::toString(op.item);
  }

  void refuse(const Refusal& refusal) {
    const auto ofLinks = [refusal](const net::NetOp& op) {
      return textOf(op) == refusal.change ? EINVAL : 0;
    };
    if (refusal.writer == "node") world_.node.setOpFault(ofLinks);
    if (refusal.writer == "director") world_.director.setOpFault(ofLinks);
    if (refusal.writer == "ipvs") {
      world_.ipvs.setOpFault([refusal](const ipvs::Op& op) {
        return ipvs::toString(op) == refusal.change ? EINVAL : 0;
      });
    }
    if (refusal.writer == "filter") {
      world_.filter.setError(Error{ErrorCode::kUnavailable, "busy", 0, {}});
    }
  }

  const Placement placement_;
  const AnyCluster& after_;
  World world_;
  Daemon daemon_;
  std::set<IpAddress> announcedBefore_;
};

class AnnouncedImpliesServed : public testing::TestWithParam<Placement> {};

TEST_P(AnnouncedImpliesServed, WhateverSingleChangeIsRefused) {
  EXPECT_TRUE(rc::check([] {
    const AnyCluster before = AnyCluster::any("n2");
    const AnyCluster after = AnyCluster::any("n1");
    Scene whole(GetParam(), before, after);
    whole.run(std::nullopt);
    RC_ASSERT(whole.announced() == whole.wanted());
    RC_ASSERT(whole.served() == whole.wanted());
    RC_ASSERT(whole.ledAstray().empty());
    for (const Refusal& refusal : whole.changes()) {
      Scene scene(GetParam(), before, after);
      scene.run(refusal);
      const auto served = scene.served();
      for (const IpAddress& vip : scene.begun()) {
        if (!served.contains(vip)) {
          RC_FAIL(vip.toString() + " is announced and not served without " + refusal.writer + ": " +
                  refusal.change);
        }
      }
    }
  }));
}

INSTANTIATE_TEST_SUITE_P(Placements, AnnouncedImpliesServed,
                         testing::Values(Placement::kDirector, Placement::kHost),
                         [](const auto& of) {
                           return of.param == Placement::kHost ? "host" : "director";
                         });

}  // namespace
}  // namespace barevip::node::test
