// SPDX-License-Identifier: Apache-2.0
// How many reservations of a namespace an operator knows, and which. Pure.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <utility>

#include "barevip/base/text.h"
#include "barevip/kube/object_key.h"
#include "barevip/model/ip_object.h"

namespace barevip::controlplane {

/// Whoever may make IP objects may make any number of them, and an address is not needed for that.
/// Of each namespace so many count, and as many again are known, to be refused. Those that hold an
/// address count before all others, whatever their number; of the others the oldest, by creation
/// and name. So the verdict follows from the objects, and neither from the order in which they come
/// nor from a restart, but for what was left out before there was room: see hasRoom().
///
/// Records of Services do not count. Anybody can make an IP object that looks like one, but only
/// the operator binds it: of those of one Service that are not bound, the oldest few are records,
/// more than it ever has at once, and the others are reservations. Names of Services that do not
/// exist can be invented without end: of what looks like their records, and is not bound, only the
/// youngest are known, as a record may be seen a moment before its Service. A record of a Service
/// that exists is never left out for them.
class ReservationQuota {
 public:
  struct Limits {
    std::size_t counted = model::IpObject::kMaxReservations;    ///< of a namespace
    std::size_t refused = model::IpObject::kMaxReservations;    ///< and so many more are known
    std::size_t unbound = 8;                                    ///< records of one Service
    std::size_t ownerless = model::IpObject::kMaxReservations;  ///< of a namespace, see above
  };
  /// Whether the Service exists, as far as it is known.
  using Exists = std::function<bool(const kube::ObjectKey& service)>;
  enum class Verdict : std::uint8_t { kCounts, kRefused, kLeftOut };
  /// The last verdict of each object whose verdict may be another one now.
  using Verdicts = std::map<kube::ObjectKey, Verdict>;

  ReservationQuota() = default;
  /// Without `exists` every Service does.
  explicit ReservationQuota(Limits limits, Exists exists = {})
      : limits_(limits), exists_(std::move(exists)) {}

  /// The object is there, or is as it is now. It has a verdict of those returned.
  Verdicts put(const model::IpObject& ipObject);
  /// The object is gone; the verdicts of others.
  Verdicts erase(const kube::ObjectKey& key);

  /// The Service came or went.
  Verdicts serviceChanged(const kube::ObjectKey& service);

  /// Something was left out, and there is room now, or it may be the record of a Service that came
  /// since: only a list finds it again.
  [[nodiscard]] bool hasRoom() const { return !roomIn_.empty() || !missedIn_.empty(); }

 private:
  struct Rank {
    bool waits = false;
    std::int64_t since = 0;
    Text name;

    friend auto operator<=>(const Rank&, const Rank&) = default;
  };
  using Ranks = std::set<Rank>;
  /// What looks like a record of one Service and is not bound.
  struct OfService {
    bool exists = true;
    Ranks records;
    Ranks others;  ///< too many to be records; none if the Service does not exist
  };
  struct Known {
    Rank rank;
    Text service;  ///< that it names as its owner if it looks like a record; else empty
  };
  struct OfNamespace {
    Ranks counted;
    Ranks refused;
    Ranks ownerless;  ///< records of Services that do not exist
    std::map<Text, OfService> services;
    std::map<Text, Known> known;  ///< by name, of all these
    bool leftOut = false;         ///< a reservation, since the last list
    bool missed = false;          ///< something ownerless, since the last list
  };

  OfService& serviceOf(const kube::ObjectKey& key, OfNamespace& of) const;
  /// Returns the Service whose record it may have been.
  static Text remove(OfNamespace& of, const Text& name);
  void settleRecords(const Text& ns, OfNamespace& of, const Text& service,
                     Verdicts& verdicts) const;
  void settle(const Text& ns, OfNamespace& of, Verdicts& verdicts);
  void settleOwnerless(const Text& ns, OfNamespace& of, Verdicts& verdicts) const;

  Limits limits_{};
  Exists exists_;
  std::map<Text, OfNamespace> namespaces_;
  std::set<Text> roomIn_;
  std::set<Text> missedIn_;  ///< namespaces in which a Service came after something was missed
};

}  // namespace barevip::controlplane
