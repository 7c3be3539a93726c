// SPDX-License-Identifier: Apache-2.0
// The packet filter's nftables table as a value, as text for nft, and read back from what nft
// lists; pure. Text is in the form in which `nft -s -y -p list` shows it, so that found and desired
// compare as they are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "barevip/base/result.h"
#include "barevip/net/packet_filter.h"
#include "barevip/net/set_change.h"

namespace barevip::host {

/// Whose rules. The rules of a role are constant; sets carry what varies.
enum class FilterRole : std::uint8_t {
  kDirector,  ///< in the balancer namespace
  kNode,      ///< in the node's namespace beside it
  kHost,      ///< placement kHost, in the node's namespace
};

/// The one table of barevip in a namespace, with its family.
inline constexpr std::string_view kFilterTable = "inet barevip";

/// The node's ends of both pairs of devices, as nft spells a prefix: "bvip*".
[[nodiscard]] std::string nodeDevices();

/// A base chain.
struct Chain {
  std::string hook;  ///< "type filter hook input priority -5; policy accept;"
  std::vector<std::string> rules;

  friend bool operator==(const Chain&, const Chain&) = default;
};

struct Set {
  std::string type;        ///< "ipv4_addr . inet_proto . inet_service"
  bool intervals = false;  ///< elements may be prefixes; the kernel refuses those that overlap
  std::set<std::string> elements;

  friend bool operator==(const Set&, const Set&) = default;
};

struct Ruleset {
  std::map<std::string, Chain> chains;
  std::map<std::string, Set> sets;
  /// Of a listing: lines that barevip never writes, such as "flags dormant".
  std::vector<std::string> others;

  friend bool operator==(const Ruleset&, const Ruleset&) = default;
};

/// Commands of one nft transaction.
struct NftCommands {
  std::string text;        ///< for `nft -f -`; empty if nothing is to do
  std::size_t writes = 0;  ///< elements, rules, chains and sets in it
};

/// What a role needs, for both families: the sets of a family that the node does not have stay
/// empty. bindInterfaces, as net::BindInterfaces, matter to kHost, and to kNode if they are
/// several: then replies leave by the one that their request came in by. kInvalid if nft cannot
/// spell a name that matters.
[[nodiscard]] Result<Ruleset> rulesetOf(FilterRole role,
                                        const std::vector<std::string>& bindInterfaces,
                                        const net::FilterState& state);

/// What `all` has and `others` has not, of each part of it: a small state for a small change.
[[nodiscard]] net::FilterState without(const net::FilterState& all, const net::FilterState& others);

/// Elements of the sets alone, from the state before to the one after. Costs what differs, and a
/// comparison of the rest.
[[nodiscard]] NftCommands changingElements(FilterRole role, const net::FilterState& before,
                                           const net::FilterState& after);

/// The same without nft.
[[nodiscard]] std::vector<net::SetChange> elementChanges(FilterRole role,
                                                         const net::FilterState& before,
                                                         const net::FilterState& after);

/// Reads `nft list table`, any bytes.
[[nodiscard]] Ruleset parseRuleset(std::string_view listing);

/// Makes the table the desired one, whatever is there: for a table that is missing, or whose chains
/// or sets differ. Traffic never sees a part of it.
[[nodiscard]] NftCommands replacing(const Ruleset& desired);

/// From the sets that were found to those that are desired, of the same names and types, by the
/// fewest elements.
[[nodiscard]] NftCommands changingElements(const std::map<std::string, Set>& found,
                                           const std::map<std::string, Set>& desired);

/// Whether all but the elements of sets is the same.
[[nodiscard]] bool sameFrame(const Ruleset& a, const Ruleset& b);

/// Removes the table; fine if there is none.
[[nodiscard]] NftCommands removing();

}  // namespace barevip::host
