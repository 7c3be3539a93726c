// SPDX-License-Identifier: Apache-2.0
// Which change enqueues which keys. Functions of the change and of the stores; they enqueue nothing
// themselves.
//
// | change                                   | Services       | IP objects      | Pools     |
// | ---------------------------------------- | -------------- | --------------- | --------- |
// | Service that is or was relevant          | itself         |                 |           |
// | Service, labels                          |                | that it owns    |           |
// | Service, annotations, and a new Service  |                | that it names   |           |
// | Pool, spec, and one that comes or goes   |                |                 | itself    |
// | Pool, status                             |                |                 | all, soon |
// | IP object                                |                | itself          |           |
// | IP object, spec or owner                 | its owners     |                 |           |
// | Namespace, labels                        | relevant in it | all in it       | all, soon |
// | addresses that the cluster uses          |                |                 | all, soon |
// | a Pool that the allocator has now        | its consumers  | of consumers    |           |
// | a consumer that may find an address now  | itself         | or itself       |           |
#pragma once

#include <vector>

#include "barevip/kube/object_key.h"
#include "barevip/kube/store.h"
#include "barevip/model/ip_object.h"
#include "barevip/model/node.h"
#include "barevip/model/pool.h"
#include "barevip/model/service.h"

#include "assigner/allocation/allocation_table.h"
#include "assigner/allocation/pool_consumers.h"
#include "assigner/service/ip_object_index.h"
#include "operator/session/stores.h"

namespace barevip::controlplane {

/// Keys by queue, in the order in which they are added; a key may be there twice.
struct Enqueued {
  std::vector<kube::ObjectKey> services;
  std::vector<kube::ObjectKey> ips;
  std::vector<kube::ObjectKey> pools;
  bool everyPool = false;  ///< soon: a burst of changes is one look at the counts of all Pools

  friend bool operator==(const Enqueued&, const Enqueued&) = default;
};

using ServicePtr = kube::Store<model::Service>::Ptr;
using PoolPtr = kube::Store<model::Pool>::Ptr;
using IpObjectPtr = kube::Store<model::IpObject>::Ptr;
using NamespacePtr = kube::Store<model::Namespace>::Ptr;

// before and after a change of a store; one of them is null on add and on delete.

[[nodiscard]] Enqueued ofService(const ServicePtr& before, const ServicePtr& after,
                                 const assigner::IpObjectIndex& index);
[[nodiscard]] Enqueued ofPool(const PoolPtr& before, const PoolPtr& after);
[[nodiscard]] Enqueued ofIp(const IpObjectPtr& before, const IpObjectPtr& after);
[[nodiscard]] Enqueued ofNamespace(const NamespacePtr& before, const NamespacePtr& after,
                                   const Stores& stores);
[[nodiscard]] Enqueued ofClusterUse();

/// Everything that a session looks at when it begins, the oldest first: what became free while
/// nobody led is for the one that waits longest.
[[nodiscard]] Enqueued ofAll(const Stores& stores);

/// Those whose allocations a change of Pools may concern, each with its IP objects.
[[nodiscard]] Enqueued ofPoolConsumers(const std::vector<assigner::PoolConsumer>& consumers,
                                       const assigner::IpObjectIndex& index);
/// Services and reservations.
[[nodiscard]] Enqueued ofConsumers(const std::vector<assigner::Consumer>& consumers);

/// Whether a change of an IP object is one of more than its status: of what it allocates, or of
/// whose it is.
[[nodiscard]] bool changesAllocation(const IpObjectPtr& before, const IpObjectPtr& after);

}  // namespace barevip::controlplane
