// SPDX-License-Identifier: Apache-2.0
#include "assigner/allocation/service_status.h"

#include <algorithm>
#include <string_view>

namespace barevip::assigner {
namespace {

constexpr std::string_view kKeeps = "; the Service keeps ";
constexpr std::string_view kComma = ", ";
constexpr std::string_view kGiven = " assigned";
constexpr std::string_view kMore = "; ";

bool lists(std::string_view text, const IpAddress& address) {
  while (true) {
    const auto comma = text.find(kComma);
    const auto each = IpAddress::parse(text.substr(0, comma));
    if (each && *each == address) return true;
    if (comma == std::string_view::npos) return false;
    text.remove_prefix(comma + kComma.size());
  }
}

// What stands behind the last kKeeps: whatever is quoted from the Service stands before it.
bool saysKept(std::string_view message, const IpAddress& address) {
  const auto keeps = message.rfind(kKeeps);
  return keeps != std::string_view::npos && lists(message.substr(keeps + kKeeps.size()), address);
}

// What stands before the first kGiven or kMore: whatever is quoted stands behind it.
bool saysGiven(std::string_view message, const IpAddress& address) {
  return lists(message.substr(0, std::min(message.find(kGiven), message.find(kMore))), address);
}

}  // namespace

std::vector<IpAddress> shownBy(const model::Service& service) {
  std::vector<IpAddress> addresses;
  for (const model::LoadBalancerIngress& entry : service.ingress) {
    if (const auto address = IpAddress::parse(entry.ip)) addresses.push_back(*address);
  }
  return addresses;
}

bool recordRefused(const model::Service& service) {
  const model::Condition* const condition =
      model::findCondition(service.conditions, kAddressAssigned);
  return condition != nullptr &&
         (condition->reason == kRecordRefused || condition->reason == kRecordNameTaken);
}

bool saysAssigned(const model::Service& service) {
  const model::Condition* const condition =
      model::findCondition(service.conditions, kAddressAssigned);
  return condition != nullptr && (condition->status == "True" || recordRefused(service));
}

std::vector<IpAddress> givenBy(const model::Service& service) {
  std::vector<IpAddress> given = shownBy(service);
  if (saysAssigned(service)) return given;
  const model::Condition* const condition =
      model::findCondition(service.conditions, kAddressAssigned);
  std::erase_if(given, [&](const IpAddress& address) {
    return condition == nullptr || !saysKept(condition->message, address);
  });
  return given;
}

std::vector<IpAddress> namedBy(const model::Service& service) {
  std::vector<IpAddress> named = givenBy(service);
  const model::Condition* const condition =
      model::findCondition(service.conditions, kAddressAssigned);
  std::erase_if(named, [&](const IpAddress& address) {
    return !saysGiven(condition->message, address) && !saysKept(condition->message, address);
  });
  return named;
}

bool showsForeign(const model::Service& service, bool allocations) {
  return !service.ingress.empty() && !allocations && !saysAssigned(service) &&
         givenBy(service).empty();
}

std::vector<IpAddress> shownBesides(const model::Service& service,
                                    const AllocationTable& allocations) {
  std::vector<IpAddress> shown = shownBy(service);
  const auto& held = allocations.ofService(service.key);
  std::erase_if(shown, [&](const IpAddress& address) {
    return std::find(held.begin(), held.end(), address) != held.end();
  });
  return shown;
}

std::string messageOf(const Choice& choice) {
  std::string text;
  for (const Assignment& each : choice.addresses) {
    if (!text.empty()) text += kComma;
    text += each.address.toString();
  }
  if (choice.refusal) {
    return choice.refusal->message + (text.empty() ? "" : std::string(kKeeps) + text);
  }
  return text.append(choice.incomplete ? kMore : kGiven)
      .append(choice.incomplete ? choice.incomplete->message : "");
}

}  // namespace barevip::assigner
