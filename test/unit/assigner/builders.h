// SPDX-License-Identifier: Apache-2.0
// Short ways to write requests and what the allocator makes of them.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "assigner/allocation/allocator.h"
#include "fakes/builders/addresses.h"
#include "fakes/builders/objects.h"

namespace barevip::assigner::test {

using barevip::test::ip;
using barevip::test::pool;
using barevip::test::range;

inline AddressSet setOf(const std::vector<std::string>& entries) {
  AddressSet set;
  for (const std::string& entry : entries) set.add(range(entry));
  return set;
}

inline Request request(const std::string& name, std::vector<Family> families = {Family::kIpv4}) {
  Request request;
  request.service = {"default", name};
  request.requester = {"default", model::StringMap{}, model::StringMap{}};
  request.families = std::move(families);
  return request;
}

inline Request requestFor(const std::string& name, const std::string& address) {
  Request result = request(name, {ip(address).family()});
  result.addresses = {ip(address)};
  return result;
}

inline Request dualRequest(const std::string& name, bool all = true) {
  Request result = request(name, {Family::kIpv4, Family::kIpv6});
  result.allFamilies = all;
  return result;
}

/// What is shown, as "192.0.2.1,2001:db8::1".
inline std::string shown(const Choice& choice) {
  std::string text;
  for (const Assignment& each : choice.addresses) {
    text += (text.empty() ? "" : ",") + each.address.toString();
  }
  return text;
}

inline std::string reason(const Choice& choice) {
  return choice.refusal ? std::string(nameOf(choice.refusal->reason)) : "";
}

inline std::string message(const Choice& choice) {
  return choice.refusal ? choice.refusal->message : "";
}

inline Allocator allocatorWith(const std::vector<model::Pool>& pools) {
  Allocator allocator;
  allocator.setPools(planPools(pools));
  return allocator;
}

/// Chooses, and grants what is chosen.
inline Choice assign(Allocator& allocator, const Request& request) {
  Choice choice = choose(allocator.pools(), allocator.allocations(), request);
  allocator.grant({request.service, request.terms}, choice);
  return choice;
}

/// What a Service keeps whose request cannot be read.
inline Choice keep(Allocator& allocator, const ServiceConsumer& service,
                   const std::vector<IpAddress>& shown) {
  Choice choice = assigner::keep(allocator.pools(), allocator.allocations(), service, shown,
                                 {RefusalReason::kBadRequest, "a typo"});
  allocator.grant(service, choice);
  return choice;
}

/// As a Service of ours that has the address is taken up.
inline bool restore(Allocator& allocator, const kube::ObjectKey& service,
                    const std::string& address, const std::string& pool = "a") {
  return allocator.restore({service, {}, pool}, ip(address), Allocator::Evidence::kRecorded);
}

}  // namespace barevip::assigner::test
