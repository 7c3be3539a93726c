// SPDX-License-Identifier: Apache-2.0
// Tables of the kernel's own ip_tables and ip6_tables as values; pure. nft does not see them, and
// no program for them is needed: the few changes that barevip makes there are made on the bytes
// that the kernel gives and takes (linux/netfilter_ipv4/ip_tables.h,
// linux/netfilter_ipv6/ip6_tables.h).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "barevip/base/ip.h"
#include "barevip/base/result.h"

namespace barevip::host {

/// One table. Offsets are of bytes in `entries`.
struct IpTable {
  static constexpr std::size_t kHooks = 5;  ///< NF_INET_NUMHOOKS

  Family family = Family::kIpv4;
  std::string name;  ///< "filter"
  std::uint32_t validHooks = 0;
  std::array<std::uint32_t, kHooks> hookEntry{};  ///< first rule of each built-in chain
  std::array<std::uint32_t, kHooks> underflow{};  ///< the policy of each
  std::uint32_t count = 0;                        ///< of entries
  std::vector<std::byte> entries;
};

struct IpTableEdit {
  IpTable table;
  /// For each entry of the new table which of the old one it is, so that its counters stay;
  /// nullopt: it is new.
  std::vector<std::optional<std::size_t>> from;
  std::size_t writes = 0;  ///< rules that came and went; 0: nothing is to do
};

/// Lets packets from and to the balancer namespace pass FORWARD in spite of its policy, or of a
/// rule that drops or rejects all that is left; behind all other rules, whose verdicts stay.
/// kInvalid if the bytes are not a table.
[[nodiscard]] Result<IpTableEdit> lettingThrough(const IpTable& table);
/// Removes those rules.
[[nodiscard]] Result<IpTableEdit> takingBack(const IpTable& table);
/// Removes the chains that releases before nftables made, and the jumps to them.
[[nodiscard]] Result<IpTableEdit> removingFormer(const IpTable& table);

}  // namespace barevip::host
