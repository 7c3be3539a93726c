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
  const std::string label =
      deed.team == 0 ? "" : "label Namespace " + namespaceObject(labelOf(deed)).dump() + ", ";
  return label + (deed.anew ? "make anew Service " : "put Service ") + serviceObject(deed).dump();
}
std::string toText(const DeleteService& deed) {
  return "delete Service " + serviceKey(deed.service).toString();
}
std::string toText(const RestoreService& deed) {
  return "restore Service " + serviceKey(deed.service).toString() + ": " +
         restoredStatus(deed).dump();
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
std::string toText(const Hold& deed) {
  const std::string name = deed.ip ? "IP number " + std::to_string(deed.number)
                                   : "Service " + serviceKey(deed.number).toString();
  return (deed.letGo ? "no finalizer holds " : "a finalizer holds ") + name;
}
std::string toText(const DeleteNamespace& deed) {
  return std::string("delete Namespace ") + kNamespaceNames.at(deed.ns % kNamespaceNames.size());
}
std::string toText(const TamperService& deed) {
  return "tamper with Service " + serviceKey(deed.service).toString() + ": " +
         tamperedStatus(deed).dump();
}
std::string toText(const TamperIp& deed) {
  const TamperedIp patches = tamperedIp(deed);
  return "tamper with IP number " + std::to_string(deed.ip) + ": " + patches.status.dump() + " " +
         patches.object.dump();
}
std::string toText(const ForgeRecord& deed) {
  return "forge IP " + forgedRecord(deed, "<its uid>").dump();
}
std::string toText(const Refuse& deed) {
  return std::string("refuse ") + (deed.statuses ? "statuses of Services" : "new IPs") + " in " +
         kNamespaceNames.at(deed.ns % kNamespaceNames.size());
}
std::string toText(const Permit& /*deed*/) { return "refuse nothing any more"; }
std::string toText(const Restart& /*deed*/) { return "restart"; }
std::string toText(const Crash& deed) {
  return "crash after " + std::to_string(deed.writes) + " writes";
}
std::string toText(const ChangeLeader& deed) {
  return "another leads after " + std::to_string(deed.writes) + " writes, and this one sends " +
         std::to_string(deed.late) + " late ones";
}
std::string toText(const Workers& deed) { return std::to_string(deed.count) + " workers"; }
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
