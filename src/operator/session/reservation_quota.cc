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
  (record ? of.services[known.service].records : of.counted).insert(known.rank);
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
