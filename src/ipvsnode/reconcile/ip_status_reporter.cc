// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/reconcile/ip_status_reporter.h"

#include <chrono>
#include <optional>
#include <utility>
#include <vector>

#include "ipvsnode/cluster/ip_index.h"
#include "ipvsnode/reconcile/ip_status_writes.h"

namespace barevip::node {

using kube::Event;
using kube::ObjectKey;

IpStatusReporter::IpStatusReporter(kube::Api& api, Stores& stores, kube::EventSink& events,
                                   const Clock& clock, std::string node)
    : api_(api),
      stores_(stores),
      events_(events),
      clock_(clock),
      node_(std::move(node)),
      queue_(clock, {std::chrono::milliseconds(100), std::chrono::milliseconds(30'000)}),
      controller_(
          "ip-status", queue_,
          [this](const ObjectKey& key, const std::stop_token& stop) { return write(key, stop); },
          [](const ObjectKey& key) { return key.toString(); }) {
  stores_.ipObjects.addHandler([this](const auto&, const auto& after) {
    if (after && after->status.node == node_ && !isBound(*after)) {
      queue_.add(after->key);
    }
  });
}

void IpStatusReporter::start() { controller_.start(); }

void IpStatusReporter::stop() { controller_.stop(); }

void IpStatusReporter::take(const NodeReport& report) {
  std::vector<ObjectKey> changed;
  std::vector<std::pair<ObjectKey, VipReport>> gained;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [key, vip] : report.ipObjects) {
      const auto before = wanted_.find(key);
      if (before != wanted_.end() && before->second == vip) continue;
      changed.push_back(key);
      const bool had = before != wanted_.end() && before->second.announced;
      const bool conflictBefore = before != wanted_.end() && before->second.conflictMac;
      if ((vip.announced && !had) || (vip.conflictMac && !conflictBefore)) {
        gained.emplace_back(key, vip);
      }
    }
    for (const auto& [key, vip] : wanted_) {
      if (!report.ipObjects.contains(key)) changed.push_back(key);
    }
    wanted_ = report.ipObjects;
  }
  for (const ObjectKey& key : changed) queue_.add(key);
  for (const auto& [key, vip] : gained) {
    const auto ipObject = stores_.ipObjects.get(key);
    if (!ipObject) continue;
    const std::string address = vip.vip.toString();
    for (const std::string& name : ipObject->status.services) {
      const ObjectKey service{key.ns, name};
      if (vip.conflictMac) {
        emitFor(service, Event::Type::kWarning, "AddressConflict", "Announce",
                address + " is not announced: " + *vip.conflictMac +
                    " answers for it. Remove the address there or take it out of the pool");
      } else if (vip.holder != node_) {
        emitFor(service, Event::Type::kNormal, "Announced", "Announce",
                "node " + node_ + " announces " + address);
      }
    }
  }
  tell(report);
}

void IpStatusReporter::tell(const NodeReport& report) {
  for (const Problem& problem : report.problems) {
    if (told_.contains(problem)) continue;
    emitFor(problem.service, Event::Type::kWarning, problem.reason, "Serve", problem.message);
  }
  told_ = std::set<Problem>(report.problems.begin(), report.problems.end());
}

void IpStatusReporter::emitFor(const ObjectKey& service, Event::Type type,
                               const std::string& reason, const std::string& action,
                               const std::string& note) {
  const auto object = stores_.services.get(service);
  if (object) events_.emit({kube::kServices, service, object->uid, type, reason, action, note});
}

Result<kube::ReconcileResult> IpStatusReporter::write(const ObjectKey& key,
                                                      const std::stop_token& stop) {
  std::optional<IpObjectStatus> wanted;
  {
    const std::lock_guard lock(mutex_);
    const auto it = wanted_.find(key);
    if (it != wanted_.end()) {
      const VipReport& vip = it->second;
      wanted = IpObjectStatus{vip.announced, vip.holder, vip.conflictMac, vip.brokenBy};
    }
  }
  const auto ipObject = stores_.ipObjects.get(key);
  if (!ipObject) return kube::ReconcileResult{};
  // Spares the read that comes before a write when there is nothing to write, which is the rule.
  if (wanted ? wanted->announced && ipObject->status.node == node_ && !wanted->conflictMac &&
                   !wanted->brokenBy &&
                   model::findCondition(ipObject->status.conditions, kAnnouncedCondition) == nullptr
             : ipObject->status.node != node_ || isBound(*ipObject)) {
    return kube::ReconcileResult{};
  }
  const auto written = writeIpObjectStatus(api_, key, node_, wanted, clock_.wallNow(), stop);
  if (!written) return tl::make_unexpected(written.error());
  return kube::ReconcileResult{};
}

}  // namespace barevip::node
