// SPDX-License-Identifier: Apache-2.0
#include "operator/session/sources.h"

#include <algorithm>
#include <string>
#include <tuple>
#include <vector>

#include "assigner/allocation/ip_object_owner.h"
#include "assigner/allocation/request.h"
#include "assigner/allocation/service_status.h"

namespace barevip::controlplane {
namespace {

using kube::ObjectKey;

// Services without anything to do are left out: ClusterIP Services are most of a cluster. One that
// waited for an address before it became one of them still has the condition of barevip.
bool isRelevant(const ServicePtr& service) {
  return service &&
         (service->isLoadBalancer() || !service->ingress.empty() ||
          model::findCondition(service->conditions, assigner::kAddressAssigned) != nullptr);
}

template <class Ptr>
const ObjectKey& keyOf(const Ptr& before, const Ptr& after) {
  return (after ? after : before)->key;
}

void append(const std::vector<ObjectKey>& keys, std::vector<ObjectKey>& to) {
  to.insert(to.end(), keys.begin(), keys.end());
}

template <class Pointer>
std::vector<Pointer> byAge(std::vector<Pointer> objects) {
  std::sort(objects.begin(), objects.end(), [](const Pointer& a, const Pointer& b) {
    return std::tie(a->creationSeconds, a->key) < std::tie(b->creationSeconds, b->key);
  });
  return objects;
}

}  // namespace

Enqueued ofService(const ServicePtr& before, const ServicePtr& after,
                   const assigner::IpObjectIndex& index) {
  const ObjectKey& key = keyOf(before, after);
  Enqueued keys;
  if (isRelevant(before) || isRelevant(after)) keys.services.push_back(key);
  if (before && after && before->labels != after->labels) keys.ips = index.ipObjectsOf(key);
  // A reservation may wait for all consumers of its address to name it.
  if (after && (!before || before->annotations != after->annotations)) {
    for (const std::string& ipObject : assigner::requestedIpObjects(*after)) {
      keys.ips.push_back({key.ns, ipObject});
    }
  }
  return keys;
}

Enqueued ofPool(const PoolPtr& before, const PoolPtr& after) {
  const bool same = before && after && before->uid == after->uid &&
                    before->generation == after->generation && before->deleting == after->deleting;
  Enqueued keys;
  if (same) {
    // A status, most likely written by this process: no more often than the counts.
    keys.everyPool = true;
  } else {
    keys.pools.push_back(keyOf(before, after));
  }
  return keys;
}

bool changesAllocation(const IpObjectPtr& before, const IpObjectPtr& after) {
  return !before || !after || before->spec != after->spec ||
         before->serviceOwner != after->serviceOwner || before->deleting != after->deleting;
}

Enqueued ofIp(const IpObjectPtr& before, const IpObjectPtr& after) {
  Enqueued keys;
  keys.ips.push_back(keyOf(before, after));
  if (!changesAllocation(before, after)) return keys;
  for (const IpObjectPtr& ipObject : {before, after}) {
    if (ipObject && ipObject->serviceOwner) keys.services.push_back(assigner::ownerOf(*ipObject));
  }
  return keys;
}

Enqueued ofNamespace(const NamespacePtr& before, const NamespacePtr& after, const Stores& stores) {
  Enqueued keys;
  if (!after || (before && before->labels == after->labels)) return keys;
  const std::string& ns = after->key.name;
  for (const auto& service : stores.services.allIn(ns)) {
    if (isRelevant(service)) keys.services.push_back(service->key);
  }
  const auto ipObjects = stores.ipObjects.allIn(ns);
  keys.ips.reserve(ipObjects.size());
  for (const auto& ipObject : ipObjects) keys.ips.push_back(ipObject->key);
  keys.everyPool = true;
  return keys;
}

Enqueued ofClusterUse() {
  Enqueued keys;
  keys.everyPool = true;
  return keys;
}

Enqueued ofAll(const Stores& stores) {
  Enqueued keys;
  const auto pools = stores.pools.all();
  keys.pools.reserve(pools.size());
  for (const auto& pool : pools) keys.pools.push_back(pool->key);
  for (const auto& service : byAge(stores.services.all())) {
    if (isRelevant(service)) keys.services.push_back(service->key);
  }
  const auto ipObjects = byAge(stores.ipObjects.all());
  keys.ips.reserve(ipObjects.size());
  for (const auto& ipObject : ipObjects) {
    keys.ips.push_back(ipObject->key);
    if (ipObject->serviceOwner) keys.services.push_back(assigner::ownerOf(*ipObject));
  }
  return keys;
}

Enqueued ofPoolConsumers(const std::vector<assigner::PoolConsumer>& consumers,
                         const assigner::IpObjectIndex& index) {
  Enqueued keys;
  for (const assigner::PoolConsumer& each : consumers) {
    const ObjectKey& key = each.consumer.key;
    if (each.consumer.kind == assigner::Consumer::Kind::kReservation) {
      keys.ips.push_back(key);
      append(each.users, keys.services);
    } else {
      keys.services.push_back(key);
      append(index.ipObjectsOf(key), keys.ips);
    }
  }
  return keys;
}

Enqueued ofConsumers(const std::vector<assigner::Consumer>& consumers) {
  Enqueued keys;
  for (const assigner::Consumer& each : consumers) {
    const bool service = each.kind == assigner::Consumer::Kind::kService;
    (service ? keys.services : keys.ips).push_back(each.key);
  }
  return keys;
}

}  // namespace barevip::controlplane
