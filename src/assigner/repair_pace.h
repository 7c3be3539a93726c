// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "barevip/base/clock.h"
#include "barevip/kube/object_key.h"

namespace barevip::assigner {

/// When to repair a status that somebody else overwrites: at once, but not in a fight with a
/// controller that does the same. The first repair of a Service waits for nothing; a status that is
/// overwritten again within a minute of our write is repaired after 10 s, then 20 s, 40 s and so
/// on, at most 10 min. Ten quiet minutes make the next repair a first one. Thread-safe.
class RepairPace {
 public:
  struct Verdict {
    bool overwritten = false;           ///< what we wrote, and still want, is not there any more
    std::chrono::milliseconds wait{0};  ///< before it is written again
    bool fightBegins = false;           ///< once for each series of pauses
  };

  explicit RepairPace(const Clock& clock) : clock_(clock) {}

  /// The Service shows something else than `wanted`. version: its resourceVersion.
  [[nodiscard]] Verdict differs(const kube::ObjectKey& service, const std::string& version,
                                const std::string& wanted);

  /// The Service shows what we want.
  void agrees(const kube::ObjectKey& service);

  /// We wrote `wanted`, on condition that the Service had the resourceVersion `base` until then: so
  /// a Service that is still seen with that version is merely seen late.
  void wrote(const kube::ObjectKey& service, const std::string& base, const std::string& wanted);

  /// Within the last minute.
  [[nodiscard]] bool wroteLately(const kube::ObjectKey& service);

  void forget(const kube::ObjectKey& service);

 private:
  struct Record {
    std::size_t wanted = 0;  ///< hash of it, to be small: there is one record for each Service
    std::string base;
    MonotonicTime written;
    bool repaired = false;             ///< since the last quiet time
    unsigned pauses = 0;               ///< since the last quiet time
    std::optional<MonotonicTime> due;  ///< of a repair that waits
  };

  const Clock& clock_;
  std::mutex mutex_;
  std::map<kube::ObjectKey, Record> records_;
};

}  // namespace barevip::assigner
