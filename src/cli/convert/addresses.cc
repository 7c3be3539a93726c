// SPDX-License-Identifier: Apache-2.0
#include "cli/convert/addresses.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "cli/convert/limits.h"

namespace barevip::cli {
namespace {

// What becomes of one entry, and what there is to say about it.
struct Reading {
  std::optional<Entry> entry;
  std::string remark;
};

std::string quoted(const std::string& text) { return "\"" + text + "\""; }

// One end of a range; surrounding spaces are allowed.
std::optional<IpAddress> endOfRange(const std::string& text) {
  const auto range = IpRange::parse(text);
  if (!range || range->first != range->last || text.find('/') != std::string::npos) {
    return std::nullopt;
  }
  return range->first;
}

Result<Reading> readRange(const std::string& text, std::size_t dash, const PoolSource& source) {
  const auto range = IpRange::parse(text);
  if (range) return Reading{Entry{range->toString(), *range}, ""};
  const auto first = endOfRange(text.substr(0, dash));
  const auto last = endOfRange(text.substr(dash + 1));
  if (source.wrongRangesAreEmpty && first && last) {
    return Reading{std::nullopt,
                   "gives no address there, since " + range.error().message + ": left out"};
  }
  return tl::make_unexpected(range.error());
}

Result<Reading> readEntry(const std::string& text, const PoolSource& source) {
  if (const auto dash = text.find('-'); dash != std::string::npos) {
    return readRange(text, dash, source);
  }
  const auto range = IpRange::parse(text);
  if (range && text.find('/') == std::string::npos) {
    return Reading{Entry{range->toString(), *range},
                   source.bareAddresses
                       ? ""
                       : "is refused there without a prefix length: taken as this one address"};
  }
  const auto network = IpPrefix::parseNetwork(text);
  if (!network) return tl::make_unexpected(network.error());
  return Reading{Entry{network->toString(), network->range()},
                 range ? ""
                       : "has bits set beyond its prefix: written as " + network->toString() +
                             ", the network that it means there"};
}

// Adds the entry; those that overlap it become one with it. True if there are such.
bool addJoined(std::vector<Entry>& entries, Entry entry) {
  const auto overlaps = [&](const Entry& other) { return other.range.overlaps(entry.range); };
  const auto home = std::find_if(entries.begin(), entries.end(), overlaps);
  if (home == entries.end()) {
    entries.push_back(std::move(entry));
    return false;
  }
  IpRange all = entry.range;
  for (const Entry& other : entries) {
    if (!overlaps(other)) continue;
    all = {std::min(all.first, other.range.first), std::max(all.last, other.range.last)};
  }
  if (all != home->range) {
    *home = all == entry.range ? entry : Entry{all.toString(), all};
  }
  entries.erase(std::remove_if(home + 1, entries.end(), overlaps), entries.end());
  return true;
}

std::vector<Entry> withNeighboursJoined(std::vector<Entry> entries) {
  std::sort(entries.begin(), entries.end(),
            [](const Entry& a, const Entry& b) { return a.range < b.range; });
  std::vector<Entry> joined;
  for (Entry& entry : entries) {
    IpRange* const before = joined.empty() ? nullptr : &joined.back().range;
    // At the same family the next one begins higher, so that the sum cannot overflow.
    if (before != nullptr && before->family() == entry.range.family() &&
        before->last.number() + 1 == entry.range.first.number()) {
      before->last = entry.range.last;
      joined.back().text = before->toString();
    } else {
      joined.push_back(std::move(entry));
    }
  }
  return joined;
}

// Joins neighbours only if there are too many entries: a person finds the others again.
std::vector<Entry> limited(std::vector<Entry> entries, std::size_t limit, const Origin& origin,
                           Report& report) {
  if (entries.size() > limit) entries = withNeighboursJoined(std::move(entries));
  if (entries.size() > limit) {
    report.fault(origin, "has " + std::to_string(entries.size()) +
                             " separate ranges of addresses, and a Pool takes " +
                             std::to_string(limit) + ": make two of it");
  }
  return entries;
}

std::string about(const Written& written, const std::string& sentence) {
  return written.path + " " + quoted(written.text) + " " + sentence;
}

// Some of the addresses are no virtual ones.
void reportUnusable(const Written& written, const IpRange& range, const Origin& origin,
                    Report& report) {
  const auto unusable = unusableRanges();
  const auto part = std::find_if(unusable.begin(), unusable.end(),
                                 [&](const IpRange& each) { return each.overlaps(range); });
  if (part == unusable.end()) return;
  report.lose(origin, about(written,
                            "has unspecified, loopback, link-local, multicast or "
                            "broadcast addresses, for example " +
                                std::max(part->first, range.first).toString() +
                                ": barevip never allocates them"));
}

}  // namespace

std::vector<Entry> convertAddresses(const PoolSource& source, Report& report) {
  const Origin& origin = source.origin;
  std::vector<Entry> entries;
  for (const Written& written : source.addresses) {
    auto reading = readEntry(written.text, source);
    if (!reading) {
      report.fault(origin, written.path + ": " + reading.error().message);
      continue;
    }
    if (!reading->remark.empty()) report.note(origin, about(written, reading->remark));
    if (!reading->entry) continue;
    reportUnusable(written, reading->entry->range, origin, report);
    if (!addJoined(entries, std::move(*reading->entry))) continue;
    report.note(origin, about(written,
                              "has addresses that an entry before it has, too: the two "
                              "are joined"));
  }
  return limited(std::move(entries), limits::kAddresses, origin, report);
}

std::vector<Entry> convertFilters(const PoolSource& source, Report& report) {
  std::vector<Entry> entries;
  for (const Written& written : source.filters) {
    const auto address = IpAddress::parse(written.text);
    if (address) {
      addJoined(entries, {address->toString(), {*address, *address}});
      continue;
    }
    report.note(source.origin,
                about(written,
                      "is not a single address and filters nothing there: left out; if it "
                      "is meant, put it into spec.exclude of the Pool"));
  }
  return limited(std::move(entries), limits::kExclude, source.origin, report);
}

}  // namespace barevip::cli
