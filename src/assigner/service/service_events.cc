// SPDX-License-Identifier: Apache-2.0
#include "assigner/service/service_events.h"

#include <string>
#include <utility>

#include "assigner/allocation/service_status.h"

namespace barevip::assigner {

namespace {

kube::Event eventOf(const model::Service& service, kube::Event::Type type,
                    const std::string& reason, std::string note) {
  return {kube::kServices, service.key, service.uid, type, reason, "Assign", std::move(note)};
}

}  // namespace

kube::Event adoptedEvent(const model::Service& service) {
  std::string addresses;
  for (const IpAddress& address : shownBy(service)) {
    if (!addresses.empty()) addresses += ", ";
    addresses += address.toString();
  }
  return eventOf(service, kube::Event::Type::kNormal, "Adopted",
                 "took over " + addresses + ", which the Service showed already");
}

kube::Event foreignEvent(const model::Service& service, bool adopts) {
  const std::string why = adopts ? "and cannot adopt, because it is in no Pool or belongs "
                                   "to another Service, "
                                 : "";
  const std::string how = adopts ? "" : ", or let barevip take it over by --adopt";
  return eventOf(service, kube::Event::Type::kWarning, "ForeignAddress",
                 "the Service shows an address that barevip did not allocate, " + why +
                     "so it is left as it is: empty its status.loadBalancer, or give it the "
                     "loadBalancerClass of whoever serves it" +
                     how);
}

kube::Event overwrittenEvent(const model::Service& service) {
  return eventOf(service, kube::Event::Type::kWarning, "StatusOverwritten",
                 "another controller keeps overwriting status.loadBalancer; barevip is backing "
                 "off. Set spec.loadBalancerClass to the controller that should serve this "
                 "Service, or stop the other controller");
}

kube::Event statusRefusedEvent(const model::Service& service, const Error& error) {
  return eventOf(service, kube::Event::Type::kWarning, "StatusRefused",
                 "the API server does not take the status of this Service, so its address and its "
                 "condition are not up to date: " +
                     error.message);
}

kube::Event conditionEvent(const model::Service& service, const model::Condition& condition) {
  const bool good = condition.reason == kAssigned;
  return eventOf(service, good ? kube::Event::Type::kNormal : kube::Event::Type::kWarning,
                 condition.reason, condition.message);
}

}  // namespace barevip::assigner
