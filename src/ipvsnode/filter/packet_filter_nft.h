// SPDX-License-Identifier: Apache-2.0
// PacketFilter by nft: rules that iptables has no words for.
#pragma once

#include <cstddef>
#include <stop_token>
#include <string>

#include "barevip/net/packet_filter.h"

#include "common/base/command.h"

namespace barevip::host {

/// The balancer namespace's table, which is constant: a reply gets its source from its connection.
/// IPVS finds the connection of a reply by client and pod alone (net/netfilter/ipvs/ip_vs_conn.c,
/// ip_vs_conn_out_get), so of two from one port of a client to one port of a pod, by two virtual
/// servers, both have the replies of the newer. Connection tracking knows both.
[[nodiscard]] std::string directorTable();

/// One table of barevip in the namespace in which the runner spawns.
class NftPacketFilter final : public net::PacketFilter {
 public:
  explicit NftPacketFilter(CommandRunner& runner, std::stop_token stop = {});

  /// Whether this kernel and its nft take the table; writes nothing. The error says why not:
  /// kNotFound without the program.
  [[nodiscard]] Result<void> check();

  Result<std::size_t> reconcile(const net::FilterState& desired) override;
  Result<std::size_t> update(const net::FilterState& desired) override;
  Result<void> clear() override;

 private:
  Result<void> feed(const std::string& text, bool onlyCheck = false);
  /// The table as it is in the kernel; empty: there is none.
  Result<std::string> listing();

  CommandRunner& runner_;
  std::stop_token stop_;
  /// The listing after our last write: another version of nft may spell the table in another way.
  std::string shown_;
  bool applied_ = false;  ///< since the last failure
};

}  // namespace barevip::host
