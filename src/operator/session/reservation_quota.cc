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
bool looksLikeRecord(const model::IpClaim& claim) {
  if (!claim.serviceOwner) return false;
  const auto address = IpAddress::parse(claim.spec.address);
  return address && claim.key.name == assigner::recordName(claim.serviceOwner->name, *address);
}

}  // namespace

ReservationQuota::Verdicts ReservationQuota::put(const model::IpClaim& claim) {
  const bool bound = claim.status.phase == "Bound";
  const bool record = looksLikeRecord(claim);
  Verdicts verdicts;
  if (record && bound) {
    verdicts = erase(claim.key);
    verdicts[claim.key] = Verdict::kCounts;
    return verdicts;
  }
  const Text& ns = claim.key.ns;
  OfNamespace& of = namespaces_[ns];
  const Text before = remove(of, claim.key.name);
  Known known{{!bound, claim.creationSeconds, claim.key.name},
              record ? claim.serviceOwner->name : Text()};
  (record ? of.services[known.service].records : of.counted).insert(known.rank);
  verdicts[claim.key] = Verdict::kCounts;
  settleRecords(ns, of, before, verdicts);
  settleRecords(ns, of, known.service, verdicts);
  of.known.insert_or_assign(claim.key.name, std::move(known));
  settle(ns, of, verdicts);
  return verdicts;
}

ReservationQuota::Verdicts ReservationQuota::erase(const kube::ObjectKey& key) {
  Verdicts verdicts;
  const auto it = namespaces_.find(key.ns);
  if (it == namespaces_.end()) return verdicts;
  OfNamespace& of = it->second;
  settleRecords(key.ns, of, remove(of, key.name), verdicts);
  settle(key.ns, of, verdicts);
  if (of.known.empty() && !of.leftOut) namespaces_.erase(it);
  return verdicts;
}

Text ReservationQuota::remove(OfNamespace& of, const Text& name) {
  const auto it = of.known.find(name);
  if (it == of.known.end()) return {};
  const Known known = std::move(it->second);
  of.known.erase(it);
  of.counted.erase(known.rank);
  of.refused.erase(known.rank);
  if (!known.service.empty()) {
    OfService& service = of.services.at(known.service);
    service.records.erase(known.rank);
    service.others.erase(known.rank);
  }
  return known.service;
}

void ReservationQuota::settleRecords(const Text& ns, OfNamespace& of, const Text& service,
                                     Verdicts& verdicts) const {
  const auto it = of.services.find(service);
  if (it == of.services.end()) return;
  Ranks& records = it->second.records;
  Ranks& others = it->second.others;
  const auto isBehind = [&] { return !records.empty() && *others.begin() < *records.rbegin(); };
  while (!others.empty() && (records.size() < limits_.unbound || isBehind())) {
    const Rank first = *others.begin();
    others.erase(others.begin());
    of.counted.erase(first);
    of.refused.erase(first);
    records.insert(first);
    verdicts[{ns, first.name}] = Verdict::kCounts;
  }
  while (records.size() > limits_.unbound) {
    const auto last = std::prev(records.end());
    of.counted.insert(*last);
    verdicts[{ns, last->name}] = Verdict::kCounts;
    others.insert(records.extract(last));
  }
  if (records.empty() && others.empty()) of.services.erase(it);
}

void ReservationQuota::settle(const Text& ns, OfNamespace& of, Verdicts& verdicts) {
  const auto move = [&](Ranks& from, Ranks::iterator which, Ranks& to, Verdict verdict) {
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
    const Text name = of.refused.rbegin()->name;
    verdicts[{ns, name}] = Verdict::kLeftOut;
    remove(of, name);
    of.leftOut = true;
  }
  if (of.leftOut && of.refused.size() < limits_.refused) {
    roomIn_.insert(ns);
  } else {
    roomIn_.erase(ns);
  }
}

}  // namespace barevip::controlplane
