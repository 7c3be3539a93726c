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
[[nodiscard]] bool isReservation(const model::IpObject& ip);
/// The status of a Service's record is what the operator writes.
[[nodiscard]] bool isBoundRecord(const model::IpObject& ip);
/// It is being deleted, or its namespace is: it keeps what it has until it is gone, and gets
/// nothing.
[[nodiscard]] bool isLeaving(const Cluster& cluster, const model::Service& service);
/// The Service says that the record of an address cannot be made.
[[nodiscard]] bool lacksRecord(const model::Service& service);
/// A Service or reservation of the cluster may hold an address without an IP object that says so:
/// the API does not tell whether.
[[nodiscard]] bool anyHoldsUnrecorded(const Cluster& cluster);
/// The IP object says who has an address: not one that somebody's finalizer keeps, nor what
/// somebody forged for a Service that is leaving or lacks a record, which stays until that is over.
[[nodiscard]] bool counts(const Cluster& cluster, const model::IpObject& ip);

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

/// On what a Service has an address beside others, or would like to.
struct Terms {
  std::string key;
  std::set<std::string> ports;  ///< "80/TCP"
  /// The selector of its pods if externalTrafficPolicy is Local.
  std::optional<model::StringMap> localPods;
  bool known = true;  ///< false: the API does not tell all that was granted

  friend bool operator==(const Terms&, const Terms&) = default;
};
/// What the Service asks for now.
[[nodiscard]] Terms termsOf(const model::Service& service);

/// Who holds which address. The cluster outlives it.
class Holdings {
 public:
  explicit Holdings(const Cluster& cluster);

  struct Held {
    std::set<kube::ObjectKey> services;  ///< by a record of their own, or as users of a reservation
    std::set<kube::ObjectKey> reservations;
    std::set<kube::ObjectKey> foreign;  ///< Services that show it and are not ours to serve

    friend bool operator==(const Held&, const Held&) = default;
  };
  using Records = std::map<IpAddress, const model::IpObject*>;

  [[nodiscard]] const std::map<IpAddress, Held>& all() const { return held_; }
  /// The IP objects by which the Service has addresses.
  [[nodiscard]] const Records& of(const kube::ObjectKey& service) const;
  /// The Service shows addresses that somebody else gave.
  [[nodiscard]] bool isForeign(const model::Service& service) const;
  /// The Pool that the address came from, as the first of the IP objects that have it says.
  [[nodiscard]] std::string givenFrom(const IpAddress& address) const;
  /// On what terms it has the address.
  [[nodiscard]] Terms granted(const kube::ObjectKey& service, const IpAddress& address) const;

 private:
  const Cluster& cluster_;
  std::map<IpAddress, Held> held_;
  std::map<IpAddress, std::string> givenFrom_;
  std::map<kube::ObjectKey, Records> services_;
};

[[nodiscard]] const model::Service* findService(const Cluster& cluster, const kube::ObjectKey& key);

/// Both may have one address, as far as it does not depend on the Pool.
[[nodiscard]] bool agree(const Terms& a, const Terms& b);

struct Answer {
  bool known = true;            ///< false: it depends on terms that the API does not tell
  std::optional<ByFamily> has;  ///< nullopt: the Service waits
};
/// What the rules give the Service in a cluster where it and others hold what they hold.
[[nodiscard]] Answer whatRulesGive(const PoolRules& pools, const Cluster& cluster,
                                   const Holdings& holdings, const model::Service& service);

/// The same for a reservation that has nothing yet.
[[nodiscard]] std::optional<IpAddress> whatRulesReserve(const PoolRules& pools,
                                                        const model::IpObject& ip,
                                                        const Holdings& holdings);

}  // namespace barevip::history
