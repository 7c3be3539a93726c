// SPDX-License-Identifier: Apache-2.0
#include "cli/view/rollback.h"

#include <utility>

namespace barevip::cli {
namespace {

std::string inQuotes(const std::string& text) { return "\"" + text + "\""; }

void compareRequests(const SavedService& saved, const SavedService& now, RollbackStep& step) {
  for (const auto& [name, value] : now.requests) {
    if (!saved.requests.contains(name)) step.annotations.emplace(name, std::nullopt);
  }
  for (const auto& [name, value] : saved.requests) {
    const auto found = now.requests.find(name);
    if (found == now.requests.end() || found->second != value) {
      step.annotations.emplace(name, value);
    }
  }
  if (saved.loadBalancerIp != now.loadBalancerIp) step.loadBalancerIp = saved.loadBalancerIp;
}

// Without the modes, of which Proxy is barevip's own: the API server writes the default.
std::vector<model::LoadBalancerIngress> withoutModes(
    std::vector<model::LoadBalancerIngress> ingress) {
  for (model::LoadBalancerIngress& each : ingress) each.ipMode.clear();
  return ingress;
}

}  // namespace

RollbackStep stepBack(const SavedService* saved, const LiveService& live) {
  RollbackStep step;
  step.service = live.now.key;
  step.saved = saved != nullptr;
  step.shows = addressesOf(live.now.ingress);
  step.records = live.records;
  const bool claimed = live.claimed || !live.records.empty();
  if (saved == nullptr) {
    if (live.claimed) step.ingress = withoutModes(live.now.ingress);
    return step;
  }
  const auto leave = [&](std::string why) {
    RollbackStep left;
    left.service = step.service;
    left.shows = step.shows;
    left.obstacle = std::move(why);
    return left;
  };
  if (saved->loadBalancerClass != live.now.loadBalancerClass) {
    return leave("its spec.loadBalancerClass was " + inQuotes(saved->loadBalancerClass) +
                 " and is " + inQuotes(live.now.loadBalancerClass) +
                 " now, which cannot be changed: delete the Service and create it again");
  }
  const bool same = addressesOf(saved->ingress) == step.shows;
  if (!claimed && !same && !step.shows.empty()) {
    return leave("its addresses are neither those of the file nor barevip's, so " +
                 (live.writer.empty() ? "another controller" : inQuotes(live.writer)) +
                 " wrote them: correct that one");
  }
  compareRequests(*saved, live.now, step);
  if (claimed || !same) step.ingress = saved->ingress;
  return step;
}

std::vector<RollbackStep> planRollback(const SavedServices& saved,
                                       const std::vector<LiveService>& live) {
  std::map<kube::ObjectKey, const SavedService*> before;
  for (const SavedService& each : saved.services) before.emplace(each.key, &each);
  std::map<kube::ObjectKey, RollbackStep> steps;
  for (const LiveService& each : live) {
    const auto found = before.find(each.now.key);
    RollbackStep step = stepBack(found == before.end() ? nullptr : found->second, each);
    if (step.saved || step.changes()) steps.emplace(each.now.key, std::move(step));
  }
  for (const SavedService& each : saved.services) {
    RollbackStep gone;
    gone.service = each.key;
    gone.obstacle = "there is no such Service of type LoadBalancer any more";
    steps.emplace(each.key, std::move(gone));
  }
  std::vector<RollbackStep> plan;
  plan.reserve(steps.size());
  for (auto& [key, step] : steps) plan.push_back(std::move(step));
  return plan;
}

}  // namespace barevip::cli
