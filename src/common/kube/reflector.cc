// SPDX-License-Identifier: Apache-2.0
#include "common/kube/reflector.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "barevip/base/log.h"

#include "common/model/meta_json.h"

namespace barevip::kube {
namespace {

// A watch that ends sooner and brought nothing is no success: a server in that state would be asked
// in a tight loop.
constexpr std::chrono::seconds kShortWatch{1};
// A version that is too old so soon after a list is not mended by another list at once.
constexpr std::chrono::seconds kListPause{5};
// After so many refusals in a row the version itself is suspect (a restored etcd counts anew).
constexpr int kRefusalsBeforeList = 3;
constexpr std::size_t kMaxUndecodableSaid = 100;

}  // namespace

Reflector::Reflector(Api& api, const Clock& clock, const Resource& resource, Selection selection,
                     std::unique_ptr<ObjectSink> sink, Random random)
    : api_(api),
      clock_(clock),
      resource_(resource),
      selection_(std::move(selection)),
      sink_(std::move(sink)),
      backoff_(clock, std::move(random)) {}

Reflector::~Reflector() { stop(); }

void Reflector::start() {
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void Reflector::stop() {
  if (!thread_.joinable()) return;
  thread_.request_stop();
  thread_.join();
}

Reflector::Stats Reflector::stats() const {
  return {lists_.load(), watches_.load(), events_.load(), failures_.load(), undecodable_.load()};
}

void Reflector::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    opened_ = false;
    eventsCame_ = false;
    const bool listing = version_.empty();
    const MonotonicTime before = clock_.now();
    const Result<void> result = listing ? list(stop) : watch(stop);
    if (stop.stop_requested()) return;
    if (!result) {
      ++failures_;
      recover(result.error(), opened_, stop);
    } else if (!listing && !eventsCame_ && clock_.now() - before < kShortWatch) {
      pause(backoff_.next(), stop);
    }
  }
}

Result<void> Reflector::list(const std::stop_token& stop) {
  sink_->listStarted();
  const MonotonicTime started = clock_.now();
  auto version = api_.list(
      resource_, selection_,
      [this](const nlohmann::json& object) {
        if (auto taken = sink_->listed(object); !taken) reportUndecodable(taken.error());
      },
      stop);
  if (!version) return tl::make_unexpected(std::move(version.error()));
  sink_->listFinished();
  version_ = std::move(*version);
  lastList_ = started;
  contact();
  ++lists_;
  return {};
}

Result<void> Reflector::watch(const std::stop_token& stop) {
  ++watches_;
  return api_.watch(
      resource_, selection_, version_,
      [this](WatchEvent::Type type, const nlohmann::json& object) { onEvent(type, object); }, stop);
}

void Reflector::onEvent(WatchEvent::Type type, const nlohmann::json& object) {
  contact();
  opened_ = true;
  if (type == WatchEvent::Type::kOpened) return;
  eventsCame_ = true;
  std::string version = model::stringAt(model::memberOf(object, "metadata"), "resourceVersion");
  if (!version.empty()) version_ = std::move(version);
  if (type == WatchEvent::Type::kBookmark) return;
  ++events_;
  if (type == WatchEvent::Type::kDeleted) {
    const auto meta = model::decodeMeta(object, resource_.kind, resource_.namespaced);
    if (meta) {
      sink_->erase(meta->key);
    } else {
      reportUndecodable(meta.error());
    }
    return;
  }
  if (auto taken = sink_->put(object); !taken) reportUndecodable(taken.error());
}

// That a watch is cut that was open is ordinary: only a failing try to take it up again is worth a
// warning.
void Reflector::recover(const Error& error, bool wasOpen, const std::stop_token& stop) {
  if (error.code == ErrorCode::kExpired) {
    version_.clear();
    log::debug("The version is too old, listing again",
               {{"resource", std::string(resource_.plural)}, {"reason", error.message}});
    if (clock_.now() - lastList_ >= kListPause) return;
  } else if (wasOpen) {
    log::debug("A watch was cut",
               {{"resource", std::string(resource_.plural)}, {"reason", error.message}});
  } else {
    ++failuresInARow_;
    const bool refused = error.detail >= 400 && error.code != ErrorCode::kThrottled;
    if (refused && failuresInARow_ >= kRefusalsBeforeList) version_.clear();
    report(error);
  }
  pause(std::max(backoff_.next(), error.retryAfter), stop);
}

void Reflector::report(const Error& error) {
  if (error.message == lastReason_) return;
  lastReason_ = error.message;
  if (error.code == ErrorCode::kNotFound) {
    log::warn("Waiting for API server: it does not know this resource; are the CRDs installed?",
              {{"resource", std::string(resource_.plural)}, {"reason", error.message}});
    return;
  }
  log::warn("Waiting for API server",
            {{"resource", std::string(resource_.plural)}, {"reason", error.message}});
}

void Reflector::reportUndecodable(const Error& error) {
  ++undecodable_;
  if (undecodableSaid_.size() >= kMaxUndecodableSaid) return;
  if (!undecodableSaid_.insert(error.message).second) return;
  log::warn("An object cannot be used",
            {{"resource", std::string(resource_.plural)}, {"reason", error.message}});
}

void Reflector::contact() {
  failuresInARow_ = 0;
  lastContact_ = clock_.now();
  if (lastReason_.empty()) return;
  lastReason_.clear();
  log::info("The API server answers again", {{"resource", std::string(resource_.plural)}});
}

void Reflector::pause(std::chrono::milliseconds time, const std::stop_token& stop) {
  std::unique_lock lock(pauseMutex_);
  clock_.waitUntil(lock, pauseWake_, stop, clock_.now() + time, [] { return false; });
}

}  // namespace barevip::kube
