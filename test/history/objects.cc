// SPDX-License-Identifier: Apache-2.0
#include "history/objects.h"

#include "assigner/service/record_name.h"
#include "history/names.h"

namespace barevip::history {
namespace {

using nlohmann::json;

template <class Table>
auto pickFrom(const Table& table, Pick pick) {
  return table.at(pick % table.size());
}

// An enumeration that ends with kCount.
template <class Enum>
Enum pickOf(Pick pick) {
  return static_cast<Enum>(pick % static_cast<Pick>(Enum::kCount));
}

json matching(const char* label, const char* value) { return {{"matchLabels", {{label, value}}}}; }

json entries(const std::vector<Pick>& picks) {
  json list = json::array();
  for (const Pick pick : picks) list.push_back(pickFrom(kEntries, pick));
  return list;
}

json orNull(const std::string& text) { return text.empty() ? json() : json(text); }

constexpr const char* kNobodysUid = "00000000-0000-0000-0000-000000000000";

json ownedBy(const std::string& service, const std::string& uid) {
  return json::array(
      {{{"apiVersion", "v1"}, {"kind", "Service"}, {"name", service}, {"uid", uid}}});
}

json servicePort(int port, const char* protocol) {
  return {{"name", "p" + std::to_string(port)}, {"port", port}, {"protocol", protocol}};
}

json portsOf(Pick pick) {
  switch (pickOf<Ports>(pick)) {
    case Ports::kHttps:
      return json::array({servicePort(443, "TCP")});
    case Ports::kDns:
      return json::array({servicePort(53, "UDP")});
    case Ports::kHttpAndDns:
      return json::array({servicePort(80, "TCP"), servicePort(53, "UDP")});
    default:
      return json::array({servicePort(80, "TCP")});
  }
}

void setFamilies(json& spec, Pick pick) {
  const json four = "IPv4";
  const json six = "IPv6";
  switch (pickOf<Families>(pick)) {
    case Families::kIpv6:
      spec["ipFamilies"] = {six};
      spec["ipFamilyPolicy"] = "SingleStack";
      return;
    case Families::kRequireBoth:
      spec["ipFamilies"] = {four, six};
      spec["ipFamilyPolicy"] = "RequireDualStack";
      return;
    case Families::kPreferBoth:
      spec["ipFamilies"] = {four, six};
      spec["ipFamilyPolicy"] = "PreferDualStack";
      return;
    case Families::kPreferBothIpv6First:
      spec["ipFamilies"] = {six, four};
      spec["ipFamilyPolicy"] = "PreferDualStack";
      return;
    default:
      spec["ipFamilies"] = {four};
      spec["ipFamilyPolicy"] = "SingleStack";
  }
}

void setRole(json& spec, Pick pick) {
  spec["type"] = "LoadBalancer";
  spec["loadBalancerClass"] = nullptr;
  switch (pickOf<Role>(pick)) {
    case Role::kOursByClass:
      spec["loadBalancerClass"] = "barevip.dev/barevip";
      return;
    case Role::kClusterIp:
      spec["type"] = "ClusterIP";
      return;
    case Role::kOthers:
      spec["loadBalancerClass"] = "example.com/other";
      return;
    default:
      return;
  }
}

void setRequest(json& annotations, json& spec, const PutService& deed) {
  const std::string pool = pickFrom(kPoolNames, deed.pool);
  const std::string address = pickFrom(kAddresses, deed.address);
  switch (pickOf<Ask>(deed.request)) {
    case Ask::kPool:
      annotations["barevip.dev/pool"] = pool;
      return;
    case Ask::kAddress:
      annotations["barevip.dev/address"] = address;
      return;
    case Ask::kAddressInPool:
      annotations["barevip.dev/address"] = address;
      annotations["barevip.dev/pool"] = pool;
      return;
    case Ask::kTwoAddresses:
      annotations["barevip.dev/address"] =
          address + "," + pickFrom(kAddresses, static_cast<Pick>(deed.address + 5));
      return;
    case Ask::kIp:
      annotations["barevip.dev/ip"] = pickFrom(kReservationNames, deed.reservation);
      return;
    case Ask::kLegacyAddress:
      spec["loadBalancerIP"] = address;
      return;
    case Ask::kNonsense:
      annotations["barevip.dev/address"] = "soon";
      return;
    default:
      return;
  }
}

void setAdmission(json& spec, Pick pick) {
  for (const char* rule :
       {"namespaces", "ignoreNamespaces", "namespaceSelector", "serviceSelector"}) {
    spec[rule] = nullptr;
  }
  switch (pickOf<Admits>(pick)) {
    case Admits::kRed:
      spec["namespaces"] = {"red"};
      return;
    case Admits::kTeamBlue:
      spec["namespaceSelector"] = matching("team", "blue");
      return;
    case Admits::kGold:
      spec["serviceSelector"] = matching("tier", "gold");
      return;
    case Admits::kNotRed:
      spec["ignoreNamespaces"] = {"red"};
      return;
    case Admits::kNobody:
      spec["namespaceSelector"] = matching("team", "nobody");
      return;
    default:
      return;
  }
}

}  // namespace

kube::ObjectKey serviceKey(Pick service) {
  return {pickFrom(kNamespaceNames, service),
          pickFrom(kServiceNames, static_cast<Pick>(service / kNamespaceNames.size()))};
}

kube::ObjectKey reservationKey(Pick reservation) {
  return {pickFrom(kNamespaceNames, reservation),
          pickFrom(kReservationNames, static_cast<Pick>(reservation / kNamespaceNames.size()))};
}

json poolObject(const PutPool& deed) {
  const int limit = pickFrom(kLimits, deed.limit);
  json spec = {{"addresses", entries(deed.addresses)},
               {"exclude", entries(deed.exclude)},
               {"avoidBuggyIPs", deed.avoidBuggy},
               {"avoidGatewayIPs", deed.avoidGateway},
               {"autoAssign", !deed.onRequestOnly},
               {"priority", pickFrom(kPriorities, deed.priority)},
               {"allowFirstLast", deed.firstLast},
               {"reuseDelay", pickFrom(kReuseDelays, deed.reuse)},
               {"allowReservations", deed.reservations},
               {"maxPerNamespace", limit == 0 ? json() : json(limit)},
               {"allowSharing", pickFrom(kAllowSharing, deed.sharing)}};
  setAdmission(spec, deed.admits);
  return {{"apiVersion", kube::kPools.apiVersion()},
          {"kind", kube::kPools.kind},
          {"metadata",
           {{"name", pickFrom(kPoolNames, deed.name)},
            // A history deletes Pools in use, which the cluster's policy refuses otherwise.
            {"annotations", {{"barevip.dev/delete-in-use", "true"}}}}},
          {"spec", std::move(spec)}};
}

json serviceObject(const PutService& deed) {
  const kube::ObjectKey key = serviceKey(deed.service);
  json annotations = {{"barevip.dev/pool", nullptr},
                      {"barevip.dev/address", nullptr},
                      {"barevip.dev/ip", nullptr},
                      {"barevip.dev/share", orNull(pickFrom(kShareKeys, deed.share))}};
  json spec = {{"selector", {{"app", orNull(pickFrom(kSelectors, deed.selector))}}},
               {"ports", portsOf(deed.ports)},
               {"loadBalancerIP", nullptr}};
  setRole(spec, deed.role);
  const bool balanced = spec["type"] == "LoadBalancer";
  spec["externalTrafficPolicy"] = balanced ? json(deed.local ? "Local" : "Cluster") : json();
  setFamilies(spec, deed.families);
  setRequest(annotations, spec, deed);
  json labels = {{"tier", nullptr}};
  if (pickOf<Labels>(deed.labels) == Labels::kGold) labels["tier"] = "gold";
  return {{"apiVersion", "v1"},
          {"kind", "Service"},
          {"metadata",
           {{"name", key.name},
            {"namespace", key.ns},
            {"labels", std::move(labels)},
            {"annotations", std::move(annotations)}}},
          {"spec", std::move(spec)}};
}

json reservationObject(const PutReservation& deed) {
  const kube::ObjectKey key = reservationKey(deed.reservation);
  json spec = {{"shareKey", orNull(pickFrom(kShareKeys, deed.share))}};
  switch (pickOf<AskReserved>(deed.request)) {
    case AskReserved::kIpv4:
      spec["family"] = "IPv4";
      break;
    case AskReserved::kIpv6:
      spec["family"] = "IPv6";
      break;
    case AskReserved::kPool:
      spec["pool"] = pickFrom(kPoolNames, deed.pool);
      break;
    case AskReserved::kAddressInPool:
      spec["pool"] = pickFrom(kPoolNames, deed.pool);
      spec["address"] = pickFrom(kAddresses, deed.address);
      break;
    default:
      spec["address"] = pickFrom(kAddresses, deed.address);
  }
  return {{"apiVersion", kube::kIps.apiVersion()},
          {"kind", kube::kIps.kind},
          {"metadata", {{"name", key.name}, {"namespace", key.ns}}},
          {"spec", std::move(spec)}};
}

json namespaceObject(const LabelNamespace& deed) {
  json labels = {{"team", nullptr}};
  if (pickOf<Teams>(deed.labels) == Teams::kBlue) labels["team"] = "blue";
  if (pickOf<Teams>(deed.labels) == Teams::kRed) labels["team"] = "red";
  return {
      {"apiVersion", "v1"},
      {"kind", "Namespace"},
      {"metadata", {{"name", pickFrom(kNamespaceNames, deed.ns)}, {"labels", std::move(labels)}}}};
}

json forgedRecord(const ForgeRecord& deed, const std::string& uid) {
  const kube::ObjectKey service = serviceKey(deed.service);
  const std::string address = pickFrom(kAddresses, deed.address);
  json metadata = {{"name", assigner::recordName(service.name, IpAddress::parse(address).value())},
                   {"namespace", service.ns}};
  const auto owner = pickOf<ForgedOwner>(deed.owner);
  if (owner != ForgedOwner::kNobody) {
    const bool true_ = owner == ForgedOwner::kService && !uid.empty();
    metadata["ownerReferences"] = ownedBy(service.name, true_ ? uid : kNobodysUid);
  }
  return {{"apiVersion", kube::kIps.apiVersion()},
          {"kind", kube::kIps.kind},
          {"metadata", std::move(metadata)},
          {"spec", {{"address", address}, {"pool", pickFrom(kPoolNames, deed.address)}}}};
}

TamperedIp tamperedIp(const TamperIp& deed) {
  const json noStatus = {{"status", nullptr}};
  switch (pickOf<IpTampering>(deed.how)) {
    case IpTampering::kNamesOthers:
      return {{{"status",
                {{"service", "db"},
                 {"services", {"db"}},
                 {"ports", {"81/TCP"}},
                 {"phase", "Pending"}}}},
              nullptr};
    case IpTampering::kChangesKey:
      return {nullptr, {{"spec", {{"shareKey", orNull(pickFrom(kShareKeys, deed.address))}}}}};
    case IpTampering::kTakesOwner:
      return {nullptr, {{"metadata", {{"ownerReferences", nullptr}}}}};
    case IpTampering::kOtherOwner:
      return {
          nullptr,
          {{"metadata",
            {{"ownerReferences", ownedBy(pickFrom(kServiceNames, deed.address), kNobodysUid)}}}}};
    case IpTampering::kMoves:  // an address that is bound cannot be changed
      return {noStatus,
              {{"spec", {{"address", pickFrom(kAddresses, deed.address)}, {"family", nullptr}}}}};
    default:
      return {noStatus, nullptr};
  }
}

json tamperedStatus(const TamperService& deed) {
  switch (pickOf<ServiceTampering>(deed.how)) {
    case ServiceTampering::kShows:
      return foreignStatus({deed.service, deed.address});
    case ServiceTampering::kDropsCondition:
      return {{"status", {{"conditions", nullptr}}}};
    case ServiceTampering::kDenies:
      return {{"status",
               {{"conditions", json::array({{{"type", "barevip.dev/AddressAssigned"},
                                             {"status", "False"},
                                             {"reason", "Denied"},
                                             {"message", "somebody says so"},
                                             {"lastTransitionTime", "2030-01-01T00:00:00Z"}}})}}}};
    case ServiceTampering::kIpObjects:
      return restoredStatus({deed.service, deed.address});
    default:
      return {{"status", {{"loadBalancer", {{"ingress", nullptr}}}}}};
  }
}

json restoredStatus(const RestoreService& deed) {
  const std::string address = pickFrom(kAddresses, deed.address);
  json status = foreignStatus({deed.service, deed.address});
  status["status"]["loadBalancer"]["ingress"][0]["ipMode"] = "Proxy";
  status["status"]["conditions"] = json::array({{{"type", "barevip.dev/AddressAssigned"},
                                                 {"status", "True"},
                                                 {"reason", "Assigned"},
                                                 {"message", address + " assigned"},
                                                 {"lastTransitionTime", "2030-01-01T00:00:00Z"}}});
  return status;
}

LabelNamespace labelOf(const PutService& deed) {
  return {static_cast<Pick>(deed.service % kNamespaceNames.size()),
          static_cast<Pick>(deed.team - 1)};
}

json foreignStatus(const ShowForeign& deed) {
  return {{"status",
           {{"loadBalancer",
             {{"ingress", json::array({{{"ip", pickFrom(kAddresses, deed.address)}}})}}}}}};
}

}  // namespace barevip::history
