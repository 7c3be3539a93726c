// SPDX-License-Identifier: Apache-2.0
#include "cli/addresses.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace barevip::cli {
namespace {

constexpr std::size_t kMaxEntries = 128;  // crds/pool.yaml

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

Result<Reading> readRange(const std::string& text, std::size_t dash, PoolSource::Rules rules) {
  const auto range = IpRange::parse(text);
  if (range) return Reading{Entry{range->toString(), *range}, ""};
  const auto first = endOfRange(text.substr(0, dash));
  const auto last = endOfRange(text.substr(dash + 1));
  if (rules == PoolSource::Rules::kOriginal && first && last) {
    return Reading{std::nullopt,
                   "gives no address there, since " + range.error().message + ": left out"};
  }
  return tl::make_unexpected(range.error());
}

Result<Reading> readEntry(const std::string& text, PoolSource::Rules rules) {
  if (const auto dash = text.find('-'); dash != std::string::npos) {
    return readRange(text, dash, rules);
  }
  const auto range = IpRange::parse(text);
  if (range && text.find('/') == std::string::npos) {
    return Reading{Entry{range->toString(), *range},
                   "is refused there without a prefix length: taken as this one address"};
  }
  const auto network = IpPrefix::parseNetwork(text);
  if (!network) return tl::make_unexpected(network.error());
  return Reading{Entry{network->toString(), network->range()},
                 range ? ""
                       : "has bits set beyond its prefix: written as " + network->toString() +
                             ", the network that it means there"};
}

bool isUnusable(const IpAddress& address) {
  return address.isUnspecified() || address.isLoopback() || address.isMulticast() ||
         address.isLinkLocal();
}

std::string remarkOnUse(const IpRange& range) {
  if (!isUnusable(range.first) && !isUnusable(range.last)) return "";
  return "has unspecified, loopback, link-local or multicast addresses: these are not given here";
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

// Joins neighbours if there are more entries than a Pool can have.
std::vector<Entry> limited(std::vector<Entry> entries) {
  if (entries.size() <= kMaxEntries) return entries;
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

std::vector<Entry> checked(std::vector<Entry> entries, const PoolSource& source,
                           const std::string& field, Report& report) {
  entries = limited(std::move(entries));
  if (entries.size() > kMaxEntries) {
    report.fault(source.origin, source.path + field + " has " + std::to_string(entries.size()) +
                                    " separate entries, and a Pool at most " +
                                    std::to_string(kMaxEntries) + ": make two of it");
  }
  return entries;
}

// One entry of a list of the source, for messages.
struct Place {
  const PoolSource& source;
  const char* field;
  std::size_t index;
  const std::string& text;

  [[nodiscard]] std::string toString() const {
    return source.path + field + "[" + std::to_string(index) + "]";
  }
};

// Says it about the entry, unless there is nothing to say.
void note(const Place& place, const std::string& sentence, Report& report) {
  if (sentence.empty()) return;
  report.note(place.source.origin, place.toString() + " " + quoted(place.text) + " " + sentence);
}

}  // namespace

std::vector<Entry> convertAddresses(const PoolSource& source, Report& report) {
  std::vector<Entry> entries;
  for (std::size_t i = 0; i < source.addresses.size(); ++i) {
    const Place place{source, "addresses", i, source.addresses[i]};
    auto reading = readEntry(place.text, source.rules);
    if (!reading) {
      report.fault(source.origin, place.toString() + ": " + reading.error().message);
      continue;
    }
    note(place, reading->remark, report);
    if (!reading->entry) continue;
    note(place, remarkOnUse(reading->entry->range), report);
    if (!addJoined(entries, std::move(*reading->entry))) continue;
    note(place, "has addresses that an entry before it has, too: the two are joined", report);
  }
  return checked(std::move(entries), source, "addresses", report);
}

std::vector<Entry> convertFilters(const PoolSource& source, Report& report) {
  std::vector<Entry> entries;
  for (std::size_t i = 0; i < source.filters.size(); ++i) {
    const Place place{source, "filterIPs", i, source.filters[i]};
    const auto address = IpAddress::parse(place.text);
    if (address) {
      addJoined(entries, {address->toString(), {*address, *address}});
      continue;
    }
    note(place,
         "is no single address and filters nothing there: left out; if it is meant, put it into "
         "spec.exclude of the Pool",
         report);
  }
  return checked(std::move(entries), source, "filterIPs", report);
}

}  // namespace barevip::cli
