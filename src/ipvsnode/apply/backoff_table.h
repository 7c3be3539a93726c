// SPDX-License-Identifier: Apache-2.0
// Changes that the kernel refused, and when to try them again.
#pragma once

#include <algorithm>
#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>

#include "barevip/base/clock.h"
#include "barevip/base/ip.h"

#include "ipvsnode/desired/desired.h"

namespace barevip::node {

/// VIPs that are not to be announced.
struct Blocked {
  std::set<IpAddress> vips;
  std::set<Family> families;

  [[nodiscard]] bool contains(const IpAddress& vip) const {
    return vips.contains(vip) || families.contains(vip.family());
  }
};

/// VIPs, or more, that a look at the kernel must not leave out.
struct Concerned {
  bool all = false;
  std::set<IpAddress> vips{};
};

/// Keys are the texts of changes. Delays double from kFirst to kLast. One thread.
class BackoffTable {
 public:
  static constexpr std::chrono::seconds kFirst{1};
  static constexpr std::chrono::seconds kLast{30};

  [[nodiscard]] bool empty() const { return entries_.empty(); }

  [[nodiscard]] bool mayTry(const std::string& change, MonotonicTime now) const {
    const auto it = entries_.find(change);
    return it == entries_.end() || now >= it->second.next;
  }

  /// about: whose change it is; nothing: that of the node, which each plan has. blocks: who is not
  /// to be announced until the change succeeds. True if it had not failed in the same way before,
  /// so that a log says it once.
  bool failed(const std::string& change, const std::string& why,
              const std::optional<Beneficiary>& about, std::optional<Beneficiary> blocks,
              MonotonicTime now) {
    const auto [it, isNew] = entries_.try_emplace(change);
    Entry& entry = it->second;
    entry.delay = isNew ? kFirst : std::min(entry.delay * 2, kLast);
    entry.next = now + entry.delay;
    entry.about = about;
    entry.blocks = blocks;
    const bool news = isNew || entry.why != why;
    entry.why = why;
    return news;
  }

  void succeeded(const std::string& change) { recovers_ |= entries_.erase(change) != 0; }

  /// Of a change that is in here: what it blocks now.
  void setBlocks(const std::string& change, std::optional<Beneficiary> blocks) {
    const auto it = entries_.find(change);
    if (it != entries_.end()) it->second.blocks = blocks;
  }

  /// After all that could be tried. What was due and was not, since something else has to succeed
  /// first, is due again later; and where something succeeded at last, the rest is soon.
  void schedule(MonotonicTime now) {
    const bool recovers = std::exchange(recovers_, false);
    for (auto& [change, entry] : entries_) {
      if (entry.next <= now) entry.next = now + entry.delay;
      if (recovers) entry.next = std::min(entry.next, now + kFirst);
    }
  }

  /// Forgets changes that nobody wants any more.
  void keepOnly(const std::set<std::string>& wanted) {
    std::erase_if(entries_, [&](const auto& entry) { return !wanted.contains(entry.first); });
  }

  [[nodiscard]] Blocked blocked() const {
    Blocked result;
    for (const auto& [change, entry] : entries_) {
      if (!entry.blocks) continue;
      if (const auto* vip = std::get_if<IpAddress>(&*entry.blocks)) {
        result.vips.insert(*vip);
      } else {
        result.families.insert(std::get<Family>(*entry.blocks));
      }
    }
    return result;
  }

  /// Whose changes are in here: a plan without them would look as if nobody wanted them any more.
  [[nodiscard]] Concerned concerned() const {
    Concerned result;
    for (const auto& [change, entry] : entries_) {
      if (!entry.about) continue;
      if (const auto* vip = std::get_if<IpAddress>(&*entry.about)) {
        result.vips.insert(*vip);
      } else {
        result.all = true;
      }
    }
    return result;
  }

  [[nodiscard]] std::optional<MonotonicTime> next() const {
    std::optional<MonotonicTime> result;
    for (const auto& [change, entry] : entries_) {
      if (!result || entry.next < *result) result = entry.next;
    }
    return result;
  }

 private:
  struct Entry {
    std::chrono::seconds delay{0};
    MonotonicTime next;
    std::optional<Beneficiary> about;
    std::optional<Beneficiary> blocks;
    std::string why;
  };
  std::map<std::string, Entry> entries_;
  bool recovers_ = false;  ///< something succeeded that had failed
};

}  // namespace barevip::node
