// SPDX-License-Identifier: Apache-2.0
#include "history/replica.h"

#include <nlohmann/json.hpp>

#include "common/model/ip_object_json.h"
#include "common/model/node_json.h"
#include "common/model/pool_json.h"
#include "common/model/service_json.h"
#include "operator/session/forward_changes.h"

namespace barevip::history {
namespace {

using controlplane::LeaderSession;
using nlohmann::json;

constexpr std::uint32_t kServiceWatch = 0;
constexpr std::uint32_t kWatches = 5;
constexpr std::uint32_t kKinds = 3;
constexpr std::uint32_t kActions = kWatches + kKinds + kMostWorkers;

}  // namespace

Replica::Replica(kube::FakeApi& server, const Clock& clock)
    : server_(server), clock_(clock), api_(server) {
  controlplane::forwardChanges(stores_, [this] { return session_.get(); });
  // The history of the server begins with its first object, so the watches tell everything.
  stores_.services.replaceAll({});
  stores_.pools.replaceAll({});
  stores_.ipObjects.replaceAll({});
  stores_.namespaces.replaceAll({});
  stores_.nodes.replaceAll({});
  stores_.serviceCidrs.replaceAll({});
}

// As a process that is killed: what it sent arrives, and it sends no more.
Replica::~Replica() {
  api_.dieAfter(0);
  stopLeading();
}

void Replica::lead() {
  for (std::uint32_t kind = 0; kind < kWatches; ++kind) seeAll(kind);
  LeaderSession::Options options;
  options.workers = 0;  // its work is done by workOnce(); and one Service that waits is a burst
  session_ = std::make_unique<LeaderSession>(api_, clock_, events_, stores_, options);
  (void)session_->restore({});
}

void Replica::seeAll(std::uint32_t kind) {
  while (watchOnce(kind)) {
  }
}

void Replica::stopLeading() {
  crew_.finish();
  session_.reset();
}

bool Replica::workOnce(std::uint32_t order) {
  for (std::uint32_t i = 0; i < kActions; ++i) {
    if (act((order + i) % kActions)) return true;
  }
  return false;
}

bool Replica::act(std::uint32_t action) {
  if (action < kWatches) return watchOnce(action);
  if (action >= kWatches + kKinds) return resume(action - kWatches - kKinds);
  return session_ && reconcileOnce(static_cast<LeaderSession::Kind>(action - kWatches));
}

bool Replica::reconcileOnce(LeaderSession::Kind kind) {
  if (workers_ == 1) return session_->workOnce(kind, {});
  Crew::Worker* const worker = crew_.idle(workers_);
  if (worker == nullptr) return false;
  const auto worked = std::make_shared<bool>(true);  // the job may outlive this call
  Crew::start(*worker, [this, kind, worked] { *worked = session_->workOnce(kind, {}); });
  return *worked;
}

bool Replica::resume(std::size_t number) {
  Crew::Worker* const worker = crew_.busy(number);
  if (worker == nullptr) return false;
  Crew::resume(*worker);
  return true;
}

bool Replica::watchOnce(std::uint32_t kind) {
  switch (kind) {
    case kServiceWatch:
      return deliver(kube::kServices, model::decodeService, stores_.services, seen_.services);
    case 1:
      return deliver(kube::kPools, model::decodePool, stores_.pools, seen_.pools);
    case 2:
      return deliver(kube::kIps, model::decodeIpObject, stores_.ipObjects, seen_.ips);
    case 3:
      return deliver(kube::kNodes, model::decodeNode, stores_.nodes, seen_.nodes);
    default:
      return deliver(kube::kNamespaces, model::decodeNamespace, stores_.namespaces,
                     seen_.namespaces);
  }
}

template <class T>
bool Replica::deliver(const kube::Resource& resource, Result<T> (*decode)(const json&),
                      kube::Store<T>& store, std::uint64_t& seen) {
  const auto event = server_.next(resource, seen);
  if (!event) return false;
  T object = decode(event->second).value();
  if (event->first == kube::WatchEvent::Type::kDeleted) {
    store.erase(object.key);
  } else {
    store.put(std::move(object));
  }
  store.setVersion(std::to_string(seen));
  return true;
}

}  // namespace barevip::history
