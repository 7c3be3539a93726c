// SPDX-License-Identifier: Apache-2.0
// Who waits for an address, in the order of their age, and for what.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "barevip/base/ip.h"
#include "barevip/kube/object_key.h"

#include "assigner/allocation/allocation_table.h"
#include "assigner/allocation/namespace_use.h"
#include "assigner/allocation/refusal.h"

namespace barevip::assigner {

/// An address that was released.
struct Freed {
  IpAddress address;
  std::vector<std::string> pools;  ///< that offer it
  std::string ns;                  ///< of whoever had it, while it rests
  bool resting = false;            ///< only that namespace may have it for now
  std::uint64_t since = 0;         ///< of the WaitingList: when it woke the first one for it

  friend bool operator==(const Freed&, const Freed&) = default;
};

/// What changed for those with a share key.
struct Shareable {
  std::string ns;  ///< of the Service that has an address under it, or had
  std::string key;
  bool everywhere = false;  ///< its Pool lets Services of other namespaces share it

  friend auto operator<=>(const Shareable&, const Shareable&) = default;
};

/// First come, first served: whatever becomes free wakes the oldest for whom it may be. If it does
/// not take it, the next one is woken, so that a wake-up costs as many looks as it needs, and not
/// one for each who waits.
///
/// Of addresses of one family that become free together each one is for another waiter: who was
/// promised one that any address of the Pool would replace is passed over until it has decided. The
/// oldest never goes without by that:
/// - It is promised an address only if it may have it: of a Pool that it waits for, in its family,
///   while its namespace has room under that Pool's limit, which nobody takes away (NamespaceUse).
///   So it takes the address, unless its request or a Pool was edited since: then it is in line
///   again when it has decided.
/// - Nobody needs two of one family, and the families are counted apart: for dual stack it is
///   promised one of each. Where the other family is missing, a second one of this would not help.
/// - Who asks for a number is never passed over for it: no other address helps it.
/// - A share key only adds addresses to those that it may have.
/// - When all were promised one, the oldest gets what only it may have as well, and passes on what
///   it does not take.
/// Thread-safe.
///
/// Entries are put and removed with the lock of the allocator held: who frees an address after
/// a refusal finds the refused one here.
class WaitingList {
 public:
  /// What a waiter has meanwhile.
  enum class Standing : std::uint8_t {
    kWaits,       ///< nothing
    kIncomplete,  ///< an address, and it would like one of one more family
    kKeeps,       ///< addresses, and what it asks for now is refused
    kForeign,     ///< an address that another one gave, to be adopted
  };
  struct Entry {
    std::int64_t since = 0;  ///< when the object was created: a new leader finds the same order
    RefusalReason reason = RefusalReason::kBadRequest;
    Standing standing = Standing::kWaits;
    /// That it asks for, and under which it has addresses that others have as well.
    std::set<std::string> shareKeys;
    Obstacle obstacle;
  };

  void put(const Consumer& who, Entry entry);
  void remove(const Consumer& who);

  // The oldest first.

  [[nodiscard]] std::vector<Consumer> all() const;
  [[nodiscard]] std::vector<kube::ObjectKey> keys(Consumer::Kind kind) const;
  /// Those with the share key: they may fit on an address beside others now, or have it alone.
  [[nodiscard]] std::vector<Consumer> sharing(const Shareable& what) const;
  /// Those that wait for this reservation.
  [[nodiscard]] std::vector<Consumer> naming(const kube::ObjectKey& ipObject) const;

  /// Who was woken, and what for.
  struct Woken;

  /// Whether the namespace of who waits has room for it under the limit now.
  using HasRoom = std::function<bool(const Limit&, const Consumer&)>;

  /// The one for whom the address is; remembers what he was woken for.
  std::optional<Consumer> wake(const Freed& freed, const HasRoom& hasRoom);
  /// He looks: forgets what he was woken for.
  Woken looks(const Consumer& who);
  /// He has looked: he is not passed over any more for what he was woken for before.
  void decided(const Consumer& who);
  /// He did not take it: the next one behind him.
  std::optional<Consumer> passOn(const Freed& freed, const Woken& from, const HasRoom& hasRoom);
  /// Nobody is left behind him: those for whom it may be and who looked since it became free, when
  /// it was promised to another one perhaps. They do not pass it on.
  [[nodiscard]] std::vector<Consumer> lookedSince(const Freed& freed) const;

  /// What consumers of the namespace wait for that has as many addresses as it may have.
  [[nodiscard]] std::vector<Limit> limitsIn(const std::string& ns) const;
  /// The oldest whom the limit stands in the way of, and who has room under it now; remembers what
  /// he was woken for.
  std::optional<Consumer> wake(const Limit& limit, const HasRoom& hasRoom);
  /// He has looked: the next one behind him.
  std::optional<Consumer> passOn(const Limit& limit, const Woken& from, const HasRoom& hasRoom);

  /// Those that have nothing.
  [[nodiscard]] std::size_t waiting(Consumer::Kind kind, RefusalReason reason) const;
  [[nodiscard]] std::size_t services(Standing standing) const;

 private:
  /// In the order of waiting.
  struct Place {
    std::int64_t since = 0;
    Consumer::Kind kind = Consumer::Kind::kService;
    kube::ObjectKey key;

    friend auto operator<=>(const Place&, const Place&) = default;
  };
  struct Waiter {
    Place place;
    Entry entry;
    std::vector<std::string> topics;
    std::uint64_t looked = 0;  ///< when it was refused last, as lastLook_ counts
  };

  using Places = std::set<Place>;
  using Topics = std::map<std::string, Places>;

  void removeLocked(const Consumer& who);
  std::optional<Consumer> nextLocked(const Limit& limit, const std::optional<Place>& after,
                                     const HasRoom& hasRoom);
  [[nodiscard]] std::size_t countIf(
      const std::function<bool(Consumer::Kind, const Entry&)>& of) const;
  std::optional<Consumer> nextLocked(const Freed& freed, const std::optional<Place>& after,
                                     const HasRoom& hasRoom);
  /// The oldest in the index who may have the address.
  std::optional<Place> findLocked(const Topics& index, const Freed& freed,
                                  const std::optional<Place>& after, const HasRoom& hasRoom);
  /// Its namespace has no room, although it had some when it was refused.
  void waitsForRoomLocked(const Place& place, const Limit& limit);
  /// He is passed over where an address of a family was promised to him, and else he is not.
  void lineUpLocked(const Waiter& waiter);
  [[nodiscard]] std::vector<Consumer> ofTopic(const std::string& topic) const;

  mutable std::mutex mutex_;
  std::map<std::pair<Consumer::Kind, kube::ObjectKey>, Waiter> waiters_;
  Places places_;
  Topics topics_;
  Topics inLine_;  ///< for Pools only, and without those who are passed over
  std::map<Limit, Places> limits_;
  std::map<std::pair<Consumer::Kind, kube::ObjectKey>, Woken> woken_;
  std::uint64_t lastLook_ = 0;
};

struct WaitingList::Woken {
  Place place;  ///< that he had: he may wait no longer
  std::vector<Freed> freed;
  std::set<Limit> limits;
};

}  // namespace barevip::assigner
