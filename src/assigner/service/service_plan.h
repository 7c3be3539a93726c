// SPDX-License-Identifier: Apache-2.0
// What one look at a Service leads to: a pure function from a view to a plan.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "barevip/base/ip.h"
#include "barevip/kube/event_sink.h"
#include "barevip/kube/object_key.h"
#include "barevip/model/ip_object.h"
#include "barevip/model/node.h"
#include "barevip/model/service.h"

#include "assigner/allocation/allocation_table.h"
#include "assigner/allocation/choice.h"
#include "assigner/allocation/pool_table.h"
#include "assigner/allocation/waiting_list.h"
#include "assigner/restore/shown.h"

namespace barevip::assigner {

/// How a whole cluster is served; the same for every Service.
struct ServiceRules {
  model::ClassRules classes;
  bool adopt = false;  ///< take over what Services show and barevip did not allocate
};

/// One Service as it was seen, with what is remembered of it. What it and the others hold is in the
/// allocator, and is handed to decide() beside this.
struct ServiceView {
  kube::ObjectKey key;
  std::shared_ptr<const model::Service> service;                ///< null: it is gone
  std::shared_ptr<const model::Namespace> ns;                   ///< null: not known
  std::vector<std::shared_ptr<const model::IpObject>> records;  ///< the IP objects that it owns
  bool ours = false;          ///< isOurs(), before anything was entered
  bool servedAsItIs = false;  ///< this very Service, with the class that it has now
  Entered entered;            ///< what became of the addresses that it shows
  bool leftAlone = false;     ///< an event said that it is left as it is
  bool busy = false;          ///< more Services wait than are worked on
};

/// Whether barevip looks after the Service of the view: by the rules, or because it holds what it
/// was given under other rules and its class is still the one that it had then.
[[nodiscard]] bool isOurs(const ServiceView& view, const AllocationTable& allocations,
                          const ServiceRules& rules);

/// What status.loadBalancer.ingress and the condition barevip.dev/AddressAssigned should be.
struct ShownStatus {
  std::vector<model::LoadBalancerIngress> ingress;
  model::Condition condition;
  bool quotesServer = false;  ///< the message may be another one at each try

  friend bool operator==(const ShownStatus&, const ShownStatus&) = default;
};

/// Entries of status.loadBalancer.ingress, in the same order. kube-proxy forwards where the Service
/// asks for that and no other one on the address is forwarded in another way.
[[nodiscard]] std::vector<model::LoadBalancerIngress> ingressOf(
    const model::Service& service, const std::vector<IpAddress>& addresses,
    const AllocationTable& allocations);

/// Members are in the order in which they are executed. Nothing of it has happened yet.
struct ServicePlan {
  // With the lock that the decision was made under still held: no other decision comes between.

  Choice choice;                            ///< what it has from now on, to be granted
  std::vector<IpAddress> gained;            ///< those of the choice that it did not have
  std::optional<WaitingList::Entry> waits;  ///< for what it waits; nullopt: for nothing

  // After that, without a lock.

  bool leftAlone = false;  ///< it shows what others gave, so it is left as it is
  std::vector<kube::Event> events;
  std::set<Shareable> shareable;              ///< others with these share keys may fit now
  std::vector<kube::ObjectKey> termsChanged;  ///< IP objects of addresses that it has on new terms
  /// The IP objects that must be there before the status is written.
  std::vector<Assignment> records;
  std::optional<ShownStatus> show;
  std::vector<IpAddress> withdraw;  ///< to be taken out of the status, with our condition

  // When the status is as it should be.

  /// The names of its IP objects that stay, all others go; nullopt: all stay.
  std::optional<std::set<std::string>> keep;
  std::vector<IpAddress> held;     ///< whose IP objects may be made already and are not seen yet
  std::vector<IpAddress> release;  ///< their IP objects are gone then
  std::optional<std::vector<IpAddress>> foreign;  ///< what it shows that another one gave
  std::vector<kube::ObjectKey> uses;              ///< reservations whose use may have changed
};

/// One of three plans: withdraw what a Service has that is gone or not ours any more; leave alone a
/// Service that shows what another one gave; or serve it. Reads its arguments only. The lock of the
/// allocator must be held until choice, gained and waits are executed.
[[nodiscard]] ServicePlan decide(const ServiceView& view, const PoolTable& pools,
                                 const AllocationTable& allocations, const ServiceRules& rules);

}  // namespace barevip::assigner
