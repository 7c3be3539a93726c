// SPDX-License-Identifier: Apache-2.0
// Addresses, routes, proxy neighbours and rules of one namespace in memory, with faults on demand.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "barevip/net/rtnetlink.h"

namespace barevip::fakes {

/// Keeps net::Rtnetlink' contract: our adds and deletes are idempotent, a foreign item in the way
/// is EEXIST and stays, a device that is not there is ENODEV. Removing a device takes all on it
/// along, as the kernel does. Beyond the contract it is thread-safe.
class FakeRtnetlink final : public net::Rtnetlink {
 public:
  /// What an op should answer instead of being done; 0: do it.
  using OpFault = std::function<int(const net::NetOp&)>;

  Result<std::vector<net::NetObject>> dumpOwned() override;
  Result<std::vector<net::BoundAddress>> dumpAddresses() override;
  Result<std::vector<int>> apply(std::span<const net::NetOp> plan) override;
  Result<net::Device> device(const std::string& name) override;

  // The world: changes by another hand, not counted as writes.

  /// Adds or replaces.
  void addDevice(net::Device device);
  /// An up and running device with the next index and a MAC made of it.
  void addDevice(const std::string& name);
  void removeDevice(const std::string& name);
  /// Something without our mark.
  void addForeign(net::NetObject item);
  /// Something with our mark, as left by an earlier run.
  void addOwned(net::NetObject item);
  /// Removes the item, ours or foreign.
  void remove(const net::NetObject& item);

  // Faults.

  /// Every dump (owned and addresses) or apply fails with this until told nullopt. A failed apply
  /// does nothing.
  void setDumpError(std::optional<Error> error);
  void setApplyError(std::optional<Error> error);
  /// The next apply does the first `opsDone` ops, then fails: the caller cannot know how many.
  void failNextApplyAfter(std::size_t opsDone, Error error);
  /// Asked for each op; an empty function ends it.
  void setOpFault(OpFault fault);

  // What happened.

  [[nodiscard]] std::vector<net::NetObject> owned() const;
  [[nodiscard]] std::vector<net::NetObject> foreign() const;
  /// Every op that reached the tables since the last call of this function, in order.
  [[nodiscard]] std::vector<net::NetOp> takeWrites();
  [[nodiscard]] std::size_t dumpCount() const;

 private:
  int doOp(const net::NetOp& op);

  mutable std::mutex mutex_;
  std::map<std::string, net::Device> devices_;
  std::set<net::NetObject> owned_;
  std::set<net::NetObject> foreign_;
  std::vector<net::NetOp> writes_;
  std::size_t dumps_ = 0;
  std::optional<Error> dumpError_;
  std::optional<Error> applyError_;
  std::optional<std::size_t> failAfter_;
  Error failAfterError_;
  OpFault opFault_;
};

}  // namespace barevip::fakes
