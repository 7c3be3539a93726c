// SPDX-License-Identifier: Apache-2.0
#include "cli/view/allocation.h"

#include <algorithm>

#include "assigner/allocation/cluster_use.h"
#include "assigner/allocation/ip_object_owner.h"
#include "assigner/restore/restore.h"
#include "assigner/restore/shown.h"

namespace barevip::cli {

using assigner::Allocator;

std::vector<assigner::PoolPlan> plansOf(const view::Cluster& cluster,
                                        const std::vector<model::Pool>& pools) {
  assigner::ClusterUse use;
  for (const auto& node : cluster.state.nodes) use.update(nullptr, node);
  for (const auto& service : cluster.state.services) use.update(nullptr, service);
  for (const auto& cidr : cluster.serviceCidrs) use.update(nullptr, cidr);
  auto plans = assigner::planPools(pools);
  assigner::leaveOut(use.within(assigner::addressesOf(plans)), plans);
  return plans;
}

std::vector<model::Pool> poolsOf(const view::Cluster& cluster) {
  std::vector<model::Pool> pools;
  for (const auto& pool : cluster.state.pools) pools.push_back(*pool);
  return pools;
}

Allocator restored(const view::Cluster& cluster) {
  Allocator allocator;
  allocator.setPools(plansOf(cluster, poolsOf(cluster)));
  const assigner::Snapshot snapshot{
      cluster.state.ipObjects, cluster.state.services,
      [&](const std::string& name) { return namespaceOf(cluster, name); }};
  (void)assigner::restore(allocator, snapshot, {cluster.rules.classes, cluster.rules.adopt});
  return allocator;
}

std::shared_ptr<const model::Namespace> namespaceOf(const view::Cluster& cluster,
                                                    const std::string& name) {
  const auto& all = cluster.namespaces;
  const auto found = std::find_if(all.begin(), all.end(),
                                  [&](const auto& each) { return each->key.name == name; });
  return found == all.end() ? nullptr : *found;
}

assigner::ServicePlan decideFor(const view::Cluster& cluster, Allocator& allocator,
                                const std::shared_ptr<const model::Service>& service) {
  assigner::ServiceView view;
  view.key = service->key;
  view.service = service;
  view.ns = namespaceOf(cluster, service->key.ns);
  for (const auto& ipObject : cluster.state.ipObjects) {
    if (assigner::ownerOf(*ipObject) == service->key) view.records.push_back(ipObject);
  }
  // Whatever was restored for it was restored for this very Service.
  view.servedAsItIs = true;
  view.ours = assigner::isOurs(view, allocator.allocations(), cluster.rules);
  if (view.ours) {
    view.entered =
        assigner::enterShown(allocator, *service, assigner::requesterOf(*service, view.ns.get()),
                             {cluster.rules.adopt, /*seenLate=*/false});
  }
  return assigner::decide(view, allocator.pools(), allocator.allocations(), cluster.rules);
}

}  // namespace barevip::cli
