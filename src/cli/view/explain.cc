// SPDX-License-Identifier: Apache-2.0
#include "cli/view/explain.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <utility>

#include "assigner/allocation/candidates.h"
#include "assigner/allocation/request.h"
#include "assigner/allocation/service_status.h"
#include "assigner/service/record_name.h"
#include "cli/view/allocation.h"
#include "cli/view/candidates.h"
#include "ipvsnode/announce/candidacy.h"
#include "ipvsnode/desired/endpoints.h"
#include "view/text.h"
#include "view/vips.h"

namespace barevip::cli {
namespace {

using assigner::Allocator;
using assigner::PoolState;
using assigner::Request;
using Step = ServiceExplanation::Step;

/// One explanation, part by part.
class Explainer {
 public:
  Explainer(const view::Cluster& cluster, std::shared_ptr<const model::Service> service)
      : cluster_(cluster), service_(std::move(service)), allocator_(restored(cluster)) {
    result_.service = service_->key.toString();
    for (const auto& entry : service_->ingress) result_.shows.push_back(entry.ip);
  }

  ServiceExplanation run() {
    const assigner::ServicePlan plan = decideFor(cluster_, allocator_, service_);
    const auto request =
        assigner::requestOf(*service_, namespaceOf(cluster_, service_->key.ns).get());
    if (!isServed(plan)) return std::move(result_);
    describeRequest(request);
    if (request) tryPools(*request, plan.choice);
    describeChoice(plan);
    describeTraffic();
    return std::move(result_);
  }

 private:
  // False: the rest does not matter.
  bool isServed(const assigner::ServicePlan& plan) {
    if (plan.show) return true;
    if (!service_->isLoadBalancer()) {
      refuse("NotLoadBalancer", "The type of the Service is " + service_->type +
                                    ". Only a Service of type LoadBalancer gets an address.");
    } else if (plan.leftAlone) {
      refuse("LeftAlone",
             "The Service shows addresses that barevip did not allocate, so barevip leaves it as "
             "it is. Remove them from its status, or run the operator with --adopt.");
    } else {
      const std::string name = service_->loadBalancerClass.str();
      refuse("ClassNotServed",
             name.empty() ? "The Service has no spec.loadBalancerClass, and the operator requires "
                            "one. Give it one of those that --class of the operator names."
                          : "The operator does not serve the spec.loadBalancerClass \"" + name +
                                "\" of the Service. Choose one that --class of the operator "
                                "names.");
    }
    return false;
  }

  void refuse(std::string reason, std::string message) {
    result_.reason = std::move(reason);
    result_.message = std::move(message);
  }

  void ask(const char* what, std::string value) {
    if (!value.empty()) result_.request.push_back({what, std::move(value)});
  }

  void describeRequest(const Result<Request>& request) {
    ask("class", service_->loadBalancerClass);
    ask("forwarding", std::string(toString(service_->forward)));
    if (!request) {
      ask("request", "cannot be read: " + request.error().message);
      return;
    }
    ask("families", view::listed(request->families, [](Family each) { return toString(each); }) +
                        (request->allFamilies ? "" : " (one of them is enough)"));
    ask("Pool", request->pool);
    ask("addresses", view::listed(request->addresses, [](const auto& a) { return a.toString(); }));
    ask("IP objects", view::listed(request->ipObjects, [](const auto& name) { return name; }));
    ask("share key", request->terms.key);
  }

  void tryPools(const Request& request, const assigner::Choice& choice) {
    const auto& pools = allocator_.pools();
    if (!request.pool.empty() && pools.find(request.pool) == nullptr) {
      result_.pools.push_back({request.pool, "does not exist"});
    }
    for (const PoolState& pool : pools.all()) {
      std::string verdict = verdictOn(pool, request);
      for (const assigner::Assignment& each : choice.addresses) {
        if (each.pool == pool.plan.name) {
          verdict = "the Service has " + each.address.toString() + " from it";
        }
      }
      result_.pools.push_back({pool.plan.name, std::move(verdict)});
    }
  }

  // In the order in which the choice asks.
  [[nodiscard]] std::string verdictOn(const PoolState& pool, const Request& request) const {
    if (!request.ipObjects.empty()) return "not tried: the Service names IP objects";
    const bool named = request.pool == pool.plan.name;
    if (!request.pool.empty() && !named) return "not tried: the Service names another Pool";
    if (!pool.gives()) return "not ready: " + pool.plan.fault->message;
    if (const auto refusal = assigner::admissionRefusal(pool, request.requester)) {
      return "refuses: " + refusal->message;
    }
    if (!request.addresses.empty()) return verdictOnAddresses(pool, request);
    if (!pool.plan.autoAssign && !named) {
      return "not tried: it allocates on request only (autoAssign is false)";
    }
    return view::listed(request.families,
                        [&](Family family) { return verdictOn(pool, request, family); });
  }

  [[nodiscard]] std::string verdictOnAddresses(const PoolState& pool,
                                               const Request& request) const {
    return view::listed(request.addresses, [&](const IpAddress& address) {
      const assigner::Allocation* const allocation = allocator_.allocations().find(address);
      const std::string text = address.toString();
      if (!pool.space.offers(address)) return "does not offer " + text;
      if (allocation == nullptr) return text + " is free";
      return text + " is in use by " + allocation->toStringFor(request.service.ns);
    });
  }

  [[nodiscard]] std::string verdictOn(const PoolState& pool, const Request& request,
                                      Family family) const {
    const std::string name(toString(family));
    const assigner::Consumer asking{assigner::Consumer::Kind::kService, request.service};
    const auto& allocations = allocator_.allocations();
    if (pool.space.capacity(family) == 0) return "has no " + name + " addresses";
    if (const auto limit =
            assigner::limitRefusal(allocator_.pools(), allocations, pool, asking, family)) {
      return limit->message;
    }
    const auto lowest = assigner::lowestIn(allocations, pool, asking, family);
    return lowest ? "has a free " + name + " address, the lowest is " + lowest->toString()
                  : "has no free " + name + " address";
  }

  void describeChoice(const assigner::ServicePlan& plan) {
    const auto& refusal = plan.choice.refusal ? plan.choice.refusal : plan.choice.incomplete;
    if (refusal) {
      refuse(std::string(assigner::nameOf(refusal->reason)), refusal->message);
    } else if (plan.show->condition.reason != assigner::kAssigned) {
      refuse(plan.show->condition.reason, plan.show->condition.message);
    }
    for (const assigner::Assignment& each : plan.choice.addresses) {
      const bool gained =
          std::find(plan.gained.begin(), plan.gained.end(), each.address) != plan.gained.end();
      describe(each, gained);
    }
  }

  void describe(const assigner::Assignment& each, bool isNew) {
    ServiceExplanation::Address address;
    address.address = each.address.toString();
    address.pool = each.pool;
    address.isNew = isNew;
    const kube::ObjectKey record{service_->key.ns,
                                 each.reservation.empty()
                                     ? assigner::recordName(service_->key.name, each.address)
                                     : each.reservation};
    const bool isThere =
        std::any_of(cluster_.state.ipObjects.begin(), cluster_.state.ipObjects.end(),
                    [&](const auto& ipObject) { return ipObject->key == record; });
    if (isThere) address.ipObject = record.toString();
    result_.addresses.push_back(std::move(address));
  }

  void describeTraffic() {
    const node::DesiredState desired = desiredOn(cluster_, "");
    const view::Vips vips = vipsOf(cluster_, desired);
    for (std::size_t i = 0; i < vips.served.size(); ++i) {
      for (ServiceExplanation::Address& address : result_.addresses) {
        if (address.address != vips.served[i].address.toString()) continue;
        describeOwner(vips, i, address);
        describeBackends(vips.served[i].address, address.owner);
      }
    }
  }

  void describeOwner(const view::Vips& vips, std::size_t i,
                     ServiceExplanation::Address& address) const {
    const node::VipElection& question = vips.questions[i];
    address.announcer = question.holder;
    const auto owner = vips.owners.find(question.vip);
    if (owner != vips.owners.end() && question.announced) address.owner = owner->second;
    const node::PoolsByName pools = node::byName(cluster_.state.pools);
    const auto& announce = node::announceOf(vips.served[i].ipObjects, pools);
    for (const auto& node : cluster_.state.nodes) {
      address.nodes.push_back({node->key.name, verdictOnNode(cluster_, *node, announce, question)});
      if (node->key.name != address.owner) continue;
      address.nodes.back().verdict = question.holder == address.owner
                                         ? "announces it already, and keeps it"
                                         : "is chosen among the candidates";
    }
  }

  // Those that the owner forwards to.
  void describeBackends(const IpAddress& vip, const std::string& owner) {
    const node::DesiredState desired = desiredOn(cluster_, owner);
    for (const node::VipPort& vipPort : desired.vipPorts) {
      if (vipPort.key.vip != vip || vipPort.service->key != service_->key) continue;
      ServiceExplanation::Backends backends{ipvs::toString(vipPort.key), {}, {}};
      for (const ipvs::VirtualServer& server : desired.virtualServers) {
        if (server.key != vipPort.key) continue;
        for (const ipvs::RealServer& real : server.realServers) {
          backends.endpoints.push_back(node::endpointText(real.key));
        }
      }
      if (backends.endpoints.empty()) backends.why = whyNoEndpoint(vip, desired);
      result_.backends.push_back(std::move(backends));
    }
  }

  [[nodiscard]] std::string whyNoEndpoint(const IpAddress& vip,
                                          const node::DesiredState& desired) const {
    const Family family = vip.family();
    const node::EndpointIndex index(cluster_.state.slices);
    std::size_t slices = 0;
    std::size_t endpoints = 0;
    std::size_t ready = 0;
    for (const model::EndpointSlice* const slice : index.of(service_->key)) {
      if (slice->family != family) continue;
      ++slices;
      for (const model::Endpoint& endpoint : slice->endpoints) {
        ++endpoints;
        if (endpoint.ready) ++ready;
      }
    }
    const std::string name(toString(family));
    if (slices == 0) return "the Service has no EndpointSlice for " + name;
    if (endpoints == 0) {
      return "its EndpointSlices list no endpoint; check that its selector matches pods";
    }
    if (ready == 0) return "none of its " + std::to_string(endpoints) + " endpoints is ready";
    for (const node::Problem& problem : desired.problems) {
      const bool refused = problem.service == service_->key && problem.vip == vip &&
                           problem.reason == "EndpointRefused";
      if (refused) return problem.message;
    }
    return "no ready endpoint has a port of that name and protocol";
  }

  const view::Cluster& cluster_;
  const std::shared_ptr<const model::Service> service_;
  Allocator allocator_;
  ServiceExplanation result_;
};

}  // namespace

Result<ServiceExplanation> explainService(const view::Cluster& cluster,
                                          const kube::ObjectKey& service) {
  const auto& all = cluster.state.services;
  const auto found =
      std::find_if(all.begin(), all.end(), [&](const auto& each) { return each->key == service; });
  if (found == all.end()) {
    return fail(ErrorCode::kNotFound, "there is no Service \"" + service.name +
                                          "\" in namespace \"" + service.ns +
                                          "\": name the namespace with -n");
  }
  return Explainer(cluster, *found).run();
}

}  // namespace barevip::cli
