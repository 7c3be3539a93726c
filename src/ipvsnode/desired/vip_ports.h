// SPDX-License-Identifier: Apache-2.0
// Which VIP, port and protocol belongs to which Service. Pure.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "barevip/ipvs/kernel.h"

#include "ipvsnode/cluster/ip_index.h"
#include "ipvsnode/desired/problem.h"

namespace barevip::node {

/// The condition that the operator sets on a Service once the ingress addresses are ours.
inline constexpr const char* kAddressAssigned = "barevip.dev/AddressAssigned";

/// Ports of one Service that are served. Each is looked for among the ports of its EndpointSlices,
/// of which there are as many.
inline constexpr std::size_t kMaxPorts = 1024;

struct VipPort {
  ipvs::VirtualServerKey key;
  std::shared_ptr<const model::Service> service;
  model::ServicePort port;
};

/// What a VIP leads to, as its Services ask for.
struct VipPorts {
  std::vector<VipPort> all;  ///< ascending by key, one for each key
  std::vector<Problem> problems;
};

/// An address that packets of others can be sent to: unicast, beyond the link, not the loopback,
/// and none of the transfer networks between node and balancer namespace.
[[nodiscard]] bool isRoutableUnicast(const IpAddress& address);

/// Chooses, of the Services that show a VIP, those that it leads to. The same on every node: who
/// announces a VIP follows from it.
///
/// A Service's address is served if it stands in its status with an ipMode, was given by us, is
/// routable unicast, neither a node's own address nor an API server's, and can be forwarded as the
/// Service asks for (forwarding.h). Given by us: the Service
/// carries our condition with status True, or a bound IP object records the address for it. The
/// operator sets the condition False and lets the address stand when a Service that has one asks
/// for what it cannot have.
///
/// Two Services with one key: the one whose IP object grants the port has it; if neither or both
/// do, the one that is not being deleted, then the first by namespace and name. The other gets a
/// Problem, and its other ports are served.
///
/// Two Services on one VIP of which kube-proxy forwards one: the VIP leads where the one leads that
/// has what it asks for, or is not being deleted, or is the first. The other gets a Problem.
class VipPortChoice {
 public:
  /// machines: of machineAddresses. All must outlive it.
  VipPortChoice(const IpIndex& ipObjects, const std::map<IpAddress, std::string>& machines,
                const model::ClassRules& classes)
      : ipObjects_(ipObjects), machines_(machines), classes_(classes) {}

  /// showing: the Services in whose status the VIP stands, each once; those of others among them.
  [[nodiscard]] VipPorts of(const IpAddress& vip,
                            std::vector<std::shared_ptr<const model::Service>> showing) const;

  /// Of addresses in its status that cannot be read, if the Service is ours.
  [[nodiscard]] std::vector<Problem> unreadable(const model::Service& service) const;

 private:
  class OfOneVip;

  [[nodiscard]] bool isOurs(const model::Service& service) const;
  [[nodiscard]] bool wasServed(const model::Service& service) const;

  const IpIndex& ipObjects_;
  const std::map<IpAddress, std::string>& machines_;
  const model::ClassRules& classes_;
};

}  // namespace barevip::node
