// SPDX-License-Identifier: Apache-2.0
// Which IP object records which address for which Service. Pure.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "barevip/ipvs/kernel.h"
#include "barevip/model/ip_claim.h"
#include "barevip/model/service.h"

namespace barevip::node {

[[nodiscard]] bool isBound(const model::IpClaim& claim);

/// Whether the daemon of that node reads the claim at all: it is bound, or still names the node,
/// which then takes its name away. Who may make IP objects may make any number that hold nothing.
[[nodiscard]] bool concerns(const model::IpClaim& claim, const std::string& node);

/// Bound IP objects by the address that they record: what the operator gave, whatever became of
/// the wishes of a Service since.
class BoundClaims {
 public:
  using ClaimPtr = std::shared_ptr<const model::IpClaim>;

  BoundClaims() = default;
  explicit BoundClaims(const std::vector<ClaimPtr>& claims);

  /// The address that it records from now on; nullopt: none, it is not bound.
  std::optional<IpAddress> add(const ClaimPtr& claim);
  /// The same one that was added. The address that it recorded.
  std::optional<IpAddress> remove(const ClaimPtr& claim);

  /// Those that record the address for the Service, ascending by key: in its namespace, and owned
  /// by it or, without an owner, naming it in status.services.
  [[nodiscard]] std::vector<ClaimPtr> of(const model::Service& service,
                                         const IpAddress& address) const;

  /// One of them grants the port: it stands in status.ports.
  [[nodiscard]] bool grant(const model::Service& service, const ipvs::VirtualServerKey& port) const;

 private:
  std::map<IpAddress, std::vector<ClaimPtr>> byAddress_;
};

}  // namespace barevip::node
