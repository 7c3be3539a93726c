// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "barevip/base/clock.h"
#include "barevip/kube/event_sink.h"
#include "barevip/kube/object_key.h"

namespace barevip::assigner {

/// For an object of our own kinds, once a fight begins: `what` it is, and what we do with it.
[[nodiscard]] kube::Event overwrittenEvent(const kube::Resource& resource,
                                           const kube::ObjectKey& key, const std::string& uid,
                                           const std::string& action, const std::string& what);

/// When to repair a status that another controller overwrites: at once, but not in a fight with a
/// controller that does the same. The first repair of an object waits for nothing; a status that is
/// overwritten again within a minute of our write is repaired after 10 s, then 20 s, 40 s and so
/// on, at most 10 min. Ten quiet minutes make the next repair a first one. Thread-safe.
class OverwriteBackoff {
 public:
  struct Verdict {
    bool overwritten = false;           ///< what we wrote, and still want, is not there any more
    std::chrono::milliseconds wait{0};  ///< before it is written again
    bool contended = false;             ///< once for each series of pauses
  };

  explicit OverwriteBackoff(const Clock& clock) : clock_(clock) {}

  /// The object shows something else than `wanted`. version: its resourceVersion.
  [[nodiscard]] Verdict differs(const kube::ObjectKey& object, const std::string& version,
                                const std::string& wanted);

  /// The object shows what we want.
  void agrees(const kube::ObjectKey& object);

  /// We wrote `wanted`, on condition that the object had the resourceVersion `base` until then: so
  /// an object that is still seen with that version is merely seen late.
  void wrote(const kube::ObjectKey& object, const std::string& base, const std::string& wanted);

  /// The object may be as it was before our last write: its resourceVersion is not newer.
  [[nodiscard]] bool isSeenLate(const kube::ObjectKey& object, const std::string& version);

  /// Within the last minute.
  [[nodiscard]] bool wroteLately(const kube::ObjectKey& object);

  void forget(const kube::ObjectKey& object);

 private:
  struct Record {
    std::size_t wanted = 0;  ///< hash of it, to be small: there is one record for each object
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
