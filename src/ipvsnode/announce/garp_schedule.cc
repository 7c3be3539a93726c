// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/announce/garp_schedule.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <tuple>
#include <utility>

#include "ipvsnode/announce/bounded_load_election.h"

namespace barevip::node {
namespace {

constexpr int kBurst = 6;
constexpr std::chrono::seconds kBurstInterval{1};
constexpr std::chrono::seconds kReminder{60};
constexpr std::uint64_t kReminderJitterMs = 10'000;
/// What one address costs.
constexpr std::chrono::milliseconds kPrice{1000 / GarpSchedule::kPerSecond};

}  // namespace

void GarpSchedule::keep(const std::set<IpAddress>& announced, MonotonicTime now) {
  std::erase_if(turns_, [&](const auto& turn) { return !announced.contains(turn.first); });
  for (const IpAddress& vip : announced) turns_.try_emplace(vip, Turn{now, 0, now});
}

std::size_t GarpSchedule::budgetAt(MonotonicTime now) const {
  const auto owed = std::max(paidAt_ - now, MonotonicTime::duration::zero());
  const MonotonicTime::duration left = kPrice * int{kAtOnce} - owed;
  return left.count() <= 0 ? 0 : static_cast<std::size_t>(left / kPrice);
}

std::vector<IpAddress> GarpSchedule::due(MonotonicTime now, bool remind) {
  using Entry = std::pair<const IpAddress, Turn>;
  const auto speak = [now](Entry& entry) {
    Turn& turn = entry.second;
    ++turn.sent;
    turn.at =
        turn.sent < kBurst
            ? now + kBurstInterval
            : now + kReminder +
                  std::chrono::milliseconds(rank("reminder", entry.first) % kReminderJitterMs);
  };
  std::vector<Entry*> waiting;
  for (auto& entry : turns_) {
    if (entry.second.at > now) continue;
    if (remind || entry.second.sent < kBurst) {
      waiting.push_back(&entry);
    } else {
      speak(entry);  // in silence
    }
  }
  const auto order = [](const Entry* entry) {
    const Turn& turn = entry->second;
    // Behind the burst the one that waits for the longest.
    const auto wait =
        turn.sent < kBurst ? -turn.since.time_since_epoch() : turn.at.time_since_epoch();
    return std::tuple(turn.sent, wait, entry->first);
  };
  const std::size_t budget = budgetAt(now);
  short_ = waiting.size() > budget;
  const auto end = waiting.begin() + static_cast<std::ptrdiff_t>(std::min(budget, waiting.size()));
  std::partial_sort(waiting.begin(), end, waiting.end(),
                    [&](const Entry* a, const Entry* b) { return order(a) < order(b); });
  std::vector<IpAddress> result;
  for (auto entry = waiting.begin(); entry != end; ++entry) {
    result.push_back((*entry)->first);
    speak(**entry);
  }
  paidAt_ = std::max(paidAt_, now) + kPrice * result.size();
  return result;
}

void GarpSchedule::unsent(const std::vector<IpAddress>& addresses, MonotonicTime now) {
  for (const IpAddress& address : addresses) {
    const auto turn = turns_.find(address);
    if (turn == turns_.end() || turn->second.sent == 0) continue;
    --turn->second.sent;
    turn->second.at = now + kTryAgain;
  }
}

std::optional<MonotonicTime> GarpSchedule::next() const {
  if (turns_.empty()) return std::nullopt;
  const auto first =
      std::min_element(turns_.begin(), turns_.end(),
                       [](const auto& a, const auto& b) { return a.second.at < b.second.at; });
  // Not for each address alone: a pass of the reconciler costs more than it.
  return short_ ? std::max(first->second.at, paidAt_) : first->second.at;
}

}  // namespace barevip::node
