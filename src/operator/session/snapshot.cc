// SPDX-License-Identifier: Apache-2.0
#include "operator/session/snapshot.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "barevip/base/log.h"
#include "barevip/kube/store.h"

#include "common/base/stop_at.h"
#include "common/kube/backoff.h"
#include "common/kube/resource_version.h"
#include "operator/session/lists.h"
#include "operator/session/service_decoder.h"

namespace barevip::controlplane {
namespace {

using namespace std::chrono_literals;
using assigner::Snapshot;

constexpr std::chrono::milliseconds kPollInterval = 10ms;
constexpr std::chrono::milliseconds kMaxStoreLag = 2s;

template <class T>
const std::string& versionOf(const T& object) {
  return object.resourceVersion;
}
template <class T>
const std::string& versionOf(const std::shared_ptr<const T>& object) {
  return object->resourceVersion;
}

// An object may be missing from the store: it was deleted after the list.
template <class T, class Listed>
bool behind(const kube::Store<T>& store, const std::vector<Listed>& listed) {
  const std::string reached = store.version();
  return std::any_of(listed.begin(), listed.end(), [&](const Listed& each) {
    return kube::olderVersion(reached, versionOf(each));
  });
}

struct ByKey {
  using Ptr = kube::Store<model::Service>::Ptr;
  bool operator()(const Ptr& a, const Ptr& b) const { return a->key < b->key; }
  bool operator()(const Ptr& a, const kube::ObjectKey& b) const { return a->key < b; }
  bool operator()(const kube::ObjectKey& a, const Ptr& b) const { return a < b->key; }
};

// nullopt: the stores do not get as far as the lists in time.
Result<std::optional<Snapshot>> tryOnce(kube::Api& api, const Clock& clock, const Stores& stores,
                                        const ServiceReading& reading,
                                        const std::stop_token& stop) {
  const auto pools = listPools(api, stop);
  if (!pools) return tl::make_unexpected(pools.error());
  // Services first: what looks like a record of one that exists is never left out, and an earlier
  // leader made records of those alone that existed when it ended.
  auto services =
      listServices(api, serviceDecoder(reading, stores.serviceTexts), stores.services, stop);
  if (!services) return tl::make_unexpected(std::move(services.error()));
  std::sort(services->begin(), services->end(), ByKey{});
  const auto exists = [&](const kube::ObjectKey& service) {
    return std::binary_search(services->begin(), services->end(), service, ByKey{}) ||
           stores.services.get(service) != nullptr;
  };
  auto ipObjects = listIpObjects(api, stores.ipObjects, stop, exists);
  if (!ipObjects) return tl::make_unexpected(std::move(ipObjects.error()));
  const auto namespaces = listNamespaces(api, stop);
  if (!namespaces) return tl::make_unexpected(namespaces.error());
  const MonotonicTime start = clock.now();
  while (behind(stores.pools, *pools) || behind(stores.namespaces, *namespaces) ||
         behind(stores.ipObjects, *ipObjects) || behind(stores.services, *services)) {
    if (stop.stop_requested()) return fail(ErrorCode::kStopped, "stopped");
    if (clock.now() - start > kMaxStoreLag) return std::nullopt;
    (void)pauseFor(clock, kPollInterval, stop);
  }
  return Snapshot{std::move(*ipObjects), std::move(*services), [&stores](const std::string& name) {
                    return stores.namespaces.get({"", name});
                  }};
}

}  // namespace

Result<Snapshot> takeSnapshot(kube::Api& api, const Clock& clock, const Stores& stores,
                              const ServiceReading& reading, const std::stop_token& stop) {
  while (!stores.synced() && pauseFor(clock, kPollInterval, stop)) {
  }
  kube::Backoff backoff(clock, kube::systemRandom());
  while (!stop.stop_requested()) {
    auto taken = tryOnce(api, clock, stores, reading, stop);
    if (taken && *taken) return std::move(**taken);
    std::chrono::milliseconds pause = backoff.next();
    if (taken) {
      log::warn("a watch does not get as far as the lists; nothing is allocated until then");
    } else {
      log::warn("cannot list the allocations; nothing is allocated until then",
                {{"error", taken.error().message}});
      pause = std::max(pause, taken.error().retryAfter);
    }
    (void)pauseFor(clock, pause, stop);
  }
  return fail(ErrorCode::kStopped, "stopped before all allocations were restored");
}

}  // namespace barevip::controlplane
