// SPDX-License-Identifier: Apache-2.0
// Which IP object records which address for which Service. Pure.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "barevip/ipvs/kernel.h"
#include "barevip/model/ip_object.h"
#include "barevip/model/service.h"

namespace barevip::node {

[[nodiscard]] bool isBound(const model::IpObject& ipObject);

/// Whether the daemon of that node reads the IP object at all: it is bound, or still names the
/// node, which then takes its name away. Who may make IP objects may make any number that hold
/// nothing.
[[nodiscard]] bool concerns(const model::IpObject& ipObject, const std::string& node);

/// Bound IP objects by the address that they record: what the operator gave, whatever became of
/// the wishes of a Service since.
class IpIndex {
 public:
  using IpObjectPtr = std::shared_ptr<const model::IpObject>;

  IpIndex() = default;
  explicit IpIndex(const std::vector<IpObjectPtr>& ipObjects);

  /// The address that it records from now on; nullopt: none, it is not bound.
  std::optional<IpAddress> add(const IpObjectPtr& ipObject);
  /// The same one that was added. The address that it recorded.
  std::optional<IpAddress> remove(const IpObjectPtr& ipObject);

  /// Those that record the address for the Service, ascending by key: in its namespace, and owned
  /// by it or, without an owner, naming it in status.services.
  [[nodiscard]] std::vector<IpObjectPtr> of(const model::Service& service,
                                            const IpAddress& address) const;

  /// One of them grants the port: it stands in status.ports.
  [[nodiscard]] bool grant(const model::Service& service, const ipvs::VirtualServerKey& port) const;

 private:
  std::map<IpAddress, std::vector<IpObjectPtr>> byAddress_;
};

}  // namespace barevip::node
