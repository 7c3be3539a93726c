// SPDX-License-Identifier: Apache-2.0
// A typed, thread-safe copy of one kind of object, kept by a reflector.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <utility>
#include <vector>

#include "barevip/kube/object_key.h"
#include "barevip/kube/objects.h"

namespace barevip::kube {

/// T is a value with operator== and a member `kube::ObjectKey key`. Objects are shared and never
/// change after they were put in. Handlers run on the writer's thread, outside the lock, and must
/// only hand work on (to a WorkQueue). Add handlers before the first write.
template <class T>
class Store {
 public:
  using Ptr = std::shared_ptr<const T>;
  using Objects = kube::Objects<T>;
  /// before and after; one of them is null on add and on delete.
  using Handler = std::function<void(const Ptr& before, const Ptr& after)>;

  void addHandler(Handler handler) { handlers_.push_back(std::move(handler)); }

  [[nodiscard]] Ptr get(const ObjectKey& key) const {
    const std::shared_lock lock(mutex_);
    const auto it = objects_.find(key);
    return it == objects_.end() ? nullptr : *it;
  }

  [[nodiscard]] std::vector<Ptr> all() const {
    const std::shared_lock lock(mutex_);
    return {objects_.begin(), objects_.end()};
  }

  /// Those of one namespace.
  [[nodiscard]] std::vector<Ptr> allIn(const std::string& ns) const {
    const std::shared_lock lock(mutex_);
    std::vector<Ptr> result;
    for (auto it = objects_.lower_bound(ObjectKey{ns, ""});
         it != objects_.end() && (*it)->key.ns == ns; ++it) {
      result.push_back(*it);
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
  /// Another number after each change of what is in here: whoever finds the same one again, read
  /// before he looked, has seen everything.
  [[nodiscard]] std::uint64_t revision() const {
    const std::shared_lock lock(mutex_);
    return revision_;
  }
  void setVersion(std::string version) {
    const std::unique_lock lock(mutex_);
    version_ = std::move(version);
  }

  void put(T object) {
    const auto after = std::make_shared<const T>(std::move(object));
    Ptr before;
    {
      const std::unique_lock lock(mutex_);
      before = putInto<T>(objects_, after);
      ++revision_;
    }
    if (!before || !(*before == *after)) notify(before, after);
  }

  void erase(const ObjectKey& key) {
    Ptr before;
    {
      const std::unique_lock lock(mutex_);
      const auto it = objects_.find(key);
      if (it == objects_.end()) return;
      before = *it;
      objects_.erase(it);
      ++revision_;
    }
    notify(before, nullptr);
  }

  /// The object as it is to be put in: one that equals what is here is the very same one, so that
  /// a list beside the store costs what differs.
  [[nodiscard]] Ptr shared(T object) const {
    Ptr here = get(object.key);
    if (here && *here == object) return here;
    return std::make_shared<const T>(std::move(object));
  }

  /// Becomes exactly `objects`: what is missing from it is deleted, what differs is changed; each
  /// difference is notified. Marks the store as synced.
  void replaceAll(std::vector<T> objects) {
    Objects next;
    for (T& object : objects) putInto<T>(next, shared(std::move(object)));
    replaceWith(next);
  }
  void replaceWith(const Objects& next) {
    Objects previous;
    {
      const std::unique_lock lock(mutex_);
      previous = std::exchange(objects_, next);
      synced_ = true;
      ++revision_;
    }
    for (const Ptr& before : previous) {
      if (!next.contains(before)) notify(before, nullptr);
    }
    for (const Ptr& after : next) {
      const auto it = previous.find(after);
      if (it == previous.end()) {
        notify(nullptr, after);
      } else if (*it != after && !(**it == *after)) {
        notify(*it, after);
      }
    }
  }

 private:
  void notify(const Ptr& before, const Ptr& after) const {
    for (const Handler& handler : handlers_) handler(before, after);
  }

  mutable std::shared_mutex mutex_;
  Objects objects_;
  bool synced_ = false;
  std::string version_;
  std::uint64_t revision_ = 0;
  std::vector<Handler> handlers_;
};

}  // namespace barevip::kube
