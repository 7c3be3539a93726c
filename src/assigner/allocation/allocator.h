// SPDX-License-Identifier: Apache-2.0
// The whole state of allocation and the only place where it changes.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include "barevip/base/clock.h"

#include "assigner/allocation/allocation_table.h"
#include "assigner/allocation/choice.h"
#include "assigner/allocation/pool_plan.h"
#include "assigner/allocation/pool_table.h"
#include "assigner/allocation/request.h"
#include "assigner/allocation/waiting_list.h"

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
  /// They count for this Pool, which does not offer them: they are in no Pool any more, or the Pool
  /// avoids them; an address once for each of its consumers.
  std::vector<std::pair<IpAddress, Consumer>> outside;
};

/// Pure: time comes by tick(), no I/O, no threads of its own. The same calls give the same
/// result. Not thread-safe. An address has one consumer at a time, or Services that fit together
/// under one share key, whatever is called.
class Allocator {
 public:
  /// The time of all that follows: what has rested long enough is free again.
  void tick(MonotonicTime now);
  /// When the next address has rested; nullopt: none rests.
  [[nodiscard]] std::optional<MonotonicTime> nextRested() const;
  /// Those that more consumers may have than before the last call: released, or rested.
  [[nodiscard]] std::vector<Freed> takeFreed();
  /// The address as it may be allocated now; nullopt: it is held, or promised.
  [[nodiscard]] std::optional<Freed> freed(const IpAddress& address) const;
  /// Nobody else may have the address, which freed() describes, until endPromise().
  void promise(const IpAddress& address, const Consumer& waiter);
  /// False if it is not promised to the waiter (any more): it has the address.
  bool endPromise(const IpAddress& address, const Consumer& waiter);

  /// Nobody loses an address by it.
  void setPools(std::vector<PoolPlan> plans);
  [[nodiscard]] const PoolTable& pools() const { return pools_; }
  [[nodiscard]] const AllocationTable& allocations() const { return allocations_; }

  /// The Service holds what was chosen for it, on its terms, from now on. Surplus stays held until
  /// released. The choice must have been made since the last change of anything here.
  void grant(const ServiceConsumer& service, const Choice& choice);

  /// How sure it is that a Service was given an address.
  enum class Evidence : std::uint8_t {
    kRecorded,  ///< its record or its status says so: what clashes with others is left out
    kClaimed,   ///< it may have the address if it could share it now
  };
  /// For the Service as it was found in the cluster. The Pools are not asked, unless others have
  /// the address and there is no evidence. False if another one holds the address and the Service
  /// cannot join. What the Service holds already is success, and came from the Pool if no other is
  /// known. What was held for it as foreign is its own from now on.
  bool restore(const ServiceConsumer& service, const IpAddress& address, Evidence evidence);

  /// Ends the Service's hold or use. A reservation stays reserved. False if it had none.
  bool release(const kube::ObjectKey& service, const IpAddress& address);
  /// Returns what it had.
  std::vector<IpAddress> releaseAll(const kube::ObjectKey& service);

  /// Whether a Service names the IP object by its annotation.
  using Names = std::function<bool(const kube::ObjectKey& service)>;
  /// Reserves for a person's IP object; one that holds an address already keeps it, perhaps with
  /// another share key. An address whose consumers all name the IP object is reserved with them as
  /// its users: the object was deleted and made again.
  tl::expected<Assignment, Refusal> reserve(const Reservation& reservation,
                                            const Names& names = {});
  /// Its status says already that it holds what it was given: Services may use it.
  void recorded(const kube::ObjectKey& ipObject);
  /// As it was found in the cluster, without asking the Pools; users: the Services that use it.
  bool restoreReservation(const kube::ObjectKey& ipObject, const IpAddress& address,
                          const std::string& pool, const std::string& shareKey,
                          const std::vector<ServiceConsumer>& users);
  /// The IP object is gone. Services that use the address hold it from now on. True if the address
  /// is free now.
  bool unreserve(const kube::ObjectKey& ipObject);

  /// It is free, and whoever had it last is not known: it rests for the reuseDelay of the Pool that
  /// has it, and for nobody. False, and nothing changes, if it is held, or the Pool has no delay.
  bool restForNobody(const IpAddress& address);

  /// What a Service shows that is not ours to serve; held as far as nobody else does, or as soon as
  /// nobody else does any more. Replaces what was said before. True if an address became free.
  bool setForeign(const kube::ObjectKey& service, const std::vector<IpAddress>& addresses);

  [[nodiscard]] PoolUsage usage(const std::string& pool) const;
  /// The addresses that count for the Pool (PoolTable::home). What a Service shows that barevip
  /// did not allocate counts for none, and neither does what rests.
  [[nodiscard]] const std::set<IpAddress>& ofPool(const std::string& pool) const;

 private:
  [[nodiscard]] bool heldForIt(const Reservation& reservation, const Names& names) const;
  bool add(const IpAddress& address, Allocation allocation);
  void drop(const IpAddress& address);
  /// None of our Services holds it any more: from now on a foreign Service that shows it does, or
  /// it rests for who had it last.
  void remove(const IpAddress& address);
  bool holdForForeign(const IpAddress& address);
  /// An address of the Pool that the namespace released; no more than so many rest for it.
  void rest(const IpAddress& address, const PoolPlan& pool, const std::string& ns,
            std::size_t most);
  /// It has rested. By value, as callers have it from what this erases.
  void wakeUp(IpAddress address);
  /// It neither rests nor is promised any longer, so that it can be held.
  void endRest(const IpAddress& address);
  void forgetRest(const IpAddress& address);
  void join(const IpAddress& address, ServiceConsumer service);
  /// Of who has an address that is held.
  template <class Change>
  void change(const IpAddress& address, Change&& apply);
  void noteHome(const IpAddress& address, const Allocation& allocation);
  void forgetHome(const IpAddress& address);

  PoolTable pools_;
  AllocationTable allocations_;
  std::map<kube::ObjectKey, std::vector<IpAddress>> foreign_;  ///< what foreign Services show
  std::set<std::pair<IpAddress, kube::ObjectKey>> foreignByAddress_;
  /// What counts for a Pool.
  struct Counted {
    std::set<IpAddress> all;
    std::set<IpAddress> outside;  ///< those that it does not offer
  };
  std::unordered_map<std::string, Counted> counted_;  ///< by Pool, where anything counts for it
  MonotonicTime now_{};
  using RestEnds = std::set<std::pair<MonotonicTime, IpAddress>>;
  std::map<IpAddress, MonotonicTime> restsUntil_;
  RestEnds restEnds_;
  /// What rests for a namespace. No more than it had at once, so that nobody drains a Pool by
  /// releasing one address after the other.
  struct Resting {
    std::size_t most = 0;
    RestEnds ends;
  };
  using PoolNamespace = std::tuple<std::string, std::string, Family>;  ///< Pool and namespace
  std::map<PoolNamespace, Resting> resting_;
  std::vector<IpAddress> freed_;
};

}  // namespace barevip::assigner
