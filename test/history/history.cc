// SPDX-License-Identifier: Apache-2.0
#include "history/history.h"

#include <algorithm>
#include <ostream>

#include <nlohmann/json.hpp>

#include "history/names.h"
#include "history/objects.h"

namespace barevip::history {
namespace {

std::string toText(const PutPool& deed) { return "put Pool " + poolObject(deed).dump(); }
std::string toText(const DeletePool& deed) {
  return std::string("delete Pool ") + kPoolNames.at(deed.name % kPoolNames.size());
}
std::string toText(const PutService& deed) {
  return (deed.anew ? "make anew Service " : "put Service ") + serviceObject(deed).dump();
}
std::string toText(const DeleteService& deed) {
  return "delete Service " + serviceKey(deed.service).toString();
}
std::string toText(const PutReservation& deed) {
  return "make anew IP " + reservationObject(deed).dump();
}
std::string toText(const DeleteReservation& deed) {
  return "delete IP " + reservationKey(deed.reservation).toString();
}
std::string toText(const LabelNamespace& deed) {
  return "label Namespace " + namespaceObject(deed).dump();
}
std::string toText(const ShowForeign& deed) {
  return "somebody else's status of Service " + serviceKey(deed.service).toString() + ": " +
         foreignStatus(deed).dump();
}
std::string toText(const DeleteRecord& deed) {
  return "delete record number " + std::to_string(deed.record);
}
std::string toText(const Restart& /*deed*/) { return "restart"; }
std::string toText(const Crash& deed) {
  return "crash after " + std::to_string(deed.writes) + " writes";
}
std::string toText(const ChangeLeader& deed) {
  return "another leads after " + std::to_string(deed.writes) + " writes";
}
std::string toText(const Stop& /*deed*/) { return "stop"; }
std::string toText(const FailWrite& deed) {
  const char* const fault = deed.fault == WriteFault::kLost         ? "is lost"
                            : deed.fault == WriteFault::kAnswerLost ? "gets no answer"
                                                                    : "is refused";
  return "write number " + std::to_string(deed.after) + " from now " + fault;
}

}  // namespace

std::ostream& operator<<(std::ostream& out, const Event& event) {
  out << std::visit([](const auto& deed) { return toText(deed); }, event.deed);
  if (event.steps != 0) out << ", then " << int{event.steps} << " steps";
  return out;
}

std::ostream& operator<<(std::ostream& out, const History& history) {
  for (const Event& event : history.events) out << "\n  " << event;
  return out << "\n  schedule " << history.schedule;
}

const std::vector<IpAddress>& allAddresses() {
  static const std::vector<IpAddress> all = [] {
    std::vector<IpAddress> addresses;
    for (const char* const text : kAddresses) addresses.push_back(IpAddress::parse(text).value());
    return addresses;
  }();
  return all;
}

const std::vector<std::string>& allNamespaces() {
  static const std::vector<std::string> all(kNamespaceNames.begin(), kNamespaceNames.end());
  return all;
}

bool isOfHistories(const std::string& ns) {
  return std::find(allNamespaces().begin(), allNamespaces().end(), ns) != allNamespaces().end();
}

}  // namespace barevip::history
