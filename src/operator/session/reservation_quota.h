// SPDX-License-Identifier: Apache-2.0
// How many reservations of a namespace an operator knows, and which. Pure.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "barevip/kube/object_key.h"
#include "barevip/model/ip_claim.h"

namespace barevip::controlplane {

/// Whoever may make IP objects may make any number of them, and an address is not needed for that.
/// Of each namespace so many count, and as many again are known, to be refused. Those that hold an
/// address count before all others, whatever their number; of the others the oldest, by creation
/// and name. So the verdict follows from the objects, and neither from the order in which they come
/// nor from a restart, but for what was left out before there was room: see hasRoom(). Records
/// of Services do not count.
class ReservationQuota {
 public:
  struct Limits {
    std::size_t counted = model::IpClaim::kMaxReservations;  ///< of a namespace
    std::size_t refused = model::IpClaim::kMaxReservations;  ///< and so many more are known
  };
  enum class Verdict : std::uint8_t { kCounts, kRefused, kLeftOut };
  /// The last verdict of each object whose verdict may be another one now.
  using Verdicts = std::map<kube::ObjectKey, Verdict>;

  ReservationQuota() = default;
  explicit ReservationQuota(Limits limits) : limits_(limits) {}

  /// The object is there, or is as it is now. It has a verdict of those returned.
  Verdicts put(const model::IpClaim& claim);
  /// The object is gone; the verdicts of others.
  Verdicts erase(const kube::ObjectKey& key);

  /// Something was left out, and there is room now: only a list finds it again.
  [[nodiscard]] bool hasRoom() const { return !roomIn_.empty(); }

 private:
  struct Rank {
    bool waits = false;
    std::int64_t since = 0;
    std::string name;

    friend auto operator<=>(const Rank&, const Rank&) = default;
  };
  struct OfNamespace {
    std::set<Rank> counted;
    std::set<Rank> refused;
    std::map<std::string, Rank> ranks;  ///< by name, of both
    bool leftOut = false;               ///< something, since the last list
  };

  static void remove(OfNamespace& of, const std::string& name);
  void settle(const std::string& ns, OfNamespace& of, Verdicts& verdicts);

  Limits limits_{};
  std::map<std::string, OfNamespace> namespaces_;
  std::set<std::string> roomIn_;
};

}  // namespace barevip::controlplane
