// SPDX-License-Identifier: Apache-2.0
// PacketFilter by one nftables table, through the program nft.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "barevip/net/packet_filter.h"

#include "common/base/command.h"
#include "ipvsnode/filter/foreign_chains.h"
#include "ipvsnode/filter/ruleset.h"

namespace barevip::host {

/// Whether nft is there, finds nf_tables in the kernel, and knows the words of a role's table;
/// writes nothing. The error says why not in nft's words. bindInterfaces: see rulesetOf. Needs
/// NET_ADMIN.
[[nodiscard]] Result<void> checkNft(FilterRole role, const std::vector<std::string>& bindInterfaces,
                                    CommandRunner& runner, const std::stop_token& stop = {});

/// What nft does not see of the runner's namespace. Each function returns how much it changed, and
/// may be empty.
struct OtherRules {
  /// Lets packets from and to the balancer namespace pass.
  std::function<Result<std::size_t>()> letThrough{};
  std::function<Result<std::size_t>()> takeBack{};
  /// Removes rules and sets that releases before nftables made.
  std::function<Result<std::size_t>()> removeFormer{};
};

/// Changes elements of sets of the table in one transaction; an error means that nothing changed,
/// or not for sure.
using ChangeElements = std::function<Result<void>(const std::vector<net::SetChange>&)>;

struct PacketFilterOptions {
  FilterRole role = FilterRole::kNode;
  std::vector<std::string> bindInterfaces{};  ///< see rulesetOf
  OtherRules others{};
  /// For few changes, for which nft looks at too much; empty: nft makes all.
  ChangeElements changeElements{};
};

/// One namespace's rules: that in which the runner spawns. Only the table of barevip is listed, and
/// beside a role kNode the chains of forwardChains(); everything is written in one transaction.
class NftPacketFilter final : public net::PacketFilter {
 public:
  NftPacketFilter(PacketFilterOptions options, CommandRunner& runner, std::stop_token stop = {});

  /// The first one of a process removes what releases before nftables left, too.
  Result<std::size_t> reconcile(const net::FilterState& desired) override;
  Result<std::size_t> update(const net::FilterState& desired) override;
  Result<void> clear() override;

 private:
  Result<void> write(const std::string& commands);
  /// Applies to each chain of others what `change` says of its listing.
  Result<std::size_t> changeForeign(
      const std::vector<ForeignChain>& chains,
      const std::function<std::string(const ForeignChain&, const ForeignRules&)>& change);
  /// The table as it is in the kernel; nullopt: there is none.
  Result<std::optional<Ruleset>> readTable();
  Result<std::size_t> reconcileTable(const Ruleset& desired);
  Result<std::size_t> letThrough();
  Result<std::size_t> removeFormer();
  std::size_t tryRemovingFormer();

  PacketFilterOptions options_;
  CommandRunner& runner_;
  std::stop_token stop_;
  std::optional<net::FilterState> applied_;  ///< after success
  /// How a table that we wrote is listed: another version of nft may spell it in another way.
  Ruleset shown_;
  bool formerGone_ = false;
};

}  // namespace barevip::host
