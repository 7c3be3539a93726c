// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "barevip/base/text.h"
#include "barevip/model/meta.h"

namespace barevip::model {

/// The custom resource of kind IP: the durable record of an
/// allocation. Texts as they stand in the API: nothing is validated yet.
struct IpObject {
  /// What crds/ip.yaml lets status.ports have; an object of etcd's size holds far more ports.
  static constexpr std::size_t kMaxPorts = 16384;
  /// What it lets status.services have; as many fit into status.service.
  static constexpr std::size_t kMaxServices = 1024;
  /// Of a namespace so many reservations count, see docs/reference.md.
  static constexpr std::size_t kMaxReservations = 1024;
  /// The condition that says whether the address is held, and why not.
  static constexpr const char* kBound = "Bound";

  struct Spec {
    Text pool;
    Text address;
    Text family;         ///< "IPv4", "IPv6" or empty
    Text shareKey = {};  ///< Services with this key may use the address together

    friend bool operator==(const Spec&, const Spec&) = default;
  };

  struct Status {
    Text phase;  ///< Pending, Bound, Conflict, Released or empty
    Text address;
    Text pool;
    std::vector<Text> ports;  ///< "80/TCP"; at most kMaxPorts
    /// Names of those that use the address, in the namespace of the IP object; at most
    /// kMaxServices.
    std::vector<Text> services;
    Text node;  ///< who announces it, written by that node
    /// metadata.generation of the spec that phase was decided from; 0: not given.
    std::int64_t observedGeneration = 0;
    /// Without Ready: it stands in the API beside Bound and says the same.
    Conditions conditions;
    /// What stands in the API twice agrees there: service with services, Ready with Bound. False
    /// for what the release before wrote, which is not equal to what this one would write.
    bool coherent = true;

    friend bool operator==(const Status&, const Status&) = default;
  };

  kube::ObjectKey key;
  std::string uid;
  std::string resourceVersion;
  std::int64_t generation = 0;
  std::int64_t creationSeconds = 0;  ///< since the epoch; of two records the older counts
  bool deleting = false;
  /// Its namespace has more than kMaxReservations, and this is not one of those that count. No
  /// field of the API: the operator says so.
  bool excess = false;
  std::optional<OwnerReference> serviceOwner;  ///< set: made for that Service, freed with it
  /// recordedClass() of that Service when it was given the address.
  Text servedClass;
  Spec spec;
  Status status;

  friend bool operator==(const IpObject&, const IpObject&) = default;
};

}  // namespace barevip::model
