// SPDX-License-Identifier: Apache-2.0
// Keeps a local copy of one kind of object: list, then watch, for ever (client-go's Reflector).
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "barevip/base/clock.h"
#include "barevip/base/result.h"
#include "barevip/kube/api.h"
#include "barevip/kube/store.h"

#include "common/kube/backoff.h"
#include "common/kube/random.h"

namespace barevip::kube {

/// Where the objects go. All calls come from the reflector's thread.
class ObjectSink {
 public:
  virtual ~ObjectSink() = default;
  /// A list starts; what an earlier one that did not finish brought is void.
  virtual void listStarted() = 0;
  /// One that came before under its name is replaced.
  virtual Result<void> listed(const nlohmann::json& object) = 0;
  /// It went away while the list came.
  virtual void unlisted(const ObjectKey& key) = 0;
  virtual void listFinished() = 0;
  virtual Result<void> put(const nlohmann::json& object) = 0;
  virtual void erase(const ObjectKey& key) = 0;
  /// All up to this resourceVersion was handed over.
  virtual void reached(const std::string& version) = 0;
  /// It left out what it could take now: a list follows when the server ends the running watch,
  /// which it does every few minutes.
  [[nodiscard]] virtual bool wantsList() const { return false; }
};

/// A decoder should not throw; that one does must not end the program.
template <class T>
Result<T> decodedBy(const std::function<Result<T>(const nlohmann::json&)>& decode,
                    const nlohmann::json& object) {
  try {
    return decode(object);
  } catch (const std::exception& exception) {
    return fail(ErrorCode::kInvalid, std::string("exception: ") + exception.what());
  }
}

/// Decodes objects into a store.
template <class T>
class StoreSink final : public ObjectSink {
 public:
  using Decode = std::function<Result<T>(const nlohmann::json&)>;
  using Wanted = std::function<bool(const T&)>;

  /// Keeps what is wanted; without `wanted` everything. The store must outlive this.
  StoreSink(Store<T>& store, Decode decode, Wanted wanted = {})
      : store_(store), decode_(std::move(decode)), wanted_(std::move(wanted)) {}

  void listStarted() override { list_.clear(); }
  Result<void> listed(const nlohmann::json& json) override {
    auto decoded = decodedBy<T>(decode_, json);
    if (!decoded) return tl::make_unexpected(std::move(decoded.error()));
    if (wants(*decoded)) {
      putInto<T>(list_, store_.shared(std::move(*decoded)));
    } else {
      unlisted(decoded->key);
    }
    return {};
  }
  void unlisted(const ObjectKey& key) override {
    if (const auto it = list_.find(key); it != list_.end()) list_.erase(it);
  }
  void listFinished() override { store_.replaceWith(std::exchange(list_, {})); }
  Result<void> put(const nlohmann::json& object) override {
    auto decoded = decodedBy<T>(decode_, object);
    if (!decoded) return tl::make_unexpected(std::move(decoded.error()));
    if (wants(*decoded)) {
      store_.put(std::move(*decoded));
    } else {
      store_.erase(decoded->key);
    }
    return {};
  }
  void erase(const ObjectKey& key) override { store_.erase(key); }
  void reached(const std::string& version) override { store_.setVersion(version); }

 private:
  [[nodiscard]] bool wants(const T& object) const { return !wanted_ || wanted_(object); }

  Store<T>& store_;
  const Decode decode_;
  const Wanted wanted_;
  typename Store<T>::Objects list_;
};

/// Whether an API server may lack the resource, as one does that is older than it.
enum class Presence : std::uint8_t { kRequired, kOptional };

/// One thread that lists, watches from there, and survives whatever the server does. A server that
/// can stream a list does so, and the watch goes on from it; of others it asks the pages. A watch
/// that ends is resumed at the last version seen; 410 lists again, and the store finds the
/// difference; no answer, 429 and 5xx wait longer each time, so do watches that fail again and
/// again without any progress, which also list again. An object that cannot be read or decoded is
/// logged once and left out, its earlier state stays.
///
/// An optional resource that the server does not have (404) is an empty list at first, later what
/// was known last: behind one address there may be servers of two versions. It is asked for again
/// each minute, since servers are upgraded.
///
/// Logs one warning when the server stops answering, another when the reason changes, and one line
/// when it is back. Stops within 100 ms.
class Reflector {
 public:
  struct Stats {
    std::uint64_t lists = 0;     ///< complete ones
    std::uint64_t watches = 0;   ///< started
    std::uint64_t events = 0;    ///< without bookmarks
    std::uint64_t failures = 0;  ///< lists and watches that ended with an error
    std::uint64_t undecodable = 0;
  };

  /// References must outlive this.
  Reflector(Api& api, const Clock& clock, const Resource& resource, Selection selection,
            std::unique_ptr<ObjectSink> sink, Random random = systemRandom(),
            Presence presence = Presence::kRequired);
  ~Reflector();
  Reflector(const Reflector&) = delete;
  Reflector& operator=(const Reflector&) = delete;

  /// before: runs first on its thread, and returns soon after stop.
  void start(std::function<void(const std::stop_token&)> before = {});
  /// Waits for the thread; harmless if it was never started.
  void stop();

  /// When the server last sent a list, a change or a bookmark; the clock's epoch if never. A watch
  /// that only opens does not count. A healthy one is silent for up to a minute between bookmarks.
  [[nodiscard]] MonotonicTime lastContact() const { return lastContact_.load(); }
  [[nodiscard]] Stats stats() const;
  [[nodiscard]] const Resource& resource() const { return resource_; }

 private:
  void run(const std::stop_token& stop);
  Result<void> list(const std::stop_token& stop);
  Result<void> watch(const std::stop_token& stop);
  void listFinished(std::string version);
  void watchOpened();
  void onListEvent(WatchEvent::Type type, const nlohmann::json& object);
  void onEvent(WatchEvent::Type type, const nlohmann::json& object);
  void take(WatchEvent::Type type, const nlohmann::json& object);
  void absent(const std::stop_token& stop);
  void recover(const Error& error, bool fruitlessWatch, const std::stop_token& stop);
  void reportUnreadable(const nlohmann::json& text);
  void reportUndecodable(const Error& error);
  std::optional<ObjectKey> keyOf(const nlohmann::json& object);
  void report(const Error& error);
  void answered();
  void pause(std::chrono::milliseconds time, const std::stop_token& stop);

  Api& api_;
  const Clock& clock_;
  const Resource resource_;
  const Selection selection_;
  const Presence presence_;
  std::unique_ptr<ObjectSink> sink_;
  Backoff backoff_;

  // The thread's own.
  std::string version_;     ///< to watch from; empty: list first
  bool streams_ = true;     ///< the server may be asked for a streamed list
  std::string lastReason_;  ///< of the warning in the log; empty: the server answers
  std::set<std::string> undecodableSaid_;
  int fruitless_ = 0;         ///< watches in a row that the server failed without progress
  bool opened_ = false;       ///< the running watch was taken, and its list is complete
  bool progress_ = false;     ///< the running watch brought a newer version
  bool worked_ = false;       ///< a watch was taken since the last 410
  bool absent_ = false;       ///< the server did not have the resource when it was asked last
  bool away_ = false;         ///< nobody was there to answer the last try
  MonotonicTime started_{};   ///< of the running list or watch
  MonotonicTime lastList_{};  ///< start of the last complete one

  std::atomic<MonotonicTime> lastContact_{MonotonicTime{}};
  std::atomic<std::uint64_t> lists_{0};
  std::atomic<std::uint64_t> watches_{0};
  std::atomic<std::uint64_t> events_{0};
  std::atomic<std::uint64_t> failures_{0};
  std::atomic<std::uint64_t> undecodable_{0};

  std::mutex pauseMutex_;
  std::condition_variable_any pauseWake_;
  std::jthread thread_;
};

/// A reflector of a store, see StoreSink.
template <class T>
[[nodiscard]] std::unique_ptr<Reflector> makeReflector(Api& api, const Clock& clock,
                                                       const Resource& resource,
                                                       Selection selection, Store<T>& store,
                                                       typename StoreSink<T>::Decode decode,
                                                       typename StoreSink<T>::Wanted wanted = {}) {
  return std::make_unique<Reflector>(
      api, clock, resource, std::move(selection),
      std::make_unique<StoreSink<T>>(store, std::move(decode), std::move(wanted)));
}

/// The same of a resource that a server may lack.
template <class T>
[[nodiscard]] std::unique_ptr<Reflector> makeOptionalReflector(
    Api& api, const Clock& clock, const Resource& resource, Selection selection, Store<T>& store,
    typename StoreSink<T>::Decode decode) {
  return std::make_unique<Reflector>(api, clock, resource, std::move(selection),
                                     std::make_unique<StoreSink<T>>(store, std::move(decode)),
                                     systemRandom(), Presence::kOptional);
}

}  // namespace barevip::kube
