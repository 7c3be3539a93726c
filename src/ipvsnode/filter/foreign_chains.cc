// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/filter/foreign_chains.h"

#include <algorithm>
#include <array>
#include <utility>

#include "ipvsnode/filter/ruleset.h"

namespace barevip::host {

namespace {

using Kind = ForeignRule::Kind;

constexpr std::string_view kFormerPrefix = "BAREVIP-";
constexpr std::array<std::pair<std::string_view, std::string_view>, 6> kFormer{
    {{"mangle", "PREROUTING"},
     {"mangle", "FORWARD"},
     {"mangle", "OUTPUT"},
     {"nat", "POSTROUTING"},
     {"filter", "INPUT"},
     {"filter", "FORWARD"}}};

std::string_view trimmed(std::string_view line) {
  const std::size_t begin = line.find_first_not_of(" \t");
  return begin == std::string_view::npos ? std::string_view() : line.substr(begin);
}

std::string tableOf(const ForeignChain& chain) {
  return std::string(chain.family) + " " + std::string(chain.table);
}

std::string nameOf(const ForeignChain& chain) {
  return tableOf(chain) + " " + std::string(chain.name);
}

std::string formerOf(const ForeignChain& chain) {
  return std::string(kFormerPrefix) + std::string(chain.name);
}

std::string deleting(const ForeignChain& chain, const ForeignRule& rule) {
  return "delete rule " + nameOf(chain) + " handle " + std::to_string(rule.handle) + "\n";
}

/// Made of what iptables-nft makes itself, so that it reads the rule as "-i bvip+ -j ACCEPT".
std::string passing(Kind kind) {
  return std::string(kind == Kind::kPassIn ? "iifname" : "oifname") + " \"" + nodeDevices() +
         "\" counter accept";
}

}  // namespace

std::vector<ForeignChain> forwardChains() {
  return {{"ip", "filter", "FORWARD"}, {"ip6", "filter", "FORWARD"}};
}

std::string lettingThrough(const ForeignChain& chain, const ForeignRules& found) {
  const auto wall = std::find_if(found.rules.begin(), found.rules.end(),
                                 [](const ForeignRule& rule) { return rule.kind == Kind::kWall; });
  if (wall == found.rules.end() && !found.policyDrops) return {};
  std::string commands;
  for (const Kind kind : {Kind::kPassIn, Kind::kPassOut}) {
    const auto isIt = [kind](const ForeignRule& rule) { return rule.kind == kind; };
    if (std::any_of(found.rules.begin(), wall, isIt)) continue;
    if (wall == found.rules.end()) {
      commands += "add rule " + nameOf(chain) + " " + passing(kind) + "\n";
      continue;
    }
    commands += "insert rule " + nameOf(chain) + " position " + std::to_string(wall->handle) + " " +
                passing(kind) + "\n";
    for (auto behind = wall; behind != found.rules.end(); ++behind) {
      if (isIt(*behind)) commands += deleting(chain, *behind);
    }
  }
  return commands;
}

std::string takingBack(const ForeignChain& chain, const ForeignRules& found) {
  std::string commands;
  for (const ForeignRule& rule : found.rules) {
    if (rule.kind == Kind::kPassIn || rule.kind == Kind::kPassOut) {
      commands += deleting(chain, rule);
    }
  }
  return commands;
}

bool mattersToFormerChains(std::string_view line) {
  return line.starts_with("table ") ||
         trimmed(line).starts_with("chain " + std::string(kFormerPrefix));
}

std::vector<ForeignChain> formerChains(std::string_view listing) {
  std::vector<ForeignChain> found;
  std::string_view table;
  while (!listing.empty()) {
    const std::size_t end = listing.find('\n');
    const std::string_view line = trimmed(listing.substr(0, end));
    listing.remove_prefix(end == std::string_view::npos ? listing.size() : end + 1);
    if (line.starts_with("table ")) table = line;
    for (const std::string_view family : {"ip", "ip6"}) {
      for (const auto& [name, builtIn] : kFormer) {
        const ForeignChain chain{family, name, builtIn};
        if (table == "table " + tableOf(chain) + " {" &&
            line == "chain " + formerOf(chain) + " {") {
          found.push_back(chain);
        }
      }
    }
  }
  return found;
}

std::string removingFormer(const ForeignChain& chain, const ForeignRules& found) {
  std::string commands;
  for (const ForeignRule& rule : found.rules) {
    if (rule.jump == formerOf(chain)) commands += deleting(chain, rule);
  }
  const std::string former = tableOf(chain) + " " + formerOf(chain) + "\n";
  return commands + "flush chain " + former + "delete chain " + former;
}

}  // namespace barevip::host
