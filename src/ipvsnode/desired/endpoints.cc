// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/desired/endpoints.h"

#include <algorithm>
#include <utility>

namespace barevip::node {
namespace {

struct Candidate {
  ipvs::RealServerKey key;
  bool here = false;
  bool ready = false;
  bool lastResort = false;  ///< serving while terminating
};

bool usable(const model::Endpoint& endpoint) {
  return endpoint.ready || (endpoint.serving && endpoint.terminating);
}

std::vector<Candidate> candidatesOf(std::span<const model::EndpointSlice* const> slices,
                                    const EndpointQuery& query, EndpointAdmission& admission,
                                    EndpointChoice::Refused& refused) {
  std::vector<Candidate> result;
  for (const model::EndpointSlice* slice : slices) {
    if (slice->family != query.family) continue;
    for (const model::EndpointPort& port : slice->ports) {
      if (port.port == 0 || port.name != query.port.name || port.protocol != query.port.protocol) {
        continue;
      }
      for (const model::Endpoint& endpoint : slice->endpoints) {
        if (endpoint.addresses.empty() || !usable(endpoint)) continue;
        // All addresses of an endpoint lead to the same pod: the first is enough (API reference).
        const IpAddress& address = endpoint.addresses.front();
        if (address.family() != query.family) continue;
        if (auto what = admission.refusal(query.service, *slice, address)) {
          if (refused.count++ == 0) refused = {1, address, *std::move(what)};
          continue;
        }
        result.push_back({{address, port.port},
                          !endpoint.nodeName.empty() && endpoint.nodeName == query.nodeName,
                          endpoint.ready,
                          endpoint.serving && endpoint.terminating});
      }
    }
  }
  return result;
}

template <class Filter>
std::vector<ipvs::RealServerKey> pick(const std::vector<Candidate>& candidates, Filter filter) {
  std::vector<ipvs::RealServerKey> result;
  for (const Candidate& candidate : candidates) {
    if (candidate.ready && filter(candidate)) result.push_back(candidate.key);
  }
  if (result.empty()) {
    for (const Candidate& candidate : candidates) {
      if (candidate.lastResort && filter(candidate)) result.push_back(candidate.key);
    }
  }
  std::sort(result.begin(), result.end());
  result.erase(std::unique(result.begin(), result.end()), result.end());
  return result;
}

}  // namespace

std::string endpointText(const ipvs::RealServerKey& key) {
  const std::string text = key.address.toString();
  return (key.address.isIpv4() ? text : "[" + text + "]") + ":" + std::to_string(key.port);
}

EndpointIndex::EndpointIndex(
    const std::vector<std::shared_ptr<const model::EndpointSlice>>& slices) {
  for (const auto& slice : slices) add(*slice);
}

void EndpointIndex::add(const model::EndpointSlice& slice) {
  if (slice.serviceName.empty()) return;
  auto& all = byService_[{slice.key.ns, slice.serviceName}];
  all.insert(std::upper_bound(all.begin(), all.end(), &slice,
                              [](const auto* a, const auto* b) { return a->key < b->key; }),
             &slice);
}

void EndpointIndex::remove(const model::EndpointSlice& slice) {
  const auto there = byService_.find({slice.key.ns, slice.serviceName});
  if (there == byService_.end()) return;
  std::erase(there->second, &slice);
  if (there->second.empty()) byService_.erase(there);
}

std::span<const model::EndpointSlice* const> EndpointIndex::of(
    const kube::ObjectKey& service) const {
  const auto it = byService_.find(service);
  if (it == byService_.end()) return {};
  return it->second;
}

EndpointChoice chooseEndpoints(std::span<const model::EndpointSlice* const> slices,
                               const EndpointQuery& query, EndpointAdmission& admission) {
  EndpointChoice choice;
  const std::vector<Candidate> candidates = candidatesOf(slices, query, admission, choice.refused);
  if (query.service.externalTrafficPolicy == model::TrafficPolicy::kLocal) {
    choice.realServers = pick(candidates, [](const Candidate& c) { return c.here; });
    choice.localOnly = !choice.realServers.empty();
    if (choice.localOnly) return choice;
  }
  choice.realServers = pick(candidates, [](const Candidate&) { return true; });
  return choice;
}

std::set<std::string> nodesWithEndpoints(std::span<const model::EndpointSlice* const> slices,
                                         const model::Service& service, Family family,
                                         EndpointAdmission& admission) {
  std::set<std::string> ready;
  std::set<std::string> lastResort;
  for (const model::EndpointSlice* slice : slices) {
    if (slice->family != family) continue;
    for (const model::Endpoint& endpoint : slice->endpoints) {
      if (endpoint.nodeName.empty() || endpoint.addresses.empty() || !usable(endpoint)) continue;
      if (admission.refusal(service, *slice, endpoint.addresses.front())) continue;
      (endpoint.ready ? ready : lastResort).insert(endpoint.nodeName);
    }
  }
  return ready.empty() ? lastResort : ready;
}

}  // namespace barevip::node
