// SPDX-License-Identifier: Apache-2.0
// What may happen to a cluster, as plain values: a history can be printed, shrunk and played again.
// The world is small, so that collisions are the rule.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <string>
#include <variant>
#include <vector>

#include "barevip/base/ip.h"
#include "barevip/kube/object_key.h"

namespace barevip::history {

/// An index into one of the small tables of names and values.
using Pick = std::uint8_t;

/// Creates the Pool, or gives the one of that name another spec.
struct PutPool {
  Pick name = 0;
  std::vector<Pick> addresses;
  std::vector<Pick> exclude;
  Pick admits = 0;
  Pick priority = 0;
  Pick sharing = 0;  ///< allowSharing
  bool avoidBuggy = false;
  bool avoidGateway = false;
  bool onRequestOnly = false;  ///< autoAssign: false
  bool firstLast = false;      ///< allowFirstLast
  Pick reuse = 0;              ///< reuseDelay
  Pick limit = 0;              ///< maxPerNamespace
  bool reservations = false;   ///< allowReservations
};
struct DeletePool {
  Pick name = 0;
};

/// Creates the Service, or gives the one of that name another spec.
struct PutService {
  Pick service = 0;
  Pick role = 0;      ///< type and loadBalancerClass
  Pick families = 0;  ///< and the policy
  Pick request = 0;   ///< which annotations and fields ask for something
  Pick pool = 0;
  Pick address = 0;
  Pick reservation = 0;
  Pick ports = 0;
  Pick labels = 0;
  Pick share = 0;  ///< the share key
  Pick selector = 0;
  bool local = false;  ///< externalTrafficPolicy: Local
  bool anew = false;   ///< the one of that name is deleted first
  Pick team = 0;       ///< its namespace is labelled just before; 0: it is not
};
struct DeleteService {
  Pick service = 0;
};

/// Somebody restores the Service from a backup: it is made anew, and shows what it showed then.
struct RestoreService {
  Pick service = 0;
  Pick address = 0;
};

/// Somebody makes an IP object; one of that name is deleted first.
struct PutReservation {
  Pick reservation = 0;
  Pick request = 0;
  Pick pool = 0;
  Pick address = 0;
  Pick share = 0;  ///< the share key
};
struct DeleteReservation {
  Pick reservation = 0;
};

struct LabelNamespace {
  Pick ns = 0;
  Pick labels = 0;
};

/// Somebody else writes the status of a Service that is not ours, as another load balancer would.
struct ShowForeign {
  Pick service = 0;
  Pick address = 0;
};

/// Somebody deletes an IP object that the operator made: this one of those that there are.
struct DeleteRecord {
  Pick record = 0;
};

/// Somebody's finalizer keeps an object that is deleted, from now on or no more: the Service of
/// that number, or this one of the IP objects that there are.
struct Hold {
  bool ip = false;
  Pick number = 0;
  bool letGo = false;
};
/// The first time it is being deleted and takes nothing new, and from then on what is in it is
/// deleted, too, until it is gone. LabelNamespace makes it anew.
struct DeleteNamespace {
  Pick ns = 0;
};

/// Somebody who may writes to the status of a Service that is ours.
struct TamperService {
  Pick service = 0;
  Pick how = 0;
  Pick address = 0;
};
/// Somebody who may writes to this one of the IP objects that there are.
struct TamperIp {
  Pick ip = 0;
  Pick how = 0;
  Pick address = 0;
};
/// Somebody makes an IP object that looks like the record of the Service and the address.
struct ForgeRecord {
  Pick service = 0;
  Pick address = 0;
  Pick owner = 0;
};

/// From now on the API server refuses what the operator writes in a namespace.
struct Refuse {
  Pick ns = 0;
  bool statuses = false;  ///< of Services; else: new IP objects
};
/// It refuses nothing any more.
struct Permit {};

/// The leading process dies and is started again.
struct Restart {};
/// It dies after so many more writes, and is started again.
struct Crash {
  Pick writes = 0;
};
/// After so many more writes the other process leads. The one that led does not know it before it
/// has sent some late ones; what was under way then arrives, too.
struct ChangeLeader {
  Pick writes = 0;
  Pick late = 0;
};
/// Of a process of a history.
inline constexpr Pick kMostWorkers = 3;
/// From now on processes work on so many objects at a time.
struct Workers {
  Pick count = 1;
};
/// Nobody leads until somebody is started.
struct Stop {};
enum class WriteFault : std::uint8_t {
  kLost,        ///< kUnavailable, and nothing happened
  kAnswerLost,  ///< kUnavailable, though it was carried out
  kRefused,     ///< kForbidden, as by a quota
};

/// A later write gets an error.
struct FailWrite {
  Pick after = 0;
  WriteFault fault = WriteFault::kLost;
};

using Deed = std::variant<PutPool, DeletePool, PutService, DeleteService, RestoreService,
                          PutReservation, DeleteReservation, LabelNamespace, ShowForeign,
                          DeleteRecord, Hold, DeleteNamespace, TamperService, TamperIp, ForgeRecord,
                          Refuse, Permit, Restart, Crash, ChangeLeader, Workers, Stop, FailWrite>;

struct Event {
  Deed deed;
  /// How much the operator does before the next event: 0 is all that there is to do.
  Pick steps = 0;
};

struct History {
  std::vector<Event> events;
  /// Decides what comes first of what is due at the same time; 0: always the same order.
  std::uint32_t schedule = 0;
};

std::ostream& operator<<(std::ostream& out, const Event& event);
std::ostream& operator<<(std::ostream& out, const History& history);

/// All addresses that Pools, Services and reservations of a history can name, ascending.
[[nodiscard]] const std::vector<IpAddress>& allAddresses();
[[nodiscard]] const std::vector<std::string>& allNamespaces();
/// Services and IP objects of other namespaces are none of its business.
[[nodiscard]] bool isOfHistories(const std::string& ns);

}  // namespace barevip::history
