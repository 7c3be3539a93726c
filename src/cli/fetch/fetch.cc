// SPDX-License-Identifier: Apache-2.0
#include "cli/fetch/fetch.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "cli/fetch/leases.h"
#include "cli/fetch/operator_reading.h"
#include "common/kube/list_into.h"
#include "common/model/endpoint_slice_json.h"
#include "common/model/node_json.h"
#include "common/model/pool_json.h"
#include "common/model/service_cidr_json.h"
#include "operator/session/lists.h"
#include "operator/session/service_decoder.h"

namespace barevip::cli {
namespace {

template <class T>
void sortByKey(std::vector<std::shared_ptr<const T>>& objects) {
  std::sort(objects.begin(), objects.end(),
            [](const auto& a, const auto& b) { return a->key < b->key; });
}

/// One fetch: its steps in order, until one fails.
class Fetch {
 public:
  Fetch(kube::Api& api, const Clock& clock, const OnStep& onStep, const std::stop_token& stop)
      : api_(api), clock_(clock), onStep_(onStep), stop_(stop) {}

  Result<view::Cluster> run() {
    const Result<void> done = inOrder();
    if (!done) return tl::make_unexpected(done.error());
    return std::move(cluster_);
  }

 private:
  Result<void> inOrder() {
    onStep_("read the operator's flags");
    if (auto ok = readFlags(); !ok) return ok;
    onStep_("list Leases");
    LeaseWatch leases(api_, clock_, leader_);
    if (auto ok = leases.begin(stop_); !ok) return ok;
    // IP objects first: whom they name must not be missing.
    onStep_("list IPs");
    if (auto ok = take(controlplane::listIpObjects(api_, {}, stop_), cluster_.state.ipObjects);
        !ok) {
      return ok;
    }
    onStep_("list Services");
    const auto decode =
        controlplane::serviceDecoder(reading_, std::make_shared<model::TextBudget>());
    auto services = controlplane::listServices(api_, decode, {}, stop_);
    if (auto ok = take(std::move(services), cluster_.state.services); !ok) return ok;
    if (auto ok = listKind(kube::kPools, model::decodePool, cluster_.state.pools); !ok) return ok;
    if (auto ok = listKind(kube::kNodes, model::decodeNode, cluster_.state.nodes); !ok) return ok;
    if (auto ok = listKind(kube::kNamespaces, model::decodeNamespace, cluster_.namespaces); !ok) {
      return ok;
    }
    if (auto ok = listServiceCidrs(); !ok) return ok;
    auto& slices = cluster_.state.slices;
    if (auto ok = listKind(kube::kEndpointSlices, model::decodeEndpointSlice, slices); !ok) {
      return ok;
    }
    if (leases.hasDoubts()) onStep_("wait for the renewal of a Lease");
    auto found = leases.finish(stop_);
    if (!found) return tl::make_unexpected(found.error());
    cluster_.daemons = std::move(found->daemons);
    cluster_.leads = found->leads;
    return {};
  }

  Result<void> readFlags() {
    auto reading = readOperator(api_, stop_);
    if (!reading) return tl::make_unexpected(std::move(reading.error()));
    cluster_.rules = std::move(reading->rules);
    cluster_.notes = std::move(reading->notes);
    reading_ = reading->services;
    leader_ = std::move(reading->leader);
    return {};
  }

  // An API server before Kubernetes 1.33 has none, and few roles of people have the right.
  Result<void> listServiceCidrs() {
    auto listed = listKind(kube::kServiceCidrs, model::decodeServiceCidr, cluster_.serviceCidrs);
    if (listed || listed.error().code == ErrorCode::kNotFound) return {};
    if (listed.error().code != ErrorCode::kForbidden) return listed;
    cluster_.notes.emplace_back(
        "The ranges of clusterIPs are not known, so Pools seem to allocate from them: " +
        listed.error().message);
    return {};
  }

  template <class T, class Decode>
  Result<void> listKind(const kube::Resource& resource, Decode decode,
                        std::vector<std::shared_ptr<const T>>& target) {
    onStep_("list " + std::string(resource.kind) + "s");
    auto listed = kube::listInto(api_, resource, {}, decode, target, stop_);
    sortByKey(target);
    return listed;
  }

  template <class Objects>
  static Result<void> take(Result<Objects> listed, Objects& target) {
    if (!listed) return tl::make_unexpected(std::move(listed.error()));
    target = *std::move(listed);
    sortByKey(target);
    return {};
  }

  kube::Api& api_;
  const Clock& clock_;
  const OnStep& onStep_;
  const std::stop_token& stop_;
  controlplane::ServiceReading reading_;
  std::optional<kube::ObjectKey> leader_;  ///< nullopt: not known
  view::Cluster cluster_;
};

}  // namespace

Result<view::Cluster> fetchCluster(kube::Api& api, const Clock& clock, const OnStep& onStep,
                                   const std::stop_token& stop) {
  return Fetch(api, clock, onStep, stop).run();
}

}  // namespace barevip::cli
