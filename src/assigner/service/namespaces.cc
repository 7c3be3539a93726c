// SPDX-License-Identifier: Apache-2.0
#include "assigner/service/namespaces.h"

#include <utility>

#include "assigner/service/api_writes.h"
#include "common/kube/resource_version.h"

namespace barevip::assigner {

Namespaces::Ptr Namespaces::known(const std::string& name) {
  Ptr stored = store_.get({"", name});
  const std::lock_guard lock(mutex_);
  const auto it = live_.find(name);
  if (it == live_.end()) return stored;
  const Ptr live = it->second.object;
  const bool newer =
      live && (!stored || kube::olderVersion(stored->resourceVersion, live->resourceVersion));
  const std::string reached = store_.version();
  const bool behind = newer && (kube::olderVersion(reached, it->second.asOf) ||
                                kube::olderVersion(reached, live->resourceVersion));
  if (behind) return live;
  live_.erase(it);
  return stored;
}

Result<Namespaces::Ptr> Namespaces::asOf(const std::string& name, const std::string& version,
                                         const std::stop_token& stop) {
  if (!kube::olderVersion(store_.version(), version)) return known(name);
  {
    const std::lock_guard lock(mutex_);
    const auto it = live_.find(name);
    if (it != live_.end() && !kube::olderVersion(it->second.asOf, version)) {
      // The store has an object before it says that it got that far.
      const Ptr stored = store_.get({"", name});
      const Ptr live = it->second.object;
      const std::string& read = live ? live->resourceVersion : it->second.asOf;
      return stored && kube::olderVersion(read, stored->resourceVersion) ? stored : live;
    }
  }
  auto read = readNamespace(api_, name, stop);
  if (!read && read.error().code != ErrorCode::kNotFound) {
    return tl::make_unexpected(std::move(read.error()));
  }
  Ptr object = read ? std::make_shared<const model::Namespace>(std::move(*read)) : nullptr;
  const std::lock_guard lock(mutex_);
  live_[name] = {object, version};
  return object;
}

}  // namespace barevip::assigner
