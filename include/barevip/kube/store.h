// SPDX-License-Identifier: Apache-2.0
// A typed, thread-safe copy of one kind of object, kept by a reflector.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <utility>
#include <vector>

#include "barevip/kube/object_key.h"

namespace barevip::kube {

/// T is a value with operator== and a member `kube::ObjectKey key`. Objects are shared and never
/// change after they were put in. Handlers run on the writer's thread, outside the lock, and must
/// only hand work on (to a WorkQueue). Add handlers before the first write.
template <class T>
class Store {
 public:
  using Ptr = std::shared_ptr<const T>;
  /// before and after; one of them is null on add and on delete.
  using Handler = std::function<void(const Ptr& before, const Ptr& after)>;

  void addHandler(Handler handler) { handlers_.push_back(std::move(handler)); }

  [[nodiscard]] Ptr get(const ObjectKey& key) const {
    const std::shared_lock lock(mutex_);
    const auto it = objects_.find(key);
    return it == objects_.end() ? nullptr : it->second;
  }

  [[nodiscard]] std::vector<Ptr> all() const {
    const std::shared_lock lock(mutex_);
    std::vector<Ptr> result;
    result.reserve(objects_.size());
    for (const auto& [key, object] : objects_) result.push_back(object);
    return result;
  }

  /// Those of one namespace.
  [[nodiscard]] std::vector<Ptr> allIn(const std::string& ns) const {
    const std::shared_lock lock(mutex_);
    std::vector<Ptr> result;
    for (auto it = objects_.lower_bound({ns, ""}); it != objects_.end() && it->first.ns == ns;
         ++it) {
      result.push_back(it->second);
    }
    return result;
  }

  [[nodiscard]] std::size_t size() const {
    const std::shared_lock lock(mutex_);
    return objects_.size();
  }

  /// True from the end of the first complete list on, for ever: a lost API server leaves the last
  /// state in place.
  [[nodiscard]] bool synced() const {
    const std::shared_lock lock(mutex_);
    return synced_;
  }

  /// The resourceVersion up to which every change is in here, those that deleted something
  /// included; empty before the first list.
  [[nodiscard]] std::string version() const {
    const std::shared_lock lock(mutex_);
    return version_;
  }
  void setVersion(std::string version) {
    const std::unique_lock lock(mutex_);
    version_ = std::move(version);
  }

  void put(T object) {
    auto after = std::make_shared<const T>(std::move(object));
    Ptr before;
    {
      const std::unique_lock lock(mutex_);
      Ptr& slot = objects_[after->key];
      before = std::exchange(slot, after);
    }
    if (!before || !(*before == *after)) notify(before, after);
  }

  void erase(const ObjectKey& key) {
    Ptr before;
    {
      const std::unique_lock lock(mutex_);
      const auto it = objects_.find(key);
      if (it == objects_.end()) return;
      before = std::move(it->second);
      objects_.erase(it);
    }
    notify(before, nullptr);
  }

  /// Becomes exactly `objects`: what is missing from it is deleted, what differs is changed; each
  /// difference is notified. Marks the store as synced.
  void replaceAll(std::vector<T> objects) {
    std::map<ObjectKey, Ptr> next;
    for (T& object : objects) {
      auto pointer = std::make_shared<const T>(std::move(object));
      next.insert_or_assign(pointer->key, pointer);
    }
    std::map<ObjectKey, Ptr> previous;
    {
      const std::unique_lock lock(mutex_);
      previous = std::exchange(objects_, next);
      synced_ = true;
    }
    for (const auto& [key, before] : previous) {
      if (!next.contains(key)) notify(before, nullptr);
    }
    for (const auto& [key, after] : next) {
      const auto it = previous.find(key);
      if (it == previous.end()) {
        notify(nullptr, after);
      } else if (!(*it->second == *after)) {
        notify(it->second, after);
      }
    }
  }

 private:
  void notify(const Ptr& before, const Ptr& after) const {
    for (const Handler& handler : handlers_) handler(before, after);
  }

  mutable std::shared_mutex mutex_;
  std::map<ObjectKey, Ptr> objects_;
  bool synced_ = false;
  std::string version_;
  std::vector<Handler> handlers_;
};

}  // namespace barevip::kube
