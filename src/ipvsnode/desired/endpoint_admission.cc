// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/desired/endpoint_admission.h"

#include "ipvsnode/desired/machines.h"
#include "ipvsnode/desired/vip_ports.h"

namespace barevip::node {

std::optional<std::string> EndpointAdmission::refusal(const model::Service& service,
                                                      const model::EndpointSlice& slice,
                                                      const IpAddress& address) {
  if (!isRoutableUnicast(address)) return "not a unicast address that others can reach";
  if (vips_.contains(address)) return "the address of a load balancer";
  if (isDerived(service, slice) || trusted_.contains(service.key.ns)) return std::nullopt;
  const Guarded& guarded = this->guarded();
  if (const auto machine = guarded.machines.find(address); machine != guarded.machines.end()) {
    return machine->second;
  }
  if (guarded.clusterIps.contains(address)) return "the clusterIP of a Service";
  const auto pod = guarded.pods.find(address);
  const bool others = pod != guarded.pods.end() && !pod->second.contains(service.key.ns);
  if (others) return "a pod of another namespace";
  return std::nullopt;
}

const EndpointAdmission::Guarded& EndpointAdmission::guarded() {
  if (guarded_) return *guarded_;
  Guarded& made = guarded_.emplace();
  made.machines = machineAddresses(cluster_);
  std::set<kube::ObjectKey> selecting;
  std::set<IpAddress> byHand;  // a few, where there are 100,000 pods
  for (const auto& service : cluster_.services) {
    made.clusterIps.insert(service->clusterIps.begin(), service->clusterIps.end());
    if (service->selects) selecting.insert(service->key);
  }
  const auto isDerived = [&](const model::EndpointSlice& slice) {
    return slice.byController && selecting.contains({slice.key.ns, slice.serviceName});
  };
  const auto forEachAddress = [&](bool derived, const auto& f) {
    for (const auto& slice : cluster_.slices) {
      if (isDerived(*slice) != derived) continue;
      for (const model::Endpoint& endpoint : slice->endpoints) {
        for (const IpAddress& address : endpoint.addresses) f(*slice, address);
      }
    }
  };
  forEachAddress(false, [&](const auto&, const IpAddress& address) { byHand.insert(address); });
  forEachAddress(true, [&](const model::EndpointSlice& slice, const IpAddress& address) {
    if (byHand.contains(address)) made.pods[address].insert(slice.key.ns);
  });
  return made;
}

}  // namespace barevip::node
