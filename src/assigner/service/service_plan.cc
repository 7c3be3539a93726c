// SPDX-License-Identifier: Apache-2.0
#include "assigner/service/service_plan.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "assigner/allocation/candidates.h"
#include "assigner/allocation/policy_violation.h"
#include "assigner/allocation/request.h"
#include "assigner/allocation/service_status.h"
#include "assigner/service/record_name.h"
#include "assigner/service/service_events.h"

namespace barevip::assigner {
namespace {

bool contains(const std::vector<IpAddress>& addresses, const IpAddress& address) {
  return std::find(addresses.begin(), addresses.end(), address) != addresses.end();
}

std::vector<IpAddress> without(std::vector<IpAddress> addresses,
                               const std::vector<IpAddress>& others) {
  std::erase_if(addresses, [&](const IpAddress& address) { return contains(others, address); });
  return addresses;
}

// Of all addresses of one Service; the first reason counts.
std::optional<ConditionReason> violationsOf(const PoolTable& pools, const Choice& choice,
                                            const Requester& requester) {
  std::optional<ConditionReason> all;
  for (const Assignment& each : choice.addresses) {
    auto violation = violationOf(pools, each.address, each.pool, requester);
    if (!violation) continue;
    if (all) {
      all->message.append("; ").append(violation->message);
    } else {
      all = std::move(violation);
    }
  }
  return all;
}

ConditionReason classViolation(const model::Service& service) {
  return {"ClassNotServed",
          (service.loadBalancerClass.empty()
               ? "the Service names no loadBalancerClass, which barevip requires since"
               : "barevip no longer serves the class " + service.loadBalancerClass + ", since") +
              std::string(" its flags were changed (--class, --require-class): the Service keeps "
                          "what it has until it is deleted, and gets nothing else")};
}

// violation: why what is kept would not be allocated as things are now.
ShownStatus statusOf(const model::Service& service, const Choice& choice,
                     const AllocationTable& allocations,
                     const std::optional<ConditionReason>& violation) {
  std::vector<IpAddress> addresses;
  addresses.reserve(choice.addresses.size());
  for (const Assignment& assignment : choice.addresses) addresses.push_back(assignment.address);
  model::Condition condition{kAddressAssigned, "True", kAssigned, messageOf(choice)};
  if (choice.refusal) {
    condition.status = "False";
    condition.reason = nameOf(choice.refusal->reason);
  } else if (violation) {
    condition.reason = violation->reason;
    condition.message += "; " + violation->message;
  }
  return {ingressOf(service, addresses, allocations), std::move(condition)};
}

std::optional<WaitingList::Entry> waitOf(const model::Service& service, const Choice& choice) {
  const auto& blocked = choice.refusal ? choice.refusal : choice.incomplete;
  if (!blocked) return std::nullopt;
  std::set<std::string> keys{termsOf(service).key};
  for (const Assignment& mine : choice.addresses) keys.insert(mine.shareKey);
  keys.erase("");
  using Standing = WaitingList::Standing;
  const Standing refused = choice.addresses.empty() ? Standing::kWaits : Standing::kKeeps;
  return WaitingList::Entry{service.creationSeconds, blocked->reason,
                            choice.refusal ? refused : Standing::kIncomplete, std::move(keys),
                            blocked->obstacle};
}

// The records go before the address is free: it may be given again only when nothing durable claims
// it any more.
ServicePlan withdrawal(const ServiceView& view, const AllocationTable& allocations) {
  ServicePlan plan;
  plan.held = allocations.ofService(view.key);
  plan.release = plan.held;
  plan.keep.emplace();
  plan.foreign.emplace();
  if (!view.service) return plan;
  plan.withdraw = plan.held;
  // Without our condition the Service shows nothing of ours, whatever IP objects say.
  if (model::findCondition(view.service->conditions, kAddressAssigned) != nullptr) {
    for (const auto& record : view.records) {
      if (const auto address = IpAddress::parse(record->spec.address)) {
        plan.withdraw.push_back(*address);
      }
    }
  }
  plan.foreign = without(shownBy(*view.service), plan.withdraw);
  plan.leftAlone = view.leftAlone && !plan.foreign->empty();
  return plan;
}

ServicePlan leavingAlone(const ServiceView& view, const ServiceRules& rules) {
  const model::Service& service = *view.service;
  ServicePlan plan;
  plan.leftAlone = true;
  plan.keep.emplace();  // an IP object that names it as its owner records nothing
  if (rules.adopt) {
    // It waits for a Pool that has the address, or for the consumer to go; it is served meanwhile.
    plan.waits = WaitingList::Entry{service.creationSeconds,
                                    RefusalReason::kAddressHeld,
                                    WaitingList::Standing::kForeign,
                                    {},
                                    {.addresses = shownBy(service)}};
  }
  const bool said = view.leftAlone || view.entered.wasForeign;
  if (!said) plan.events.push_back(foreignEvent(service, rules.adopt));
  return plan;
}

// Allocates nothing to a Service whose class is not served, whose request cannot be read, or that
// nobody could forward.
Choice chooseFor(const ServiceView& view, const PoolTable& pools,
                 const AllocationTable& allocations, bool served) {
  const model::Service& service = *view.service;
  const auto request = requestOf(service, view.ns.get());
  auto unforwarded = model::refusalToForward(service);
  if (served && request && !unforwarded) return choose(pools, allocations, *request);
  Refusal refusal{RefusalReason::kBadRequest, request ? "" : request.error().message};
  if (request && unforwarded)
    refusal = {RefusalReason::kForwardingRefused, *std::move(unforwarded)};
  Choice choice = keep(pools, allocations, {service.key, termsOf(service)}, shownBy(service),
                       std::move(refusal));
  if (!served) choice.refusal.reset();  // what it asks for does not matter
  return choice;
}

// The change of its status brings the Service back, behind those that wait.
bool mayRecordLater(const ServiceView& view, bool first) {
  return first && view.busy && view.service->ingress.empty() && !recordRefused(*view.service);
}

ServicePlan serving(const ServiceView& view, const PoolTable& pools,
                    const AllocationTable& allocations, const ServiceRules& rules) {
  const model::Service& service = *view.service;
  const bool served = rules.classes.serve(service);
  const std::vector<IpAddress>& had = allocations.ofService(service.key);
  ServicePlan plan;
  plan.choice = chooseFor(view, pools, allocations, served);
  plan.waits = waitOf(service, plan.choice);
  plan.held = had;
  if (view.entered.adopted) plan.events.push_back(adoptedEvent(service));
  const bool entered = view.entered.adopted || view.entered.restored;
  const bool recordLater = mayRecordLater(view, had.empty());
  plan.keep.emplace();
  for (const Assignment& each : plan.choice.addresses) {
    const bool gained = !contains(had, each.address);
    const bool reserved = !each.reservation.empty();
    const std::string record =
        reserved ? each.reservation : recordName(service.key.name, each.address);
    if (gained) plan.gained.push_back(each.address);
    if ((gained || each.termsChanged || entered) && !each.shareKey.empty()) {
      const std::string& ns = service.key.ns;
      plan.shareable.insert(
          {ns, each.shareKey, isSharedBeyond(pools, allocations, each.address, each.pool, ns)});
    }
    if (each.termsChanged) plan.termsChanged.push_back({service.key.ns, record});
    if (reserved) {
      plan.uses.push_back({service.key.ns, record});
      continue;
    }
    plan.keep->insert(record);
    if (!recordLater) plan.records.push_back(each);
  }
  plan.held.insert(plan.held.end(), plan.gained.begin(), plan.gained.end());
  plan.show =
      statusOf(service, plan.choice, allocations,
               served ? violationsOf(pools, plan.choice, requesterOf(service, view.ns.get()))
                      : std::optional(classViolation(service)));
  plan.release = plan.choice.surplus;
  return plan;
}

}  // namespace

bool isOurs(const ServiceView& view, const AllocationTable& allocations,
            const ServiceRules& rules) {
  if (!view.service) return false;
  const model::Service& service = *view.service;
  if (rules.classes.serve(service)) return true;
  if (!service.isLoadBalancer() || allocations.ofService(service.key).empty()) return false;
  const std::string now = model::recordedClass(service);
  const auto record = std::find_if(view.records.begin(), view.records.end(), [&](const auto& each) {
    return each->serviceOwner && each->serviceOwner->uid == service.uid;
  });
  if (record != view.records.end()) return (*record)->servedClass == now;
  return now.empty() || view.servedAsItIs;  // as the user of a reservation, which records no class
}

std::vector<model::LoadBalancerIngress> ingressOf(const model::Service& service,
                                                  const std::vector<IpAddress>& addresses,
                                                  const AllocationTable& allocations) {
  const SharingTerms terms = termsOf(service);
  std::vector<model::LoadBalancerIngress> ingress;
  ingress.reserve(addresses.size());
  for (const IpAddress& address : addresses) {
    const Allocation* const allocation = allocations.find(address);
    const bool byKubeProxy =
        terms.by == Forwarder::kKubeProxy &&
        (allocation == nullptr || !forwardedOtherwise(service.key, terms, allocation->users));
    ingress.push_back(
        {address.toString(), "", byKubeProxy ? model::kIpModeVip : model::kIpModeProxy});
  }
  return ingress;
}

ServicePlan decide(const ServiceView& view, const PoolTable& pools,
                   const AllocationTable& allocations, const ServiceRules& rules) {
  if (!view.ours) return withdrawal(view, allocations);
  if (view.entered.foreign) return leavingAlone(view, rules);
  return serving(view, pools, allocations, rules);
}

}  // namespace barevip::assigner
