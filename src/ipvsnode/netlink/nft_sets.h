// SPDX-License-Identifier: Apache-2.0
// Elements of sets of nftables, without the program nft: that looks at all chains and sets of a
// namespace before it changes one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "barevip/base/result.h"
#include "barevip/net/set_change.h"

#include "ipvsnode/netlink/socket.h"

namespace barevip::netlink {

/// Sets of one table of the family inet, in the namespace in which it was opened. Needs NET_ADMIN.
/// Not thread-safe.
class NftSets {
 public:
  /// More do not fit into one send with each kernel's limits.
  static constexpr std::size_t kMostChanges = 256;

  [[nodiscard]] static Result<NftSets> open(std::string table, SocketOptions options = {});

  /// All of them in their order, in one transaction, or none: an element to delete that is not
  /// there, or one that overlaps another, is an error (detail: errno). kInvalid beyond
  /// kMostChanges. Source: linux/netfilter/nf_tables.h, net/netfilter/nfnetlink.c
  /// (nfnetlink_rcv_batch).
  Result<void> apply(std::span<const net::SetChange> changes);

 private:
  NftSets(std::string table, Socket socket);
  Result<void> settle(std::uint32_t begin, std::uint32_t end);

  std::string table_;
  Socket socket_;
};

}  // namespace barevip::netlink
