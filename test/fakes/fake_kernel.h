// SPDX-License-Identifier: Apache-2.0
// An IPVS table in memory that answers as the kernel does, with faults on demand.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "barevip/ipvs/kernel.h"

namespace barevip::fakes {

/// Keeps ipvs::Kernel's contract: idempotent adds and deletes, sets of what is missing give ESRCH
/// (virtual server) or ENOENT (real server), deleting a virtual server takes its real servers
/// along. Beyond the contract it is thread-safe, so that a test may look while the owner thread
/// works.
class FakeKernel final : public ipvs::Kernel {
 public:
  /// What an op should answer instead of being done; 0: do it.
  using OpFault = std::function<ipvs::OpResult(const ipvs::Op&)>;

  Result<std::vector<ipvs::VirtualServer>> dump() override;
  Result<std::vector<ipvs::OpResult>> apply(std::span<const ipvs::Op> plan) override;
  Result<ipvs::Timeouts> timeouts() override;
  Result<void> setTimeouts(const ipvs::Timeouts& wish) override;

  // The world: changes by another hand, not counted as writes.

  /// Adds or replaces a virtual server with its real servers.
  void put(ipvs::VirtualServer server);
  /// Removes it, if it is there.
  void remove(const ipvs::VirtualServerKey& key);
  void clear();
  /// Connection counts that later dumps show; the real server must be there.
  void setConnections(const ipvs::VirtualServerKey& server, const ipvs::RealServerKey& realServer,
                      std::uint32_t active, std::uint32_t inactive);

  /// Another hand's `ipvsadm --set`; not counted.
  void putTimeouts(const ipvs::Timeouts& timeouts);

  // Faults.

  /// Every dump or apply fails with this until told nullopt. A failed apply does nothing.
  void setDumpError(std::optional<Error> error);
  void setApplyError(std::optional<Error> error);
  /// Every change of timeouts is refused with this until told nullopt.
  void setTimeoutsError(std::optional<Error> error);
  /// The next apply does the first `opsDone` ops, then fails: the caller cannot know how many.
  void failNextApplyAfter(std::size_t opsDone, Error error);
  /// Asked for each op; an empty function ends it.
  void setOpFault(OpFault fault);

  // What happened.

  [[nodiscard]] std::vector<ipvs::VirtualServer> table() const;
  /// Every op that reached the table since the last call of this function, in order.
  [[nodiscard]] std::vector<ipvs::Op> takeWrites();
  [[nodiscard]] std::size_t dumpCount() const;
  /// How often setTimeouts was called since the last call of this function.
  [[nodiscard]] int takeTimeoutWrites();

 private:
  using Destinations = std::map<ipvs::RealServerKey, ipvs::RealServer>;
  struct Entry {
    ipvs::VirtualServerOptions options;
    Destinations realServers;
  };

  [[nodiscard]] std::vector<ipvs::VirtualServer> tableLocked() const;
  ipvs::OpResult doOp(const ipvs::Op& op);
  ipvs::OpResult doRealServerOp(const ipvs::Op& op, Destinations& realServers);

  mutable std::mutex mutex_;
  std::map<ipvs::VirtualServerKey, Entry> servers_;
  /// Those of a kernel that nobody has told otherwise.
  ipvs::Timeouts timeouts_{std::chrono::seconds(900), std::chrono::seconds(120),
                           std::chrono::seconds(300)};
  std::vector<ipvs::Op> writes_;
  int timeoutWrites_ = 0;
  std::size_t dumps_ = 0;
  std::optional<Error> dumpError_;
  std::optional<Error> applyError_;
  std::optional<Error> timeoutsError_;
  std::optional<std::size_t> failAfter_;
  Error failAfterError_;
  OpFault opFault_;
};

}  // namespace barevip::fakes
