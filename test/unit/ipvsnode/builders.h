// SPDX-License-Identifier: Apache-2.0
// Short ways to write what the node daemon makes of a cluster.
#pragma once

#include <algorithm>
#include <iterator>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "fakes/builders/addresses.h"
#include "fakes/builders/objects.h"
#include "ipvsnode/cluster/cluster_state.h"
#include "ipvsnode/cluster/ip_index.h"
#include "ipvsnode/desired/desired.h"
#include "ipvsnode/desired/machines.h"
#include "ipvsnode/desired/vip_ports.h"

namespace barevip::node::test {

using barevip::test::EndpointSpec;
using barevip::test::granting;
using barevip::test::ip;
using barevip::test::ipObject;
using barevip::test::local;
using barevip::test::node;
using barevip::test::onPort;
using barevip::test::refused;
using barevip::test::service;
using barevip::test::slice;
using barevip::test::terminating;
using barevip::test::unready;
using barevip::test::usedBy;

inline ipvs::VirtualServerKey tcp(const std::string& vip, std::uint16_t port) {
  return {ip(vip), port, model::Protocol::kTcp};
}
inline ipvs::VirtualServerKey udp(const std::string& vip, std::uint16_t port) {
  return {ip(vip), port, model::Protocol::kUdp};
}
inline ipvs::RealServerKey real(const std::string& address, std::uint16_t port = 8080) {
  return {ip(address), port};
}

struct ClusterBuilder {
  ClusterState state;

  ClusterBuilder& add(model::Service object) { return put(state.services, std::move(object)); }
  ClusterBuilder& add(model::EndpointSlice object) { return put(state.slices, std::move(object)); }
  ClusterBuilder& add(model::Node object) { return put(state.nodes, std::move(object)); }
  ClusterBuilder& add(model::IpObject object) { return put(state.ipObjects, std::move(object)); }
  ClusterBuilder& add(model::Pool object) { return put(state.pools, std::move(object)); }

 private:
  template <class T>
  ClusterBuilder& put(std::vector<std::shared_ptr<const T>>& objects, T object) {
    objects.push_back(std::make_shared<const T>(std::move(object)));
    return *this;
  }
};

/// What all VIPs of the cluster lead to.
inline VipPorts assignVipPorts(const ClusterState& cluster, const model::ClassRules& classes = {}) {
  const IpIndex ipObjects(cluster.ipObjects);
  const auto machines = machineAddresses(cluster);
  const VipPortChoice choice(ipObjects, machines, classes);
  VipPorts result;
  std::map<IpAddress, std::vector<std::shared_ptr<const model::Service>>> showing;
  for (const auto& service : cluster.services) {
    std::set<IpAddress> vips;
    for (const auto& entry : service->ingress) {
      if (const auto vip = IpAddress::parse(entry.ip)) vips.insert(*vip);
    }
    for (const IpAddress& vip : vips) showing[vip].push_back(service);
    auto problems = choice.unreadable(*service);
    std::move(problems.begin(), problems.end(), std::back_inserter(result.problems));
  }
  for (const auto& [vip, services] : showing) {
    VipPorts ofVip = choice.of(vip, services);
    std::move(ofVip.all.begin(), ofVip.all.end(), std::back_inserter(result.all));
    std::move(ofVip.problems.begin(), ofVip.problems.end(), std::back_inserter(result.problems));
  }
  std::sort(result.problems.begin(), result.problems.end());
  return result;
}

inline DesiredOptions options(Placement placement = Placement::kDirector) {
  DesiredOptions result;
  result.nodeName = "n1";
  result.placement = placement;
  result.bindInterfaces = {"eth0"};
  using std::chrono::seconds;
  if (placement == Placement::kDirector) {
    result.timeouts = {seconds(7260), seconds(120), seconds(300)};
  }
  return result;
}

}  // namespace barevip::node::test
