// SPDX-License-Identifier: Apache-2.0
// Any listing of nft and any table of ip_tables is read or refused; what was made to pass needs no
// second change, and what was taken back is as it was found.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

#include "ipvsnode/filter/foreign_chains.h"
#include "ipvsnode/filter/ip_tables.h"
#include "ipvsnode/filter/ruleset.h"

namespace {

using barevip::Family;
using barevip::host::IpTable;

void must(bool holds) {
  if (!holds) std::abort();
}

void asListing(std::string_view text) {
  const auto found = barevip::host::parseRuleset(text);
  static_cast<void>(barevip::host::replacing(found));
  must(barevip::host::sameFrame(found, found));
  must(barevip::host::changingElements(found.sets, found.sets).writes == 0);
}

void asForeignRules(std::string_view text) {
  const auto rules = barevip::host::parseForeignRules(text);
  for (const auto& chain : barevip::host::forwardChains()) {
    static_cast<void>(barevip::host::lettingThrough(chain, rules));
    static_cast<void>(barevip::host::takingBack(chain, rules));
  }
  for (const auto& chain : barevip::host::formerChains(text)) {
    static_cast<void>(barevip::host::removingFormer(chain, rules));
  }
}

/// Offsets of the entries that the sizes in the bytes lead to, the end included.
std::vector<std::uint32_t> offsetsOf(std::span<const std::byte> entries, Family family) {
  const std::size_t sizeAt = family == Family::kIpv4 ? 90 : 142;  // ipt_entry, ip6t_entry
  std::vector<std::uint32_t> offsets{0};
  while (offsets.back() + sizeAt + 2 <= entries.size()) {
    std::uint16_t size = 0;
    std::memcpy(&size, entries.data() + offsets.back() + sizeAt, sizeof size);
    if (size == 0) break;
    offsets.push_back(offsets.back() + size);
  }
  return offsets;
}

void asTable(Family family, std::span<const std::byte> entries) {
  const auto offsets = offsetsOf(entries, family);
  IpTable table;
  table.family = family;
  table.name = "filter";
  table.validHooks = 0xe;
  table.count = static_cast<std::uint32_t>(offsets.size() - 1);
  table.entries.assign(entries.begin(), entries.end());
  // From the first rule to the last one before the end, all of them are in FORWARD.
  if (offsets.size() > 1) table.underflow.fill(offsets[offsets.size() - 2]);
  const auto through = barevip::host::lettingThrough(table);
  if (!through) return;
  const auto again = barevip::host::lettingThrough(through->table);
  must(again && again->writes == 0);
  const auto back = barevip::host::takingBack(through->table);
  must(back && back->table.entries.size() <= table.entries.size());
  static_cast<void>(barevip::host::removingFormer(table));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  asListing(text);
  asForeignRules(text);
  for (const Family family : {Family::kIpv4, Family::kIpv6}) {
    asTable(family, std::as_bytes(std::span(data, size)));
  }
  return 0;
}
