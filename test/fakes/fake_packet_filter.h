// SPDX-License-Identifier: Apache-2.0
// A packet filter in memory, with faults on demand.
#pragma once

#include <cstddef>
#include <mutex>
#include <optional>

#include "barevip/net/packet_filter.h"

namespace barevip::fakes {

/// Keeps net::PacketFilter's contract: a second reconcile to the same state writes nothing. Beyond
/// the contract it is thread-safe.
class FakePacketFilter final : public net::PacketFilter {
 public:
  Result<std::size_t> reconcile(const net::FilterState& desired) override;
  Result<std::size_t> update(const net::FilterState& desired) override;
  Result<void> clear() override;

  /// What is in place; nothing before the first reconcile, after clear and after wipe.
  [[nodiscard]] std::optional<net::FilterState> state() const;
  /// Another hand removed all of it.
  void wipe();
  /// reconcile and clear fail with this, doing nothing, until told nullopt.
  void setError(std::optional<Error> error);
  /// Calls of reconcile; those of update are not counted.
  [[nodiscard]] std::size_t reconcileCount() const;
  /// Writes since the last call of this function.
  [[nodiscard]] std::size_t takeWrites();

 private:
  Result<std::size_t> bring(const net::FilterState& desired);

  mutable std::mutex mutex_;
  std::optional<net::FilterState> state_;
  std::optional<Error> error_;
  std::size_t reconciles_ = 0;
  std::size_t writes_ = 0;
};

}  // namespace barevip::fakes
