// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "barevip/base/ip.h"
#include "barevip/kube/object_key.h"

#include "assigner/allocation/sharing.h"

namespace barevip::assigner {

struct Consumer {
  enum class Kind : std::uint8_t {
    kService,      ///< by an IP object that the assigner made for it
    kReservation,  ///< an IP object that a person made
    kForeign,      ///< a Service that shows an address that barevip did not allocate
    kResting,  ///< nobody: it was released a moment ago, and is kept for a namespace or a waiter
  };
  Kind kind = Kind::kService;
  kube::ObjectKey key;

  [[nodiscard]] std::string toString() const;

  friend bool operator==(const Consumer&, const Consumer&) = default;
};

/// Who waited longest for an address that rests, and alone may have it until it has looked.
struct Promise {
  Consumer to;
  std::uint64_t number = 0;  ///< how many promises were made before it
};

/// An address that is held: by Services, by a reservation or by a foreign Service.
struct Allocation {
  Consumer::Kind kind = Consumer::Kind::kService;
  Text pool;              ///< that gave a reserved address; empty: unknown
  kube::ObjectKey owner;  ///< the IP object of a reservation, or the foreign Service
  Text shareKey;          ///< of a reservation: with it several Services may use it
  /// The Services that have the address, ascending: the consumers, at least one, or the users of a
  /// reservation. Several have one key and fit together.
  std::vector<ServiceConsumer> users;
  bool recorded = true;  ///< of a reservation: the API says that it holds the address
  /// Of what rests; nullptr: to nobody. Apart, since few have one and every address an allocation.
  std::shared_ptr<const Promise> promise = {};

  [[nodiscard]] static Allocation ofService(ServiceConsumer service);
  [[nodiscard]] static Allocation ofReservation(Text pool, kube::ObjectKey ipObject, Text shareKey,
                                                std::vector<ServiceConsumer> users);
  [[nodiscard]] static Allocation ofForeign(kube::ObjectKey service);
  [[nodiscard]] static Allocation ofRest(Text pool, Text ns);

  /// The Pool that the address came from: an address counts for one Pool, so the first one's of
  /// Services that share. Empty: unknown.
  [[nodiscard]] const Text& sourcePool() const;

  /// Nobody has the address, and who asks may have it.
  [[nodiscard]] bool isFreeFor(const Consumer& asking) const;

  /// nullptr: the Service does not have the address.
  [[nodiscard]] const ServiceConsumer* user(const kube::ObjectKey& service) const;
  /// Whether a consumer of the namespace has it, other than the Service itself.
  [[nodiscard]] bool isOf(const std::string& ns, const kube::ObjectKey& except = {}) const;
  /// The terms on which the Service has the address; nullptr: it does not.
  [[nodiscard]] const SharingTerms* termsOf(const kube::ObjectKey& service) const;

  /// One, or several where Services share.
  [[nodiscard]] std::vector<Consumer> consumers() const;
  /// For people: "Service a/b", or "Service a/b and 2 more".
  [[nodiscard]] std::string toString() const;
  /// The same for people of one namespace: names nobody of another one.
  [[nodiscard]] std::string toStringFor(const std::string& ns) const;

  friend bool operator==(const Allocation&, const Allocation&) = default;
};

/// Who holds which address. Not thread-safe. Each operation is O(log addresses), and linear in the
/// number of Services that share the address.
class AllocationTable {
 public:
  /// False, and nothing changes, if the address is held.
  bool add(const IpAddress& address, Allocation allocation);
  /// False if it was not held.
  bool remove(const IpAddress& address);

  [[nodiscard]] const Allocation* find(const IpAddress& address) const;
  [[nodiscard]] const std::unordered_map<IpAddress, Allocation>& all() const {
    return allocations_;
  }

  // Addresses are ascending.

  /// What the Service holds or uses.
  [[nodiscard]] const std::vector<IpAddress>& ofService(const kube::ObjectKey& service) const;
  [[nodiscard]] std::optional<IpAddress> ofReservation(const kube::ObjectKey& ipObject) const;
  [[nodiscard]] const std::vector<IpAddress>& ofForeign(const kube::ObjectKey& service) const;
  /// What rests for the namespace, or for one who waits in it.
  [[nodiscard]] const std::vector<IpAddress>& restingFor(const std::string& ns) const;
  /// What Services and reservations of a namespace hold or use.
  [[nodiscard]] const std::vector<IpAddress>& ofNamespace(const std::string& ns) const;
  /// What Services hold under a share key; ns: those of one namespace, or of any if it is empty.
  [[nodiscard]] const std::vector<IpAddress>& ofShareKey(const std::string& key,
                                                         const std::string& ns) const;

  // The address must be held.

  /// The Service has the address, too, or on other terms than before.
  void join(const IpAddress& address, ServiceConsumer service);
  /// The Service leaves it. Of an address that Services hold the last one cannot: remove it.
  void leave(const IpAddress& address, const kube::ObjectKey& service);
  /// The users of the reservation, at least one, hold the address from now on.
  void convertToServices(const IpAddress& address);
  /// The Services that hold the address use it as a reservation from now on.
  void convertToReservation(const IpAddress& address, kube::ObjectKey ipObject, Text shareKey);
  void setShareKey(const IpAddress& address, Text key);
  void setRecorded(const IpAddress& address, bool recorded);
  void setPromised(const IpAddress& address, const Consumer& waiter);
  void endPromise(const IpAddress& address);

 private:
  /// Hashed: names of Services are alike and so slow to compare.
  using Lists = std::unordered_map<kube::ObjectKey, std::vector<IpAddress>>;

  template <class Change>
  void change(const IpAddress& address, Change&& apply);
  void link(const IpAddress& address, const Allocation& allocation);
  void unlink(const IpAddress& address, const Allocation& allocation);

  std::unordered_map<IpAddress, Allocation> allocations_;
  Lists services_;
  Lists foreign_;
  Lists resting_;     ///< by namespace, without a name
  Lists namespaces_;  ///< likewise
  Lists shared_;      ///< by key and namespace, and by key alone
  std::unordered_map<kube::ObjectKey, IpAddress> reservations_;
  std::uint64_t promises_ = 0;
};

}  // namespace barevip::assigner
