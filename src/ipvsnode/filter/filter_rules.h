// SPDX-License-Identifier: Apache-2.0
// The packet filter's rules and sets as values and text; pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "barevip/net/packet_filter.h"

namespace barevip::host {

/// Whose rules. The rules of a role are constant; sets carry what varies.
enum class FilterRole : std::uint8_t {
  kDirector,  ///< in the balancer namespace
  kNode,      ///< in the node's namespace beside it
  kHost,      ///< placement kHost, in the node's namespace
};

/// One jump from a chain of the kernel into one of barevip.
struct Jump {
  std::string from;
  bool first = true;  ///< before the rules of others, else after them

  friend bool operator==(const Jump&, const Jump&) = default;
};

/// One of our chains; the name starts with kChainPrefix. Rules are in the form of iptables-save
/// without "-A CHAIN".
struct Chain {
  Jump jump;
  std::vector<std::string> rules;

  friend bool operator==(const Chain&, const Chain&) = default;
};

inline constexpr std::string_view kChainPrefix = "BAREVIP-";
inline constexpr std::string_view kSetPrefix = "barevip-";

/// table -> chain -> content
using RuleSet = std::map<std::string, std::map<std::string, Chain>>;

/// What a role needs of one family. bindInterfaces, as net::BindInterfaces, matter to kHost, and to
/// kNode if they are several: then replies leave by the one that their request came in by.
[[nodiscard]] RuleSet rulesOf(FilterRole role, Family family,
                              const std::vector<std::string>& bindInterfaces);

/// What iptables-save shows of barevip.
struct FoundRules {
  struct FoundChain {
    std::vector<std::string> rules;
    /// built-in chain -> number of jumps into this one
    std::map<std::string, std::size_t> jumps;
  };
  std::map<std::string, std::map<std::string, FoundChain>> tables;
};

/// Whether a line of iptables-save concerns us: table headers, our chains, jumps into them.
[[nodiscard]] bool isOurRuleLine(std::string_view line);
/// Reads iptables-save's output, any bytes; lines that are not ours are passed over.
[[nodiscard]] FoundRules parseRules(std::string_view text);

/// Two spellings of one rule compare equal: order of its parts, "/32", hexadecimal.
[[nodiscard]] bool sameRule(std::string_view a, std::string_view b);

/// Text for iptables-restore --noflush that makes the found rules the desired ones, ours only: each
/// table is one transaction, so a chain is complete before a jump leads to it. Empty if nothing is
/// to do. An empty desired RuleSet removes all.
[[nodiscard]] std::string restoreText(const RuleSet& desired, const FoundRules& found);

/// One set: its kernel type, family and entries in the form of `ipset save`.
struct SetContent {
  std::string type;
  Family family = Family::kIpv4;
  std::set<std::string> entries;

  friend bool operator==(const SetContent&, const SetContent&) = default;
};

using SetTable = std::map<std::string, SetContent>;

/// The sets of a role. All exist for all families in `families`, empty or not, since rules name
/// them. The kernel keeps no /0 in a set: it becomes two /1.
[[nodiscard]] SetTable setsOf(FilterRole role, const std::vector<Family>& families,
                              const net::FilterState& state);

[[nodiscard]] bool isOurSetLine(std::string_view line);
/// Reads `ipset save`'s output, any bytes; sets that are not ours are passed over.
[[nodiscard]] SetTable parseSets(std::string_view text);

struct SetPlan {
  std::string text;        ///< for `ipset restore`, in a safe order; empty if nothing is to do
  std::size_t writes = 0;  ///< lines in it
};

/// Incremental: entries that are right stay untouched. kConflict if a set of our name has another
/// type. Sets that nobody desires are not removed here (rules may name them): see obsoleteSets.
[[nodiscard]] Result<SetPlan> setPlan(const SetTable& desired, const SetTable& found);
[[nodiscard]] std::vector<std::string> obsoleteSets(const SetTable& desired, const SetTable& found);

}  // namespace barevip::host
