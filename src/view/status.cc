// SPDX-License-Identifier: Apache-2.0
#include "view/status.h"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <set>
#include <utility>

#include "assigner/allocation/service_status.h"
#include "common/base/rfc3339.h"
#include "ipvsnode/announce/candidacy.h"
#include "ipvsnode/cluster/ip_index.h"
#include "operator/pool/pool_status.h"
#include "view/text.h"

namespace barevip::view {
namespace {

using Level = Finding::Level;

constexpr double kNearlyFull = 0.1;  // the free share of a Pool

std::string textOf(const std::set<IpAddress>& addresses) {
  return listed(addresses, [](const IpAddress& address) { return address.toString(); });
}

/// Gathers what a Status consists of, one kind of objects after the other.
class Survey {
 public:
  Survey(const Cluster& cluster, const Forwarding& forwarding, std::string ns)
      : cluster_(cluster), ns_(std::move(ns)), forwarding_(forwarding) {}

  Status run() {
    if (!cluster_.leads) {
      add("Operator", "barevip-operator", "NoLeader",
          "No operator renews its Lease, so that nothing is allocated. Check the pods of the "
          "operator.");
    }
    for (const auto& service : cluster_.state.services) lookAt(*service);
    for (const node::Problem& problem : forwarding_.desired.problems) {
      if (isWanted(problem.service.ns)) {
        add("Service", problem.service.toString(), problem.reason, problem.message);
      }
    }
    for (const auto& pool : cluster_.state.pools) lookAt(*pool);
    for (const auto& ipObject : cluster_.state.ipObjects) lookAt(*ipObject);
    for (const auto& node : cluster_.state.nodes) lookAt(*node);
    const Vips& vips = forwarding_.vips;
    for (std::size_t i = 0; i < vips.served.size(); ++i) {
      lookAt(vips.served[i], vips.questions[i]);
    }
    std::stable_sort(status_.findings.begin(), status_.findings.end(),
                     [](const Finding& a, const Finding& b) { return a.level < b.level; });
    return std::move(status_);
  }

 private:
  [[nodiscard]] bool isWanted(const std::string& ns) const { return ns_.empty() || ns == ns_; }

  void add(const char* kind, std::string object, std::string reason, std::string message,
           Level level = Level::kProblem) {
    status_.findings.push_back(
        {level, kind, std::move(object), std::move(reason), std::move(message)});
  }

  void lookAt(const model::Service& service) {
    if (!isWanted(service.key.ns) || !service.isLoadBalancer()) return;
    const auto* const condition =
        model::findCondition(service.conditions, assigner::kAddressAssigned);
    if (condition == nullptr) {
      const bool waits = cluster_.rules.classes.serve(service) && service.ingress.empty();
      if (!waits || service.deleting) return;
      add("Service", service.key.toString(), "NotReconciled",
          "The operator has not looked at this Service. Check that an operator leads.");
      return;
    }
    if (condition->reason == assigner::kAssigned) return;
    add("Service", service.key.toString(), condition->reason, condition->message);
  }

  void lookAt(const model::Pool& pool) {
    const model::Pool::Status& now = pool.status;
    const auto* const ready = model::findCondition(now.conditions, "Ready");
    status_.pools.push_back({pool.key.name, ready != nullptr && ready->status == "True",
                             now.capacity, now.allocated, now.available});
    if (ready == nullptr) {
      add("Pool", pool.key.name, "NotReconciled",
          "The operator has not looked at this Pool. Check that an operator leads.");
      return;
    }
    for (const model::Condition& condition : controlplane::newsOf({}, now)) {
      add("Pool", pool.key.name, condition.reason, condition.message);
    }
    warnIfNearlyFull(pool.key.name, "IPv4", now.capacity.ipv4, now.available.ipv4);
    warnIfNearlyFull(pool.key.name, "IPv6", now.capacity.ipv6, now.available.ipv6);
  }

  // Counts of IPv6 exceed every integer; a share needs no more than a double.
  void warnIfNearlyFull(const std::string& pool, const char* family, const std::string& capacity,
                        const std::string& available) {
    const double all = std::strtod(capacity.c_str(), nullptr);
    const double free = std::strtod(available.c_str(), nullptr);
    if (all == 0 || free > all * kNearlyFull) return;
    add("Pool", pool, "NearlyFull",
        available + " of " + capacity + " " + family +
            " addresses are free. Add addresses before Services have to wait.",
        Level::kWarning);
  }

  void lookAt(const model::IpObject& ipObject) {
    if (!isWanted(ipObject.key.ns)) return;
    const auto* const bound =
        model::findCondition(ipObject.status.conditions, model::IpObject::kBound);
    if (node::isBound(ipObject)) {
      row(ipObject, bound);
    } else if (!ipObject.serviceOwner && !ipObject.deleting) {
      const Text phase = ipObject.status.phase.empty() ? "Pending" : ipObject.status.phase;
      add("IP", ipObject.key.toString(), bound == nullptr ? phase : bound->reason,
          bound == nullptr ? "The operator has not looked at this reservation. Check that an "
                             "operator leads."
                           : bound->message);
    }
  }

  void row(const model::IpObject& ipObject, const model::Condition* bound) {
    VipRow row{ipObject.key.ns,
               {ipObject.status.services.begin(), ipObject.status.services.end()},
               ipObject.status.address,
               ipObject.status.pool,
               ipObject.status.node,
               ipObject.key.name,
               {}};
    if (row.services.empty() && ipObject.serviceOwner) row.services = {ipObject.serviceOwner->name};
    if (bound != nullptr && bound->lastTransition != 0) {
      row.since = formatSeconds(fromSecondsSinceEpoch(bound->lastTransition));
    }
    status_.vips.push_back(std::move(row));
  }

  void lookAt(const model::Node& node) {
    const std::string& name = node.key.name;
    std::set<std::string> announced;
    for (const auto& ipObject : cluster_.state.ipObjects) {
      if (node::isBound(*ipObject) && ipObject->status.node == name) {
        announced.insert(ipObject->status.address);
      }
    }
    NodeRow row{name, node.ready, false, {}, announced.size()};
    const Daemon* const daemon = daemonOf(cluster_, name);
    if (daemon == nullptr) {
      row.daemon = "no daemon";
    } else if (daemon->silent) {
      row.daemon = "silent";
      add("Node", name, "DaemonSilent",
          "The node daemon does not renew its Lease. Check the node and the log of the daemon.");
    } else if (daemon->leaving) {
      row.daemon = "leaving";
      add("Node", name, "DaemonLeaving", "The node daemon asks other nodes to take over its VIPs.",
          Level::kWarning);
    } else if (const auto why = node::refusalOf(node)) {
      row.daemon = *why;
    } else {
      eligibility(daemon->says.eligibility, name, row);
    }
    status_.nodes.push_back(std::move(row));
  }

  void eligibility(const node::Eligibility& eligibility, const std::string& name, NodeRow& row) {
    row.eligible = eligibility.serving;
    row.daemon = eligibility.serving ? "eligible" : "not eligible";
    if (!eligibility.serving) {
      add("Node", name, "NotEligible",
          "The node daemon reports that the node cannot announce VIPs. Its log names the cause.");
      return;
    }
    if (!eligibility.blocked.empty()) {
      row.daemon += ", except for " + std::to_string(eligibility.blocked.size()) + " VIPs";
      add("Node", name, "VipsRefused",
          "The kernel of the node refuses what these VIPs need: " + textOf(eligibility.blocked) +
              ". The log of its node daemon names the cause.");
    }
    if (!eligibility.held.empty()) {
      add("Node", name, "VipsConfigured",
          "These VIPs are configured on the node by something else: " + textOf(eligibility.held) +
              ". Remove them there.");
    }
  }

  void lookAt(const node::ServedVip& vip, const node::VipElection& question) {
    const bool wanted = std::any_of(vip.services.begin(), vip.services.end(),
                                    [&](const auto& s) { return isWanted(s->key.ns); });
    if (!wanted || !question.announced) return;
    const std::string address = vip.address.toString();
    if (vip.ipObjects.empty()) {
      add("VIP", address, "NoIPObject",
          "A Service shows the address, but no IP object records it. Check the events of the "
          "Service.");
    } else if (question.candidates.empty()) {
      add("VIP", address, "NoCandidate",
          "No node may announce the address. Check announce "
          "in its Pool, and the state of the nodes.");
    } else if (question.holder.empty()) {
      add("VIP", address, "NotAnnounced",
          "No node announces the address. Check the log of the node daemon on " +
              ownerOf(forwarding_.vips, vip.address) + ", its owner.");
    } else if (const Daemon* const daemon = daemonOf(cluster_, question.holder);
               daemon == nullptr || daemon->silent) {
      add("VIP", address, "AnnouncerSilent",
          "Node " + question.holder + ", which announced the address last, is silent. Node " +
              ownerOf(forwarding_.vips, vip.address) + " should take over.");
    }
  }

  const Cluster& cluster_;
  const std::string ns_;
  const Forwarding& forwarding_;
  Status status_;
};

}  // namespace

std::string_view toString(Finding::Level level) {
  return level == Level::kProblem ? "problem" : "warning";
}

bool Status::hasProblem() const {
  return std::any_of(findings.begin(), findings.end(),
                     [](const Finding& each) { return each.level == Level::kProblem; });
}

Status statusOf(const Cluster& cluster, const std::string& ns) {
  return statusOf(cluster, forwardingOf(cluster), ns);
}

Status statusOf(const Cluster& cluster, const Forwarding& forwarding, const std::string& ns) {
  return Survey(cluster, forwarding, ns).run();
}

}  // namespace barevip::view
