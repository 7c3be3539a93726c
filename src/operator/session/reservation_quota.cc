// SPDX-License-Identifier: Apache-2.0
#include "operator/session/reservation_quota.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "barevip/base/ip.h"

#include "assigner/service/record_name.h"

namespace barevip::controlplane {
namespace {

// By its name: who calls an IP object that of a Service does not get around the limit.
bool isRecord(const model::IpClaim& claim) {
  if (!claim.serviceOwner) return false;
  const auto address = IpAddress::parse(claim.spec.address);
  return address && claim.key.name == assigner::recordName(claim.serviceOwner->name, *address);
}

}  // namespace

ReservationQuota::Verdicts ReservationQuota::put(const model::IpClaim& claim) {
  Verdicts verdicts;
  const std::string& ns = claim.key.ns;
  if (isRecord(claim)) {
    verdicts = erase(claim.key);
    verdicts[claim.key] = Verdict::kCounts;
    return verdicts;
  }
  OfNamespace& of = namespaces_[ns];
  remove(of, claim.key.name);
  Rank rank{claim.status.phase != "Bound", claim.creationSeconds, claim.key.name};
  of.ranks.insert_or_assign(claim.key.name, rank);
  of.counted.insert(std::move(rank));
  verdicts[claim.key] = Verdict::kCounts;
  settle(ns, of, verdicts);
  return verdicts;
}

ReservationQuota::Verdicts ReservationQuota::erase(const kube::ObjectKey& key) {
  Verdicts verdicts;
  const auto it = namespaces_.find(key.ns);
  if (it == namespaces_.end()) return verdicts;
  remove(it->second, key.name);
  settle(key.ns, it->second, verdicts);
  if (it->second.ranks.empty() && !it->second.leftOut) namespaces_.erase(it);
  return verdicts;
}

void ReservationQuota::remove(OfNamespace& of, const std::string& name) {
  const auto it = of.ranks.find(name);
  if (it == of.ranks.end()) return;
  of.counted.erase(it->second);
  of.refused.erase(it->second);
  of.ranks.erase(it);
}

void ReservationQuota::settle(const std::string& ns, OfNamespace& of, Verdicts& verdicts) {
  const auto move = [&](std::set<Rank>& from, std::set<Rank>::iterator which, std::set<Rank>& to,
                        Verdict verdict) {
    verdicts[{ns, which->name}] = verdict;
    to.insert(from.extract(which));
  };
  const auto refuse = [&] {
    move(of.counted, std::prev(of.counted.end()), of.refused, Verdict::kRefused);
  };
  while (of.counted.size() > limits_.counted && of.counted.rbegin()->waits) refuse();
  while (!of.refused.empty() && !of.counted.empty() && *of.refused.begin() < *of.counted.rbegin()) {
    move(of.refused, of.refused.begin(), of.counted, Verdict::kCounts);
    refuse();
  }
  while (!of.refused.empty() && of.counted.size() < limits_.counted) {
    move(of.refused, of.refused.begin(), of.counted, Verdict::kCounts);
  }
  while (of.refused.size() > limits_.refused) {
    const auto last = std::prev(of.refused.end());
    verdicts[{ns, last->name}] = Verdict::kLeftOut;
    of.ranks.erase(last->name);
    of.refused.erase(last);
    of.leftOut = true;
  }
  if (of.leftOut && of.refused.size() < limits_.refused) {
    roomIn_.insert(ns);
  } else {
    roomIn_.erase(ns);
  }
}

}  // namespace barevip::controlplane
