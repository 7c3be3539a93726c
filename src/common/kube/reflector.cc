// SPDX-License-Identifier: Apache-2.0
#include "common/kube/reflector.h"

#include <algorithm>
#include <cerrno>

#include <nlohmann/json.hpp>

#include "barevip/base/log.h"

#include "common/base/heap.h"
#include "common/model/meta_json.h"

namespace barevip::kube {
namespace {

// A watch that ends sooner and brought nothing does not count as success: a server in that state
// would be asked in a tight loop.
constexpr std::chrono::seconds kShortWatch{1};
// A watch that lived so long was a good one, even if there was nothing to tell.
constexpr std::chrono::seconds kHealthyWatch{10};
// A version that is too old so soon after a list is not mended by another list at once.
constexpr std::chrono::seconds kListPause{5};
// After so many fruitless watches in a row the version itself is suspect: a restored etcd counts
// anew, or there is an event behind it that the server cannot deliver.
constexpr int kFruitlessBeforeList = 3;
// Trying costs a server nothing that does not run, and once it does Services should not wait for
// us. One that answers, late or badly, is left alone for longer.
constexpr std::chrono::milliseconds kLongestAway{10'000};
// Sooner than a watch would count as silent.
constexpr std::chrono::minutes kAbsentPause{1};
constexpr std::size_t kMaxUndecodableSaid = 100;

bool fromServer(const Error& error) { return error.detail >= 400; }  // an HTTP status, no errno

bool nobodyThere(const Error& error) {
  return error.detail == ECONNREFUSED || error.detail == EHOSTUNREACH ||
         error.detail == ENETUNREACH;
}

std::string versionOf(const nlohmann::json& object) {
  return model::stringAt(model::memberOf(object, "metadata"), "resourceVersion");
}

}  // namespace

Reflector::Reflector(Api& api, const Clock& clock, const Resource& resource, Selection selection,
                     std::unique_ptr<ObjectSink> sink, Random random, Presence presence)
    : api_(api),
      clock_(clock),
      resource_(resource),
      selection_(std::move(selection)),
      presence_(presence),
      sink_(std::move(sink)),
      backoff_(clock, std::move(random)) {}

Reflector::~Reflector() { stop(); }

void Reflector::start(std::function<void(const std::stop_token&)> before) {
  thread_ = std::jthread([this, before = std::move(before)](const std::stop_token& stop) {
    if (before) before(stop);
    run(stop);
  });
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
    progress_ = false;
    started_ = clock_.now();
    const bool listing = version_.empty();
    const Result<void> result = listing && !streams_ ? list(stop) : watch(stop);
    if (stop.stop_requested()) return;
    if (!result && result.error().code == ErrorCode::kNotFound &&
        presence_ == Presence::kOptional) {
      absent(stop);
      continue;
    }
    const bool watched = opened_ || !listing;
    const auto lived = clock_.now() - started_;
    const bool healthy = opened_ && lived >= kHealthyWatch;
    if (healthy) {
      backoff_.reset();
      answered();
    }
    if (!result) {
      ++failures_;
      recover(result.error(), watched && !healthy && !progress_, stop);
    } else {
      if (watched && !progress_ && lived < kShortWatch) pause(backoff_.next(), stop);
      if (watched && sink_->wantsList()) version_.clear();
    }
  }
}

Result<void> Reflector::list(const std::stop_token& stop) {
  sink_->listStarted();
  auto version = api_.list(
      resource_, selection_,
      [this](const nlohmann::json& object) { onListEvent(WatchEvent::Type::kAdded, object); },
      stop);
  if (!version) return tl::make_unexpected(std::move(version.error()));
  listFinished(std::move(*version));
  return {};
}

Result<void> Reflector::watch(const std::stop_token& stop) {
  ++watches_;
  if (version_.empty()) sink_->listStarted();
  bool opened = false;
  auto result = api_.watch(
      resource_, selection_, version_,
      [&](WatchEvent::Type type, const nlohmann::json& object) {
        opened = true;
        onEvent(type, object);
      },
      stop);
  if (!version_.empty()) return result;
  // A list that the server began and did not end it may never end.
  if (opened) streams_ = false;
  if (result) {
    return fail(ErrorCode::kUnavailable, "the API server ended a list before it was complete");
  }
  if (result.error().code != ErrorCode::kUnsupported) return result;
  streams_ = false;
  return list(stop);
}

void Reflector::listFinished(std::string version) {
  sink_->listFinished();
  returnFreeMemory();  // of the texts that the server sent, and of what was replaced
  version_ = std::move(version);
  sink_->reached(version_);
  lastList_ = started_;
  lastContact_ = clock_.now();
  ++lists_;
  if (std::exchange(absent_, false)) {
    log::info("the API server has this resource now",
              {{"resource", std::string(resource_.plural)}});
  }
  if (fruitless_ == 0) {
    backoff_.reset();
    answered();
  }
}

void Reflector::absent(const std::stop_token& stop) {
  lastContact_ = clock_.now();
  if (lists_ == 0) {
    sink_->listStarted();
    sink_->listFinished();
  }
  version_.clear();
  answered();
  if (!std::exchange(absent_, true)) {
    log::info("the API server does not have this resource; it is asked again each minute",
              {{"resource", std::string(resource_.plural)}});
  }
  pause(kAbsentPause, stop);
}

void Reflector::onListEvent(WatchEvent::Type type, const nlohmann::json& object) {
  using Type = WatchEvent::Type;
  if (object.is_string()) {
    reportUnreadable(object);
  } else if (type == Type::kListed) {
    listFinished(versionOf(object));
    watchOpened();
  } else if (type == Type::kDeleted) {
    if (const auto key = keyOf(object)) sink_->unlisted(*key);
  } else if (type == Type::kAdded || type == Type::kModified) {
    if (auto taken = sink_->listed(object); !taken) reportUndecodable(taken.error());
  }
}

void Reflector::onEvent(WatchEvent::Type type, const nlohmann::json& object) {
  // A watch may open and stay silent, through a proxy or where large packets get lost.
  if (type != WatchEvent::Type::kOpened) lastContact_ = clock_.now();
  if (version_.empty()) {
    if (type != WatchEvent::Type::kOpened) onListEvent(type, object);
    return;
  }
  if (type == WatchEvent::Type::kOpened) {
    watchOpened();
    return;
  }
  if (object.is_string()) {
    reportUnreadable(object);
    return;
  }
  const bool isObject = type != WatchEvent::Type::kBookmark && type != WatchEvent::Type::kListed;
  if (isObject) take(type, object);
  std::string version = versionOf(object);
  if (version.empty() || version == version_) return;
  version_ = std::move(version);
  sink_->reached(version_);
  progress_ = true;
  answered();
}

void Reflector::watchOpened() {
  opened_ = true;
  worked_ = true;
  if (fruitless_ == 0) answered();
}

void Reflector::take(WatchEvent::Type type, const nlohmann::json& object) {
  ++events_;
  if (type == WatchEvent::Type::kDeleted) {
    if (const auto key = keyOf(object)) sink_->erase(*key);
    return;
  }
  if (auto taken = sink_->put(object); !taken) reportUndecodable(taken.error());
}

std::optional<ObjectKey> Reflector::keyOf(const nlohmann::json& object) {
  auto meta = model::decodeMeta(object, resource_.kind, resource_.namespaced);
  if (meta) return std::move(meta->key);
  reportUndecodable(meta.error());
  return std::nullopt;
}

// That a watch is cut that was open is ordinary: only a failing try to take it up again, or one
// that fails again and again, is worth a warning.
void Reflector::recover(const Error& error, bool fruitlessWatch, const std::stop_token& stop) {
  if (error.code == ErrorCode::kExpired) {
    version_.clear();
    log::debug("the version is too old, listing again",
               {{"resource", std::string(resource_.plural)}, {"reason", error.message}});
    const bool early = clock_.now() - lastList_ < kListPause;
    if (early && fruitlessWatch) ++fruitless_;
    if (std::exchange(worked_, false) && !early) return;
  } else if (opened_ && error.code == ErrorCode::kTimeout && !fromServer(error)) {
    // As of a server without bookmarks whose objects do not change, or of a proxy that holds a
    // stream back: a plain list shows whether anything is missing.
    version_.clear();
    streams_ = false;
    log::debug("a watch was silent",
               {{"resource", std::string(resource_.plural)}, {"reason", error.message}});
    return;
  } else {
    const bool refused = fromServer(error) && error.code != ErrorCode::kThrottled;
    const bool counts = fruitlessWatch && (opened_ || refused);
    if (counts && ++fruitless_ % kFruitlessBeforeList == 0) version_.clear();
    if (opened_ && fruitless_ < 2) {
      log::debug("a watch was cut",
                 {{"resource", std::string(resource_.plural)}, {"reason", error.message}});
    } else {
      report(error);
    }
  }
  const bool away = nobodyThere(error);
  // A server that starts says so at first, with 429.
  if (std::exchange(away_, away) && !away) backoff_.reset();
  const auto wait = away ? backoff_.next(kLongestAway) : backoff_.next();
  pause(std::max(wait, error.retryAfter), stop);
}

void Reflector::report(const Error& error) {
  if (error.message == lastReason_) return;
  lastReason_ = error.message;
  if (error.code == ErrorCode::kNotFound) {
    log::warn("waiting for the API server: it does not know this resource; are the CRDs installed?",
              {{"resource", std::string(resource_.plural)}, {"reason", error.message}});
    return;
  }
  log::warn("waiting for the API server",
            {{"resource", std::string(resource_.plural)}, {"reason", error.message}});
}

void Reflector::reportUnreadable(const nlohmann::json& text) {
  reportUndecodable(
      {ErrorCode::kInvalid,
       "its text is not a JSON object or is too long: \"" + text.get<std::string>() + "\"",
       0,
       {}});
}

void Reflector::reportUndecodable(const Error& error) {
  ++undecodable_;
  if (undecodableSaid_.size() >= kMaxUndecodableSaid) return;
  if (!undecodableSaid_.insert(error.message).second) return;
  log::warn("an object cannot be used",
            {{"resource", std::string(resource_.plural)}, {"reason", error.message}});
}

// All is well again.
void Reflector::answered() {
  fruitless_ = 0;
  away_ = false;
  if (lastReason_.empty()) return;
  lastReason_.clear();
  log::info("the API server answers again", {{"resource", std::string(resource_.plural)}});
}

void Reflector::pause(std::chrono::milliseconds time, const std::stop_token& stop) {
  std::unique_lock lock(pauseMutex_);
  clock_.waitUntil(lock, pauseWake_, stop, clock_.now() + time, [] { return false; });
}

}  // namespace barevip::kube
