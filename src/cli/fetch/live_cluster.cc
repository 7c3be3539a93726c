// SPDX-License-Identifier: Apache-2.0
#include "cli/fetch/live_cluster.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "cli/fetch/operator_flags.h"
#include "common/model/endpoint_slice_json.h"
#include "common/model/ip_object_json.h"
#include "common/model/meta_json.h"
#include "common/model/node_json.h"
#include "common/model/pool_json.h"

namespace barevip::cli {

LiveCluster::LiveCluster(kube::Api& api, const Clock& clock, OperatorReading reading)
    : api_(api), clock_(clock), reading_(std::move(reading)) {
  // As the operator: a budget that nothing is released from would fill up with the time.
  const auto budget = std::make_shared<model::TextBudget>();
  services_.addHandler([budget](const auto& before, const auto& after) {
    if (!after) budget->release(before->key);
  });
  keep(kube::kServices, {}, services_, controlplane::serviceDecoder(reading_.services, budget));
  keep(kube::kEndpointSlices, {}, slices_, model::decodeEndpointSlice);
  keep(kube::kNodes, {}, nodes_, model::decodeNode);
  keep(kube::kIps, {}, ipObjects_, model::decodeIpObject);
  keep(kube::kPools, {}, pools_, model::decodePool);
  keep(kube::kNamespaces, {}, namespaces_, model::decodeNamespace);
  keep(kube::kLeases, {{}, model::kNodeLeaseLabel, {}}, leases_, model::decodeLease);
  const auto revision = [](const nlohmann::json& object) -> Result<Revision> {
    auto meta = model::decodeMeta(object, kube::kDeployments.kind, true);
    if (!meta) return tl::make_unexpected(std::move(meta.error()));
    return Revision{meta->key, meta->generation};
  };
  keep(kube::kDeployments, {{}, kOperatorSelector, {}}, operators_, revision);
  if (!reading_.leader) return;
  const kube::Selection leader{reading_.leader->ns, {}, "metadata.name=" + reading_.leader->name};
  keep(kube::kLeases, leader, leaderLeases_, model::decodeLease);
}

template <class T, class Decode>
void LiveCluster::keep(const kube::Resource& resource, kube::Selection selection,
                       kube::Store<T>& store, Decode decode) {
  reflectors_.push_back(kube::makeReflector<T>(api_, clock_, resource, std::move(selection), store,
                                               std::move(decode)));
  reflectors_.back()->start();
}

std::optional<view::Cluster> LiveCluster::look() {
  const bool synced = services_.synced() && slices_.synced() && nodes_.synced() &&
                      ipObjects_.synced() && pools_.synced() && namespaces_.synced() &&
                      leases_.synced() && (!reading_.leader || leaderLeases_.synced());
  if (!synced) return std::nullopt;
  view::Cluster cluster;
  // IP objects first: whom they name must not be missing.
  auto ipObjects = ipObjects_.all();
  cluster.state = {services_.all(), slices_.all(), nodes_.all(), std::move(ipObjects),
                   pools_.all()};
  cluster.namespaces = namespaces_.all();
  cluster.daemons = daemons_.look(leases_.all(), clock_.now());
  cluster.rules = reading_.rules;
  cluster.leads = leads();
  cluster.notes = reading_.notes;
  return cluster;
}

bool LiveCluster::isOutdated() {
  if (!operators_.synced()) return false;
  auto now = operators_.all();
  if (!operatorsFirst_) operatorsFirst_ = now;
  return !std::equal(now.begin(), now.end(), operatorsFirst_->begin(), operatorsFirst_->end(),
                     [](const auto& a, const auto& b) { return *a == *b; });
}

bool LiveCluster::leads() {
  if (!reading_.leader) return true;
  const auto lease = leaderLeases_.get(*reading_.leader);
  // A leader that stops leaves its Lease without a holder.
  if (!lease || lease->holder.empty()) return false;
  if (lease->renewTime != leaderRenewed_) {
    leaderRenewed_ = lease->renewTime;
    leaderSeen_ = clock_.now();
  }
  return clock_.now() - leaderSeen_ <= std::chrono::seconds(lease->durationSeconds);
}

}  // namespace barevip::cli
