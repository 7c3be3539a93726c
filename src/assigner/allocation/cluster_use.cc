// SPDX-License-Identifier: Apache-2.0
#include "assigner/allocation/cluster_use.h"

#include <algorithm>
#include <memory>
#include <tuple>

namespace barevip::assigner {
namespace {

// Calls f(range, what, whose) for each range that the object uses; whose names it.

template <class F>
void forEachUse(const model::Node& node, F&& f) {
  const auto whose = [&] { return "Node " + node.key.name; };
  for (const auto* addresses : {&node.internalIps, &node.externalIps}) {
    for (const IpAddress& each : *addresses) f(IpRange{each, each}, "an address of a node", whose);
  }
  for (const IpRange& range : node.podRanges) f(range, "a range of pods", whose);
}

template <class F>
void forEachUse(const model::Service& service, F&& f) {
  const auto whose = [&] { return "Service " + service.key.toString(); };
  for (const IpAddress& each : service.clusterIps) {
    f(IpRange{each, each}, "the clusterIP of a Service", whose);
  }
  for (const IpRange& each : service.externalIps) {
    f(each, "in spec.externalIPs of a Service", [&] { return whose() + " (externalIPs)"; });
  }
}

template <class F>
void forEachUse(const model::ServiceCidr& cidr, F&& f) {
  const auto whose = [&] { return "ServiceCIDR " + cidr.key.name; };
  for (const IpRange& range : cidr.ranges) f(range, "in a range of clusterIPs", whose);
}

bool sameUse(const model::Node& a, const model::Node& b) {
  return a.internalIps == b.internalIps && a.externalIps == b.externalIps &&
         a.podRanges == b.podRanges;
}

bool sameUse(const model::Service& a, const model::Service& b) {
  return a.clusterIps == b.clusterIps && a.externalIps == b.externalIps;
}

bool sameUse(const model::ServiceCidr& a, const model::ServiceCidr& b) {
  return a.ranges == b.ranges;
}

}  // namespace

bool ClusterUse::update(const NodePtr& before, const NodePtr& after) {
  return replace(nodes_, before, after);
}

bool ClusterUse::update(const ServicePtr& before, const ServicePtr& after) {
  return replace(services_, before, after);
}

bool ClusterUse::update(const ServiceCidrPtr& before, const ServiceCidrPtr& after) {
  return replace(serviceCidrs_, before, after);
}

template <class T>
bool ClusterUse::replace(kube::Objects<T>& objects, const std::shared_ptr<const T>& before,
                         const std::shared_ptr<const T>& after) {
  static const T kNothing;
  const bool same = sameUse(before ? *before : kNothing, after ? *after : kNothing);
  const bool uses = after && !sameUse(*after, kNothing);
  const std::lock_guard lock(mutex_);
  if (!same) ++revision_;
  if (uses) {
    kube::putInto<T>(objects, after);
  } else if (before) {
    objects.erase(before);
  }
  return !same;
}

std::uint64_t ClusterUse::revision() const {
  const std::lock_guard lock(mutex_);
  return revision_;
}

std::vector<ClusterUser> ClusterUse::within(const AddressSet& addresses) const {
  std::vector<ClusterUser> found;
  const auto add = [&](const IpRange& range, const char* what, const auto& whose) {
    if (addresses.overlaps(range)) found.push_back({range, what, whose()});
  };
  {
    const std::lock_guard lock(mutex_);
    AddressSet clusterIps;
    for (const auto& cidr : serviceCidrs_) {
      forEachUse(*cidr, add);
      for (const IpRange& range : cidr->ranges) clusterIps.add(range);
    }
    const auto addApart = [&](const IpRange& range, const char* what, const auto& whose) {
      const bool one = range.first == range.last;
      if (!one || !clusterIps.contains(range.first)) add(range, what, whose);
    };
    for (const auto& node : nodes_) forEachUse(*node, add);
    for (const auto& service : services_) forEachUse(*service, addApart);
  }
  const auto order = [](const ClusterUser& user) {
    return std::tuple(user.range.first, user.range.last, user.who);
  };
  std::sort(found.begin(), found.end(),
            [&](const ClusterUser& a, const ClusterUser& b) { return order(a) < order(b); });
  return found;
}

}  // namespace barevip::assigner
