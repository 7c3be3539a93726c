// SPDX-License-Identifier: Apache-2.0
// PacketFilter by nft: rules that iptables has no words for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "barevip/net/packet_filter.h"

#include "common/base/command.h"

namespace barevip::host {

/// Whose table.
enum class NftRole : std::uint8_t {
  /// In the balancer namespace: a reply gets its source from its connection. IPVS finds the
  /// connection of a reply by client and pod alone (net/netfilter/ipvs/ip_vs_conn.c,
  /// ip_vs_conn_out_get), so of two from one port of a client to one port of a pod, by two virtual
  /// servers, both have the replies of the newer. Connection tracking knows both.
  kReplies,
  /// On the node: a packet to a VIP is translated to that VIP before kube-proxy could lead it to
  /// the pods of a Service with the VIP in spec.externalIPs, since the first translation of a
  /// connection is the only one (net/netfilter/nf_nat_core.c, nf_nat_inet_fn).
  kVips,
};

/// The table of a role as nft 1.0.6 lists it; pure. The VIPs, ascending, matter to kVips only.
[[nodiscard]] std::string nftTable(NftRole role, const std::vector<IpAddress>& vips);

/// One table of barevip in the namespace in which the runner spawns.
class NftPacketFilter final : public net::PacketFilter {
 public:
  NftPacketFilter(NftRole role, CommandRunner& runner, std::stop_token stop = {});

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

  NftRole role_;
  CommandRunner& runner_;
  std::stop_token stop_;
  std::optional<std::vector<IpAddress>> applied_;  ///< VIPs, after success
  /// A table that we wrote as a whole, and how it is listed: another version of nft may spell it in
  /// another way.
  std::string written_;
  std::string shown_;
};

}  // namespace barevip::host
