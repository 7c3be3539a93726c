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
bool looksLikeRecord(const model::IpObject& ipObject) {
  if (!ipObject.serviceOwner) return false;
  const auto address = IpAddress::parse(ipObject.spec.address);
  return address &&
         ipObject.key.name == assigner::recordName(ipObject.serviceOwner->name, *address);
}

}  // namespace

ReservationQuota::Verdicts ReservationQuota::put(const model::IpObject& ipObject) {
  const bool bound = ipObject.status.phase == "Bound";
  const bool record = looksLikeRecord(ipObject);
  Verdicts verdicts;
  if (record && bound) {
    verdicts = erase(ipObject.key);
    verdicts[ipObject.key] = Verdict::kCounts;
    return verdicts;
  }
  const Text& ns = ipObject.key.ns;
  OfNamespace& of = namespaces_[ns];
  const Text before = remove(of, ipObject.key.name);
  Known known{{!bound, ipObject.creationSeconds, ipObject.key.name},
              record ? ipObject.serviceOwner->name : Text()};
  if (record) {
    OfService& service = serviceOf({ns, known.service}, of);
    service.records.insert(known.rank);
    if (!service.exists) of.ownerless.insert(known.rank);
  } else {
    of.counted.insert(known.rank);
  }
  verdicts[ipObject.key] = Verdict::kCounts;
  settleRecords(ns, of, before, verdicts);
  settleRecords(ns, of, known.service, verdicts);
  of.known.insert_or_assign(ipObject.key.name, std::move(known));
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
  if (of.known.empty() && !of.leftOut && !of.missed) namespaces_.erase(it);
  return verdicts;
}

ReservationQuota::Verdicts ReservationQuota::serviceChanged(const kube::ObjectKey& service) {
  Verdicts verdicts;
  const auto it = namespaces_.find(service.ns);
  if (it == namespaces_.end()) return verdicts;
  OfNamespace& of = it->second;
  const bool exists = !exists_ || exists_(service);
  if (exists && of.missed) missedIn_.insert(service.ns);
  const auto found = of.services.find(service.name);
  if (found == of.services.end() || found->second.exists == exists) return verdicts;
  OfService& its = found->second;
  its.exists = exists;
  for (const Rank& each : its.others) {
    of.counted.erase(each);
    of.refused.erase(each);
    verdicts[{service.ns, each.name}] = Verdict::kCounts;
  }
  its.records.merge(its.others);
  for (const Rank& each : its.records) {
    if (exists) {
      of.ownerless.erase(each);
    } else {
      of.ownerless.insert(each);
    }
  }
  settleRecords(service.ns, of, service.name, verdicts);
  settle(service.ns, of, verdicts);
  return verdicts;
}

ReservationQuota::OfService& ReservationQuota::serviceOf(const kube::ObjectKey& key,
                                                         OfNamespace& of) const {
  const auto [it, isNew] = of.services.try_emplace(key.name);
  if (isNew) it->second.exists = !exists_ || exists_(key);
  return it->second;
}

Text ReservationQuota::remove(OfNamespace& of, const Text& name) {
  const auto it = of.known.find(name);
  if (it == of.known.end()) return {};
  const Known known = std::move(it->second);
  of.known.erase(it);
  of.counted.erase(known.rank);
  of.refused.erase(known.rank);
  of.ownerless.erase(known.rank);
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
  const std::size_t limit = it->second.exists ? limits_.unbound : records.size();
  const auto isBehind = [&] { return !records.empty() && *others.begin() < *records.rbegin(); };
  while (!others.empty() && (records.size() < limit || isBehind())) {
    const Rank first = *others.begin();
    others.erase(others.begin());
    of.counted.erase(first);
    of.refused.erase(first);
    records.insert(first);
    verdicts[{ns, first.name}] = Verdict::kCounts;
  }
  while (records.size() > limit) {
    const auto last = std::prev(records.end());
    of.counted.insert(*last);
    verdicts[{ns, last->name}] = Verdict::kCounts;
    others.insert(records.extract(last));
  }
  if (records.empty() && others.empty()) of.services.erase(it);
}

// The oldest go first: what was seen before its Service is young.
void ReservationQuota::settleOwnerless(const Text& ns, OfNamespace& of, Verdicts& verdicts) const {
  while (of.ownerless.size() > limits_.ownerless) {
    const Text name = of.ownerless.begin()->name;
    verdicts[{ns, name}] = Verdict::kLeftOut;
    settleRecords(ns, of, remove(of, name), verdicts);
    of.missed = true;
  }
}

void ReservationQuota::settle(const Text& ns, OfNamespace& of, Verdicts& verdicts) {
  settleOwnerless(ns, of, verdicts);
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
