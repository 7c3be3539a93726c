// SPDX-License-Identifier: Apache-2.0
#include "assigner/service/overwrite_backoff.h"

#include <algorithm>
#include <functional>

#include "common/kube/resource_version.h"

namespace barevip::assigner {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::seconds kSoon = 1min;
constexpr std::chrono::seconds kFirstPause = 10s;
constexpr std::chrono::seconds kLongestPause = 10min;
constexpr std::chrono::seconds kQuiet = 10min;

// pause: 1 for the first one.
std::chrono::seconds lengthOf(unsigned pause) {
  std::chrono::seconds length = kFirstPause;
  for (unsigned i = 1; i < pause && length < kLongestPause; ++i) length *= 2;
  return std::min(length, kLongestPause);
}

}  // namespace

kube::Event overwrittenEvent(const kube::Resource& resource, const kube::ObjectKey& key,
                             const std::string& uid, const std::string& action,
                             const std::string& what) {
  return {resource,
          key,
          uid,
          kube::Event::Type::kWarning,
          "StatusOverwritten",
          action,
          "another process keeps overwriting the status of this " + what +
              "; barevip is backing off. Stop the other one: it may be a second operator that runs "
              "without --leader-elect"};
}

OverwriteBackoff::Verdict OverwriteBackoff::differs(const kube::ObjectKey& object,
                                                    const std::string& version,
                                                    const std::string& wanted) {
  const MonotonicTime now = clock_.now();
  const std::lock_guard lock(mutex_);
  const auto it = records_.find(object);
  if (it == records_.end()) return {};
  Record& record = it->second;
  // Our own choice is another one by now, or what we wrote is not seen yet.
  if (record.wanted != std::hash<std::string>{}(wanted) || record.base == version) {
    record.due.reset();
    return {};
  }
  Verdict verdict;
  verdict.overwritten = true;
  if (!record.due) {
    const auto since = now - record.written;
    if (since >= kQuiet) {
      record.repaired = false;
      record.pauses = 0;
    }
    record.due = now;
    if (record.repaired && since < kSoon) {
      ++record.pauses;
      record.due = now + lengthOf(record.pauses);
      verdict.contended = record.pauses == 1;
    }
    record.repaired = true;
  }
  if (*record.due > now) {
    verdict.wait = std::chrono::ceil<std::chrono::milliseconds>(*record.due - now);
  }
  return verdict;
}

void OverwriteBackoff::agrees(const kube::ObjectKey& object) {
  const std::lock_guard lock(mutex_);
  const auto it = records_.find(object);
  if (it != records_.end()) it->second.due.reset();
}

void OverwriteBackoff::wrote(const kube::ObjectKey& object, const std::string& base,
                             const std::string& wanted) {
  const std::lock_guard lock(mutex_);
  Record& record = records_[object];
  record.wanted = std::hash<std::string>{}(wanted);
  record.base = base;
  record.written = clock_.now();
  record.due.reset();
}

bool OverwriteBackoff::isSeenLate(const kube::ObjectKey& object, const std::string& version) {
  const std::lock_guard lock(mutex_);
  const auto it = records_.find(object);
  return it != records_.end() && !kube::olderVersion(it->second.base, version);
}

bool OverwriteBackoff::wroteLately(const kube::ObjectKey& object) {
  const std::lock_guard lock(mutex_);
  const auto it = records_.find(object);
  return it != records_.end() && clock_.now() - it->second.written < kSoon;
}

void OverwriteBackoff::forget(const kube::ObjectKey& object) {
  const std::lock_guard lock(mutex_);
  records_.erase(object);
}

}  // namespace barevip::assigner
