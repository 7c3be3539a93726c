// SPDX-License-Identifier: Apache-2.0
#include "history/replica.h"

#include <nlohmann/json.hpp>

#include "common/model/ip_claim_json.h"
#include "common/model/node_json.h"
#include "common/model/pool_json.h"
#include "common/model/service_json.h"

namespace barevip::history {
namespace {

using controlplane::Term;
using nlohmann::json;

constexpr std::uint32_t kWatches = 4;
constexpr std::uint32_t kActions = kWatches + 3;

}  // namespace

Replica::Replica(kube::FakeApi& server, const Clock& clock)
    : server_(server), clock_(clock), api_(server) {
  stores_.services.addHandler([this](const auto& before, const auto& after) {
    if (term_) term_->onService(before, after);
  });
  stores_.pools.addHandler([this](const auto& before, const auto& after) {
    if (term_) term_->onPool(before, after);
  });
  stores_.claims.addHandler([this](const auto& before, const auto& after) {
    if (term_) term_->onClaim(before, after);
  });
  stores_.namespaces.addHandler([this](const auto& before, const auto& after) {
    if (term_) term_->onNamespace(before, after);
  });
  // The history of the server begins with its first object, so the watches tell everything.
  stores_.services.replaceAll({});
  stores_.pools.replaceAll({});
  stores_.claims.replaceAll({});
  stores_.namespaces.replaceAll({});
}

void Replica::lead() {
  for (std::uint32_t kind = 0; kind < kWatches; ++kind) {
    while (watchOnce(kind)) {
    }
  }
  Term::Options options;
  options.workers = 0;  // its work is done by workOnce(); and one Service that waits is a burst
  term_ = std::make_unique<Term>(api_, clock_, events_, stores_, options);
  (void)term_->prepare({});
}

void Replica::stopLeading() { term_.reset(); }

bool Replica::workOnce(std::uint32_t order) {
  for (std::uint32_t i = 0; i < kActions; ++i) {
    if (act((order + i) % kActions)) return true;
  }
  return false;
}

bool Replica::act(std::uint32_t action) {
  if (action < kWatches) return watchOnce(action);
  return term_ && term_->workOnce(static_cast<Term::Kind>(action - kWatches), {});
}

bool Replica::watchOnce(std::uint32_t kind) {
  switch (kind) {
    case 0:
      return deliver(kube::kServices, model::decodeService, stores_.services, seen_.services);
    case 1:
      return deliver(kube::kPools, model::decodePool, stores_.pools, seen_.pools);
    case 2:
      return deliver(kube::kIps, model::decodeIpClaim, stores_.claims, seen_.ips);
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
