// SPDX-License-Identifier: Apache-2.0
// The whole state of allocation and the only place where it changes.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "assigner/choice.h"
#include "assigner/hold_table.h"
#include "assigner/pool_plan.h"
#include "assigner/pool_table.h"
#include "assigner/request.h"

namespace barevip::assigner {

struct PoolUsage {
  struct Counts {
    Uint128 capacity = 0;   ///< addresses that it offers
    Uint128 allocated = 0;  ///< held ones, those outside of its addresses (see below) included
    Uint128 available = 0;

    friend bool operator==(const Counts&, const Counts&) = default;
  };
  Counts ipv4;
  Counts ipv6;
  /// They count for this Pool, which does not offer them: by now they are in no Pool, or the Pool
  /// avoids them; an address once for each of its holders.
  std::vector<std::pair<IpAddress, Holder>> outside;
};

/// Pure: no clock, no I/O, no threads of its own. The same calls give the same result. Not
/// thread-safe. An address has one holder at a time, or Services that fit together under one share
/// key, whatever is called.
class Allocator {
 public:
  /// Nobody loses an address by it.
  void setPools(std::vector<PoolPlan> plans);
  [[nodiscard]] const PoolTable& pools() const { return pools_; }
  [[nodiscard]] const HoldTable& holds() const { return holds_; }

  /// Chooses, and holds what is chosen on the terms that are asked for. Surplus stays held until
  /// released. Of a refused Service the terms change as far as the others on its addresses allow.
  Choice assign(const Request& request);

  /// What the Service has, for a request that cannot even be read. Its terms change as those of
  /// anybody who is refused.
  Choice keep(const Sharer& service, const std::vector<IpAddress>& shown, Refusal refusal);

  /// How sure it is that a Service was given an address.
  enum class Proof : std::uint8_t {
    kGranted,  ///< its record or its status says so: what clashes with others is left out
    kNone,     ///< it may have the address if it could share it now
  };
  /// For the Service as it was found in the cluster. The Pools are not asked, unless others have
  /// the address and there is no proof. False if somebody else holds the address and the Service
  /// cannot join. An address that the Service holds already is success, and one that was held for
  /// it as foreign is its own from now on.
  bool takeUp(const Sharer& service, const IpAddress& address, Proof proof);

  /// Ends the Service's hold or use. A reservation stays reserved. False if it had none.
  bool release(const kube::ObjectKey& service, const IpAddress& address);
  /// Returns what it had.
  std::vector<IpAddress> releaseAll(const kube::ObjectKey& service);

  /// Whether a Service names the IP object by its annotation.
  using Names = std::function<bool(const kube::ObjectKey& service)>;
  /// Reserves for a person's IP object; one that holds an address already keeps it, perhaps with
  /// another share key. An address whose holders all name the IP object is reserved with them as
  /// its users: the object was deleted and made again.
  tl::expected<Assignment, Refusal> reserve(const Reservation& reservation,
                                            const Names& names = {});
  /// As it was found in the cluster, without asking the Pools; users: the Services that use it.
  bool takeUpReservation(const kube::ObjectKey& claim, const IpAddress& address,
                         const std::string& pool, const std::string& shareKey,
                         const std::vector<Sharer>& users);
  /// The IP object is gone. Services that use the address hold it from now on. True if the address
  /// is free now.
  bool unreserve(const kube::ObjectKey& claim);

  /// What a Service shows that is not ours to serve; held as far as nobody else does, or as soon as
  /// nobody else does any more. Replaces what was said before. True if an address became free.
  bool setForeign(const kube::ObjectKey& service, const std::vector<IpAddress>& addresses);

  [[nodiscard]] PoolUsage usage(const std::string& pool) const;

 private:
  void grant(const Sharer& service, Assignment& assignment);
  [[nodiscard]] bool heldForIt(const Reservation& reservation, const Names& names) const;
  bool add(const IpAddress& address, Hold hold);
  void drop(const IpAddress& address);
  /// Nobody of ours holds it any more: from now on a foreign Service that shows it does.
  void remove(const IpAddress& address);
  void join(const IpAddress& address, Sharer service);
  /// Of who has an address that is held.
  template <class Change>
  void change(const IpAddress& address, Change&& apply);
  void noteOutside(const IpAddress& address, const Hold& hold);
  void forgetOutside(const IpAddress& address);

  PoolTable pools_;
  HoldTable holds_;
  std::map<kube::ObjectKey, std::vector<IpAddress>> foreign_;  ///< what foreign Services show
  std::set<std::pair<IpAddress, kube::ObjectKey>> foreignByAddress_;
  std::map<std::string, std::set<IpAddress>> outside_;  ///< by the Pool that they count for
};

}  // namespace barevip::assigner
