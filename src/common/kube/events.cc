// SPDX-License-Identifier: Apache-2.0
#include "common/kube/events.h"

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

#include "barevip/base/log.h"

#include "common/base/rfc3339.h"

namespace barevip::kube {
namespace {

constexpr std::size_t kMaxNote = 1024;   // the API server's own limit
constexpr std::size_t kMaxPrefix = 200;  // of an object's name inside the event's name

// Cluster-scoped objects have their events in "default" (client-go does so, too).
std::string namespaceOf(const Event& event) {
  return event.key.ns.empty() ? "default" : event.key.ns;
}

std::string hex(std::uint64_t value) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text(16, '0');
  for (auto it = text.rbegin(); it != text.rend(); ++it, value >>= 4U) *it = kDigits[value & 0xfU];
  return text;
}

// FNV-1a: stable over builds and machines, which std::hash is not.
std::uint64_t hash(std::initializer_list<std::string_view> parts) {
  std::uint64_t value = 0xcbf29ce484222325ULL;
  for (const std::string_view part : parts) {
    for (const char c : part) value = (value ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
    value = (value ^ 0xffU) * 0x100000001b3ULL;
  }
  return value;
}

}  // namespace

EventRecorder::EventRecorder(Api& api, const Clock& clock, std::string controller,
                             std::string instance)
    : api_(api),
      clock_(clock),
      controller_(std::move(controller)),
      instance_(std::move(instance)) {}

std::string EventRecorder::nameOf(const Event& event, const std::string& controller) {
  return event.key.name.substr(0, kMaxPrefix) + "." +
         hex(hash({controller, event.resource.plural, event.key.ns, event.uid, event.reason,
                   event.note}));
}

void EventRecorder::start() {
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void EventRecorder::emit(Event event) {
  if (event.note.size() > kMaxNote) event.note.resize(kMaxNote);
  const std::string name = nameOf(event, controller_);
  const std::lock_guard lock(mutex_);
  const auto [it, inserted] = remembered_.try_emplace(name);
  Remembered& entry = it->second;
  if (inserted) {
    entry.event = std::move(event);
    order_.push_back(name);
    if (order_.size() > kMaxRemembered) {
      remembered_.erase(order_.front());
      order_.pop_front();
    }
  }
  ++entry.count;
  if (entry.queued) return;
  entry.queued = true;
  queue_.push_back(name);
  if (queue_.size() > kMaxQueued) {
    if (const auto oldest = remembered_.find(queue_.front()); oldest != remembered_.end()) {
      oldest->second.queued = false;
    }
    queue_.pop_front();
    ++dropped_;
  }
  wake_.notify_all();
}

Result<void> EventRecorder::write(const std::string& name, const Event& event, std::uint64_t count,
                                  bool series, const std::stop_token& stop) {
  const std::string ns = namespaceOf(event);
  const std::string now = formatMicros(clock_.wallNow());
  if (!series) {
    const nlohmann::json object{{"apiVersion", kEvents.apiVersion()},
                                {"kind", kEvents.kind},
                                {"metadata", {{"name", name}, {"namespace", ns}}},
                                {"eventTime", now},
                                {"reportingController", controller_},
                                {"reportingInstance", instance_},
                                {"action", event.action.empty() ? event.reason : event.action},
                                {"reason", event.reason},
                                {"note", event.note},
                                {"type", event.type == Event::Type::kNormal ? "Normal" : "Warning"},
                                {"regarding",
                                 {{"apiVersion", event.resource.apiVersion()},
                                  {"kind", event.resource.kind},
                                  {"namespace", event.key.ns},
                                  {"name", event.key.name},
                                  {"uid", event.uid}}}};
    const auto created = api_.create(kEvents, ns, object, stop);
    if (created) return {};
    if (created.error().code != ErrorCode::kAlreadyExists) {
      return tl::make_unexpected(created.error());
    }
    ++count;  // a predecessor wrote it
  }
  const nlohmann::json patch{
      {"series", {{"count", std::max<std::uint64_t>(count, 2)}, {"lastObservedTime", now}}}};
  const auto patched = api_.patch(kEvents, {ns, name}, "", patch, stop);
  if (!patched) return tl::make_unexpected(patched.error());
  return {};
}

void EventRecorder::run(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    // The first name whose time has come; series wait, new events do not.
    const MonotonicTime now = clock_.now();
    MonotonicTime next = now + std::chrono::hours(1);
    const auto due = std::find_if(queue_.begin(), queue_.end(), [&](const std::string& name) {
      const auto it = remembered_.find(name);
      if (it == remembered_.end()) return true;
      next = std::min(next, it->second.notBefore);
      return it->second.notBefore <= now;
    });
    if (due == queue_.end()) {
      const std::size_t size = queue_.size();
      clock_.waitUntil(lock, wake_, stop, next, [&] { return queue_.size() != size; });
      continue;
    }
    const std::string name = *due;
    queue_.erase(due);
    const auto it = remembered_.find(name);
    if (it == remembered_.end()) continue;
    it->second.queued = false;
    const Event event = it->second.event;
    const std::uint64_t count = it->second.count;
    const bool series = it->second.written;
    lock.unlock();
    const auto written = write(name, event, count, series, stop);
    lock.lock();
    if (!written) {
      if (stop.stop_requested()) return;
      ++dropped_;
      log::debug("an event was not taken", {{"event", name}, {"error", written.error().message}});
    }
    if (const auto again = remembered_.find(name); again != remembered_.end()) {
      again->second.written = series || written.has_value();
      again->second.notBefore = clock_.now() + kSeriesPeriod;
    }
  }
}

}  // namespace barevip::kube
