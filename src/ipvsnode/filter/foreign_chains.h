// SPDX-License-Identifier: Apache-2.0
// Chains outside of the table of barevip, in which it has a rule or had some; pure. All are of the
// nftables tables that iptables-nft makes: for those of the kernel's own ip_tables see ip_tables.h.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace barevip::host {

/// A built-in chain of iptables, as nft names it.
struct ForeignChain {
  std::string_view family;  ///< "ip"
  std::string_view table;   ///< "mangle"
  std::string_view name;    ///< "PREROUTING"

  friend bool operator==(const ForeignChain&, const ForeignChain&) = default;
};

struct ForeignRule {
  enum class Kind : std::uint8_t {
    kOther,
    kWall,     ///< drops or rejects all that comes to it
    kPassIn,   ///< ours: accepts what comes from the balancer namespace
    kPassOut,  ///< ours: accepts what goes there
  };

  std::uint64_t handle = 0;
  Kind kind = Kind::kOther;
  std::string jump;  ///< the chain to which it leads; empty: to none
};

/// What is in a chain; without rules if there is no such chain.
struct ForeignRules {
  bool policyDrops = false;
  std::vector<ForeignRule> rules;
};

/// Reads `nft -j list chain`, any bytes. The form of JSON names matches and targets of iptables
/// that the text leaves out where nft has no library for them.
[[nodiscard]] ForeignRules parseForeignRules(std::string_view json);

/// The chains of both families that may drop what passes between NIC and balancer namespace. No
/// accept in a chain elsewhere outvotes that.
[[nodiscard]] std::vector<ForeignChain> forwardChains();

/// Commands that let packets from and to the balancer namespace pass the chain in spite of its
/// policy, or of a rule that drops or rejects all that is left; behind all other rules, whose
/// verdicts stay. Empty if neither is there, or if they pass already.
[[nodiscard]] std::string lettingThrough(const ForeignChain& chain, const ForeignRules& found);
/// Removes those rules.
[[nodiscard]] std::string takingBack(const ForeignChain& chain, const ForeignRules& found);

/// Whether a line of `nft list chains` matters to formerChains.
[[nodiscard]] bool mattersToFormerChains(std::string_view line);
/// The built-in chains for which releases before nftables left a chain of barevip's own, found in
/// the headers of `nft list chains`.
[[nodiscard]] std::vector<ForeignChain> formerChains(std::string_view listing);
/// Removes the chain that belongs to a built-in one, and the jumps to it in the rules of that.
[[nodiscard]] std::string removingFormer(const ForeignChain& chain, const ForeignRules& found);

}  // namespace barevip::host
