// SPDX-License-Identifier: Apache-2.0
#include "common/kube/events.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <initializer_list>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>

#include "barevip/base/log.h"

#include "common/base/rfc3339.h"
#include "common/base/utf8.h"

namespace barevip::kube {
namespace {

using nlohmann::json;

// pkg/apis/core/validation: noteLengthLimit, reportingInstanceLengthLimit
constexpr std::size_t kMaxNote = 1024;
constexpr std::size_t kMaxInstance = 128;
constexpr std::size_t kMaxName = 253 - 17;  // leaves room for the suffix
constexpr int kMaxTries = 4;
constexpr std::chrono::milliseconds kFirstRetry{1'000};

// FNV-1a: the same event has the same name on each try, another one most likely not.
std::uint64_t hash(std::uint64_t seed, std::string_view text) {
  for (const char c : text) {
    seed ^= static_cast<unsigned char>(c);
    seed *= 0x100000001b3ULL;
  }
  return seed;
}

std::string nameOf(const Event& event, const std::string& instance, const std::string& time) {
  std::uint64_t value = 0xcbf29ce484222325ULL;
  for (const std::string_view part : std::initializer_list<std::string_view>{
           event.uid, event.reason, event.note, instance, time}) {
    value = hash(value, part);
  }
  std::array<char, 17> hex{};
  std::snprintf(hex.data(), hex.size(), "%016llx", static_cast<unsigned long long>(value));
  return event.key.name.str().substr(0, kMaxName) + "." + hex.data();
}

// Events about cluster-scoped objects live in "default".
std::string namespaceOf(const Event& event) {
  return event.key.ns.empty() ? "default" : event.key.ns;
}

bool worthRetry(ErrorCode code) {
  return code == ErrorCode::kUnavailable || code == ErrorCode::kThrottled ||
         code == ErrorCode::kTimeout;
}

}  // namespace

EventRecorder::EventRecorder(Api& api, const Clock& clock, Options options)
    : api_(api), clock_(clock), options_(std::move(options)) {}

EventRecorder::~EventRecorder() { stop(); }

void EventRecorder::start() {
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void EventRecorder::stop() {
  if (!thread_.joinable()) return;
  thread_.request_stop();
  thread_.join();
}

void EventRecorder::emit(Event event) {
  event.note = cutUtf8(event.note, kMaxNote);
  const std::lock_guard lock(mutex_);
  forgetOld();
  const MonotonicTime before = nextDue();
  EventEntry entry;
  if (const EventEntry* const known = memory_.find(event)) {
    entry = *known;
    ++entry.count;
  } else {
    entry.first = clock_.wallNow();
    entry.due = clock_.now();
  }
  entry.last = clock_.wallNow();
  entry.lastSeen = clock_.now();
  memory_.put(event, entry);
  makeRoom();
  if (nextDue() < before) wake_.notify_all();
}

std::uint64_t EventRecorder::written() const {
  const std::lock_guard lock(mutex_);
  return written_;
}

std::uint64_t EventRecorder::dropped() const {
  const std::lock_guard lock(mutex_);
  return dropped_;
}

void EventRecorder::run(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    const MonotonicTime due = nextDue();
    if (clock_.now() < due) {
      clock_.waitUntil(lock, wake_, stop, due, [&] { return nextDue() < due; });
      continue;
    }
    const EventMemory::Slot* const next = memory_.nextToWrite();
    const Event event = next->first;
    const EventEntry entry = next->second;
    lock.unlock();
    const Result<void> outcome = write(event, entry, stop);
    lock.lock();
    rested_ = clock_.now() + options_.pause;
    settle(event, entry, outcome);
  }
}

Result<void> EventRecorder::write(const Event& event, const EventEntry& entry,
                                  const std::stop_token& stop) {
  const std::string ns = namespaceOf(event);
  const std::string name = nameOf(event, options_.instance, formatMicros(entry.first));
  const json series = {{"count", entry.count}, {"lastObservedTime", formatMicros(entry.last)}};
  if (entry.writtenCount > 0) {
    const json patch = {{"series", series}};
    const auto patched = api_.patch(kEvents, {ns, name}, "", patch, stop);
    if (!patched) return tl::make_unexpected(patched.error());
    return {};
  }
  json object = {{"apiVersion", kEvents.apiVersion()},
                 {"kind", std::string(kEvents.kind)},
                 {"metadata", {{"name", name}, {"namespace", ns}}},
                 {"eventTime", formatMicros(entry.first)},
                 {"reportingController", options_.controller},
                 {"reportingInstance", cutUtf8(options_.instance, kMaxInstance)},
                 {"action", event.action},
                 {"reason", event.reason},
                 {"note", event.note},
                 {"type", event.type == Event::Type::kWarning ? "Warning" : "Normal"},
                 {"regarding",
                  {{"apiVersion", event.resource.apiVersion()},
                   {"kind", std::string(event.resource.kind)},
                   {"name", event.key.name},
                   {"uid", event.uid}}}};
  if (!event.key.ns.empty()) object["regarding"]["namespace"] = event.key.ns;
  if (entry.count > 1) object["series"] = series;
  const auto made = api_.create(kEvents, ns, object, stop);
  if (!made && made.error().code != ErrorCode::kAlreadyExists) {
    return tl::make_unexpected(made.error());
  }
  return {};
}

void EventRecorder::settle(const Event& event, const EventEntry& sent,
                           const Result<void>& outcome) {
  if (outcome) ++written_;
  const EventEntry* const known = memory_.find(event);
  if (known == nullptr || known->first != sent.first) return;
  EventEntry entry = *known;
  if (outcome) {
    entry.writtenCount = sent.count;
    entry.tries = 0;
    entry.due = clock_.now() + options_.interval;
    memory_.put(event, entry);
    return;
  }
  const Error& error = outcome.error();
  if (worthRetry(error.code) && ++entry.tries < kMaxTries) {
    entry.due = clock_.now() + std::max(kFirstRetry * (1 << entry.tries), error.retryAfter);
    memory_.put(event, entry);
    return;
  }
  ++dropped_;
  log::debug("an event was not written",
             {{"subject", event.key.toString()}, {"reason", error.message}});
  memory_.forget(event);
}

void EventRecorder::forgetOld() {
  const MonotonicTime now = clock_.now();
  const EventMemory::Slot* first = memory_.firstToForget();
  while (first != nullptr && isOld(first->second, now)) {
    memory_.forget(first->first);
    first = memory_.firstToForget();
  }
}

bool EventRecorder::isOld(const EventEntry& entry, MonotonicTime now) const {
  return !entry.pending() && entry.lastSeen < now - options_.memory;
}

void EventRecorder::makeRoom() {
  while (memory_.size() > options_.limit) {
    const EventMemory::Slot* const first = memory_.firstToForget();
    if (first->second.pending()) ++dropped_;
    memory_.forget(first->first);
  }
}

// max(): nothing is to be written.
MonotonicTime EventRecorder::nextDue() const {
  const EventMemory::Slot* const next = memory_.nextToWrite();
  return next == nullptr ? MonotonicTime::max() : std::max(next->second.due, rested_);
}

}  // namespace barevip::kube
