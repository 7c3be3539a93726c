// SPDX-License-Identifier: Apache-2.0
// Who holds what, and who could be given what, as it can be read off the API's objects.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "barevip/base/ip.h"

#include "history/cluster.h"

namespace barevip::history {

using Addresses = std::set<IpAddress>;
using ByFamily = std::map<Family, IpAddress>;

[[nodiscard]] bool isOurs(const model::Service& service);
[[nodiscard]] Addresses shownBy(const model::Service& service);
[[nodiscard]] const model::Condition* assignedCondition(const model::Service& service);
[[nodiscard]] bool isReservation(const model::IpClaim& ip);

/// Pools as the documentation describes them, over the addresses of histories.
class PoolRules {
 public:
  explicit PoolRules(const Cluster& cluster);

  /// In the order in which they are tried.
  [[nodiscard]] const std::vector<const model::Pool*>& inOrder() const { return order_; }
  [[nodiscard]] const model::Pool* find(const std::string& name) const;
  [[nodiscard]] bool ready(const model::Pool& pool) const { return ready_.contains(&pool); }
  /// Within the entries, not excluded.
  [[nodiscard]] static bool covers(const model::Pool& pool, const IpAddress& address);
  /// Covered, and not avoided.
  [[nodiscard]] static bool offers(const model::Pool& pool, const IpAddress& address);
  /// labels: of the Service; nullptr: a reservation.
  [[nodiscard]] bool admits(const model::Pool& pool, const std::string& ns,
                            const model::StringMap* labels) const;
  /// The Pool that an address counts for that was given from `recorded`.
  [[nodiscard]] std::string home(const IpAddress& address, const std::string& recorded) const;
  /// The Pool that gives the address when it is asked for by number.
  [[nodiscard]] const model::Pool* having(const IpAddress& address) const;

 private:
  const Cluster& cluster_;
  std::vector<const model::Pool*> order_;
  std::set<const model::Pool*> ready_;
};

/// Who holds which address.
class Holdings {
 public:
  explicit Holdings(const Cluster& cluster);

  struct Held {
    std::set<kube::ObjectKey> services;  ///< by a record of their own, or as users of a reservation
    std::set<kube::ObjectKey> reservations;
    std::set<kube::ObjectKey> foreign;  ///< Services that show it and are not ours to serve

    friend bool operator==(const Held&, const Held&) = default;
  };
  [[nodiscard]] const std::map<IpAddress, Held>& all() const { return held_; }

  /// By address: the IP object.
  [[nodiscard]] std::map<IpAddress, const model::IpClaim*> of(const kube::ObjectKey& service) const;
  /// The Service shows addresses that somebody else gave.
  [[nodiscard]] bool isForeign(const model::Service& service) const;

 private:
  std::map<IpAddress, Held> held_;
  std::map<kube::ObjectKey, std::map<IpAddress, const model::IpClaim*>> services_;
};

/// What the rules give the Service, which has `mine` and while `taken` is held by others; nullopt:
/// it waits.
[[nodiscard]] std::optional<ByFamily> whatRulesGive(
    const PoolRules& pools, const Cluster& cluster, const model::Service& service,
    const std::map<IpAddress, const model::IpClaim*>& mine, const Addresses& taken);

/// The same for a reservation that has nothing yet.
[[nodiscard]] std::optional<IpAddress> whatRulesReserve(const PoolRules& pools,
                                                        const model::IpClaim& ip,
                                                        const Addresses& taken);

}  // namespace barevip::history
