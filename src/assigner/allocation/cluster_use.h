// SPDX-License-Identifier: Apache-2.0
// Addresses that the cluster itself uses, which no Pool must give.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "barevip/base/ip.h"
#include "barevip/kube/objects.h"
#include "barevip/model/node.h"
#include "barevip/model/service.h"
#include "barevip/model/service_cidr.h"

#include "assigner/allocation/address_set.h"

namespace barevip::assigner {

/// One range with whoever uses it.
struct ClusterUser {
  IpRange range;
  const char* what = "";  ///< for anybody: "an address of a node"
  std::string who;        ///< for who owns the Pool: "Node n1"

  friend bool operator==(const ClusterUser&, const ClusterUser&) = default;
};

/// Addresses and pod ranges of nodes; the ranges of clusterIPs, and clusterIPs and spec.externalIPs
/// of Services: kube-proxy takes what goes to one of these elsewhere. Thread-safe.
class ClusterUse {
 public:
  using NodePtr = std::shared_ptr<const model::Node>;
  using ServicePtr = std::shared_ptr<const model::Service>;
  using ServiceCidrPtr = std::shared_ptr<const model::ServiceCidr>;

  // One of both is null on add and on delete. True if that changes what is used.

  bool update(const NodePtr& before, const NodePtr& after);
  bool update(const ServicePtr& before, const ServicePtr& after);
  bool update(const ServiceCidrPtr& before, const ServiceCidrPtr& after);

  /// Another number after each change of what is used, as Store::revision().
  [[nodiscard]] std::uint64_t revision() const;

  /// What of it touches the set, ascending. A clusterIP within a range of them is not named apart:
  /// its Service may come and go without a change of what is used.
  [[nodiscard]] std::vector<ClusterUser> within(const AddressSet& addresses) const;

 private:
  template <class T>
  bool replace(kube::Objects<T>& objects, const std::shared_ptr<const T>& before,
               const std::shared_ptr<const T>& after);

  mutable std::mutex mutex_;
  // Those that use anything, as the stores have them: most Services of a cluster do.
  kube::Objects<model::Node> nodes_;
  kube::Objects<model::Service> services_;
  kube::Objects<model::ServiceCidr> serviceCidrs_;
  std::uint64_t revision_ = 0;
};

}  // namespace barevip::assigner
