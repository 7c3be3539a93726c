// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/membership/lease_reading.h"

#include <set>
#include <sstream>
#include <string>

#include "ipvsnode/membership/eligibility.h"
#include "ipvsnode/membership/liveness.h"

namespace barevip::node {
namespace {

std::string annotation(const model::Lease& lease, const char* name) {
  const auto it = lease.annotations.find(name);
  return it == lease.annotations.end() ? std::string() : it->second;
}

std::set<IpAddress> vipsOf(const std::string& list) {
  std::set<IpAddress> vips;
  std::istringstream texts(list);
  for (std::string text; vips.size() < kMaxBlocked && std::getline(texts, text, ',');) {
    if (const auto vip = IpAddress::parse(text)) vips.insert(*vip);
  }
  return vips;
}

}  // namespace

LiveNode liveNodeOf(const model::Lease& lease) {
  LiveNode node{lease.holder, annotation(lease, kInterfaceAnnotation)};
  node.publishesEligibility = lease.annotations.contains(kFamiliesAnnotation);
  const auto rules = lease.labels.find(kNodeLeaseLabel);
  node.electsByShare = rules != lease.labels.end() && rules->second == kElectsByShare;
  node.interfaces = net::readBindInterfaces(annotation(lease, kInterfacesAnnotation));
  node.ipv6 = annotation(lease, kFamiliesAnnotation) != kOnlyIpv4;
  const std::string blocked = annotation(lease, kBlockedAnnotation);
  node.eligibility = {blocked != kBlockedAll, vipsOf(blocked),
                      vipsOf(annotation(lease, kHeldAnnotation))};
  return node;
}

bool isLeaving(const model::Lease& lease) {
  return annotation(lease, kStateAnnotation) == kStateLeaving;
}

}  // namespace barevip::node
