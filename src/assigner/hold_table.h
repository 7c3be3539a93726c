// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "barevip/base/ip.h"
#include "barevip/kube/object_key.h"

namespace barevip::assigner {

struct Holder {
  enum class Kind : std::uint8_t {
    kService,      ///< by an IP object that the assigner made for it
    kReservation,  ///< an IP object that a person made
    kForeign,      ///< a Service that shows an address which somebody else gave
  };
  Kind kind = Kind::kService;
  kube::ObjectKey key;

  [[nodiscard]] std::string toString() const;

  friend bool operator==(const Holder&, const Holder&) = default;
};

struct Hold {
  Holder holder;
  std::string pool;                     ///< the Pool that it was given from; empty if none
  std::optional<kube::ObjectKey> user;  ///< of a reservation: the Service that uses it

  friend bool operator==(const Hold&, const Hold&) = default;
};

/// Who holds which address: one holder each. Not thread-safe.
class HoldTable {
 public:
  /// False, and nothing changes, if the address is held.
  bool add(const IpAddress& address, Hold hold);
  /// False if it was not held.
  bool remove(const IpAddress& address);

  [[nodiscard]] const Hold* find(const IpAddress& address) const;
  [[nodiscard]] const std::unordered_map<IpAddress, Hold>& all() const { return holds_; }

  /// The addresses that the Service holds or uses, ascending.
  [[nodiscard]] const std::vector<IpAddress>& ofService(const kube::ObjectKey& service) const;
  [[nodiscard]] std::optional<IpAddress> ofReservation(const kube::ObjectKey& claim) const;
  [[nodiscard]] const std::vector<IpAddress>& ofForeign(const kube::ObjectKey& service) const;

  /// Changes who uses a reservation; nullopt: nobody. The address must be one.
  void setUser(const IpAddress& address, const std::optional<kube::ObjectKey>& service);

  /// The Service that uses the reservation holds it from now on.
  void convertToService(const IpAddress& address);

 private:
  /// Hashed: names of Services are alike and so slow to compare.
  using Lists = std::unordered_map<kube::ObjectKey, std::vector<IpAddress>>;

  void link(const IpAddress& address, const Hold& hold);
  void unlink(const IpAddress& address, const Hold& hold);

  std::unordered_map<IpAddress, Hold> holds_;
  Lists services_;
  Lists foreign_;
  std::unordered_map<kube::ObjectKey, IpAddress> reservations_;
};

}  // namespace barevip::assigner
