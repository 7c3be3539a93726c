// SPDX-License-Identifier: Apache-2.0
// PacketFilter by the restore forms of iptables, ip6tables and ipset.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "barevip/net/packet_filter.h"

#include "common/base/command.h"
#include "ipvsnode/filter/filter_rules.h"

namespace barevip::host {

/// The two kernels' interfaces behind one command line. Rules of both apply, but tools of one do
/// not show the other's, so a node should use one (kubernetes-sigs/iptables-wrappers).
enum class FilterBackend : std::uint8_t { kLegacy, kNft };

[[nodiscard]] std::string_view toString(FilterBackend backend);

/// The back end of this node: where the kubelet's or kube-proxy's chains are, else where ours are,
/// else where more rules are, else nft if the kernel has it, else legacy. kUnsupported if neither
/// works, kNotFound if the programs are missing. Run in the node's namespace: a fresh one shows
/// nothing.
[[nodiscard]] Result<FilterBackend> detectBackend(CommandRunner& runner,
                                                  const std::stop_token& stop = {});

/// Whether that is the legacy one, whose tools need modules that they cannot load themselves.
[[nodiscard]] Result<bool> usesLegacyBackend(CommandRunner& runner,
                                             const std::stop_token& stop = {});

struct PacketFilterOptions {
  FilterRole role = FilterRole::kNode;
  FilterBackend backend = FilterBackend::kLegacy;
  bool ipv6 = true;                         ///< false where the node's kernel has it disabled
  std::vector<std::string> bindInterfaces;  ///< see rulesOf
};

/// One namespace's rules: that in which the runner spawns. reconcile costs three programs, update
/// one or none.
class IptablesPacketFilter final : public net::PacketFilter {
 public:
  IptablesPacketFilter(PacketFilterOptions options, CommandRunner& runner,
                       std::stop_token stop = {});

  Result<std::size_t> reconcile(const net::FilterState& desired) override;
  Result<std::size_t> update(const net::FilterState& desired) override;
  Result<void> clear() override;

 private:
  [[nodiscard]] std::vector<Family> families() const;
  [[nodiscard]] std::string program(Family family, std::string_view what) const;
  Result<std::size_t> reconcileRules(Family family, const RuleSet& desired);
  Result<SetTable> readSets();
  /// Brings the kernel's sets from `found` to `desired`.
  Result<std::size_t> changeSets(const SetTable& desired, const SetTable& found);
  Result<std::size_t> destroySets(const std::vector<std::string>& names);

  PacketFilterOptions options_;
  CommandRunner& runner_;
  std::stop_token stop_;
  std::optional<SetTable> applied_;  ///< after success; rules are constant
};

}  // namespace barevip::host
