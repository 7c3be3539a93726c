// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "barevip/net/packet_filter.h"

namespace barevip::host {

/// A filter that a node can do without. What it cannot write does not count as a failure, so that
/// no VIP waits for it: it is logged when that begins and when it ends, and tried again by each
/// reconcile.
class OptionalPacketFilter final : public net::PacketFilter {
 public:
  /// without: the sentence for the log, what does not work meanwhile.
  OptionalPacketFilter(std::unique_ptr<net::PacketFilter> filter, std::string without);

  /// Fails with kStopped only.
  Result<std::size_t> reconcile(const net::FilterState& desired) override;
  Result<std::size_t> update(const net::FilterState& desired) override;
  Result<void> clear() override { return filter_->clear(); }

 private:
  Result<std::size_t> settled(Result<std::size_t> outcome);

  std::unique_ptr<net::PacketFilter> filter_;
  std::string without_;
  std::string error_;  ///< of the last try; empty: it worked
};

}  // namespace barevip::host
