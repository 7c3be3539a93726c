// SPDX-License-Identifier: Apache-2.0
#include "assigner/service/missing_record.h"

#include <algorithm>
#include <vector>

#include "assigner/allocation/request.h"
#include "assigner/allocation/service_status.h"

namespace barevip::assigner {
namespace {

std::string whyNoRecord(const Error& error) {
  if (error.code == ErrorCode::kAlreadyExists) return error.message;
  return (refusesRecord(error) ? "the API server refuses the IP object that records the address: "
                               : "the IP object that records the address cannot be written: ") +
         error.message;
}

// What it has and once had a record for, one of a family; what it shows of that comes first.
std::vector<IpAddress> recordedAddresses(const model::Service& service,
                                         const AllocationTable& allocations,
                                         const std::set<IpAddress>& never) {
  std::vector<IpAddress> recorded = allocations.ofService(service.key);
  std::erase_if(recorded, [&](const IpAddress& address) { return never.contains(address); });
  std::vector<IpAddress> chosen;
  const auto choose = [&](const IpAddress& address) {
    const auto taken = std::find_if(chosen.begin(), chosen.end(), [&](const IpAddress& other) {
      return other.family() == address.family();
    });
    if (taken == chosen.end()) chosen.push_back(address);
  };
  for (const IpAddress& address : shownBy(service)) {
    if (std::find(recorded.begin(), recorded.end(), address) != recorded.end()) choose(address);
  }
  std::for_each(recorded.begin(), recorded.end(), choose);
  return chosen;
}

// Nodes serve every port of a Service while its condition is True. Without its record they cannot
// tell that another one has a port that it asks for.
bool hasWhatItAsksFor(const model::Service& service, const AllocationTable& allocations) {
  const std::vector<Port> ports = termsOf(service).ports;
  const std::vector<IpAddress>& held = allocations.ofService(service.key);
  return std::all_of(held.begin(), held.end(), [&](const IpAddress& address) {
    return allocations.find(address)->termsOf(service.key)->ports == ports;
  });
}

}  // namespace

// Its name is taken; or there is no right to make it, a quota, a schema that is not ours, no such
// resource or one that is being deleted. A token that is not accepted is replaced without anybody.
bool refusesRecord(const Error& error) {
  constexpr int kUnauthorized = 401;
  return error.code == ErrorCode::kAlreadyExists || error.code == ErrorCode::kInvalid ||
         error.code == ErrorCode::kUnsupported ||
         (error.code == ErrorCode::kForbidden && error.detail != kUnauthorized);
}

ShownStatus statusWithoutRecord(const model::Service& service, const Choice& choice,
                                const AllocationTable& allocations,
                                const std::set<IpAddress>& never, const Error& error) {
  ShownStatus shown;
  shown.ingress = ingressOf(service, recordedAddresses(service, allocations, never), allocations);
  const bool serve = !shown.ingress.empty() && hasWhatItAsksFor(service, allocations);
  const bool taken = error.code == ErrorCode::kAlreadyExists;
  shown.condition = {kAddressAssigned, serve ? "True" : "False",
                     taken ? kRecordNameTaken : kRecordRefused, whyNoRecord(error)};
  if (choice.refusal) shown.condition.message += "; " + choice.refusal->message;
  shown.quotesServer = true;
  return shown;
}

}  // namespace barevip::assigner
