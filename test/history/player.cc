// SPDX-License-Identifier: Apache-2.0
#include "history/player.h"

#include <algorithm>
#include <string>
#include <utility>

#include <nlohmann/json.hpp>

#include "common/model/service_json.h"
#include "history/names.h"
#include "history/objects.h"
#include "history/rules.h"

namespace barevip::history {
namespace {

using nlohmann::json;
using Asking = std::set<kube::ObjectKey>;

kube::ObjectKey keyOf(const json& object) {
  const json& meta = object.at("metadata");
  return {meta.value("namespace", ""), meta.at("name").get<std::string>()};
}

Result<void> ignore(const Result<void>& result, ErrorCode code) {
  if (!result && result.error().code != code) return result;
  return {};
}

Result<json> createOrPatch(kube::Api& api, const kube::Resource& resource, const json& patch) {
  const kube::ObjectKey key = keyOf(patch);
  json object = json::object();
  object.merge_patch(patch);  // without the nulls
  while (true) {
    auto created = api.create(resource, key.ns, object, {});
    if (created || created.error().code != ErrorCode::kAlreadyExists) return created;
    auto patched = api.patch(resource, key, "", patch, {});
    // One that was being deleted may be gone by now.
    if (patched || patched.error().code != ErrorCode::kNotFound) return patched;
  }
}

Result<void> setFinalizers(kube::Api& api, const kube::Resource& resource,
                           const kube::ObjectKey& key, const json& finalizers) {
  const json patch = {{"metadata", {{"finalizers", finalizers}}}};
  const auto patched = api.patch(resource, key, "", patch, {});
  if (!patched && patched.error().code != ErrorCode::kNotFound) {
    return tl::make_unexpected(patched.error());
  }
  return {};
}

// By a schema, or since the namespace is being deleted or not there.
bool isRefusal(const Error& error) {
  return error.code == ErrorCode::kInvalid || error.code == ErrorCode::kForbidden ||
         error.code == ErrorCode::kNotFound;
}

// What the allocation depends on.
bool asksTheSame(const model::Service& a, const model::Service& b) {
  return a.uid == b.uid && a.type == b.type && a.loadBalancerClass == b.loadBalancerClass &&
         a.annotations == b.annotations && a.loadBalancerIp == b.loadBalancerIp &&
         a.ipFamilies == b.ipFamilies && a.ipFamilyPolicy == b.ipFamilyPolicy;
}

// No API server lets a Service change its class while it stays a LoadBalancer.
bool changesClass(const json& before, const json& after) {
  const json::json_pointer type("/spec/type");
  const json::json_pointer of("/spec/loadBalancerClass");
  const auto isLoadBalancer = [&](const json& service) {
    return service.value(type, "") == "LoadBalancer";
  };
  const auto classOf = [&](const json& service) {
    return service.contains(of) ? service.at(of) : json();
  };
  return isLoadBalancer(before) && isLoadBalancer(after) && classOf(before) != classOf(after);
}

// What comes before leaves the address where it is.
constexpr auto kFirstHarmful = static_cast<Pick>(IpTampering::kTakesOwner);

class Player {
 public:
  explicit Player(kube::Api& api) : api_(api) {}

  Result<Asking> operator()(const PutPool& deed) const {
    const auto done = createOrPatch(api_, kube::kPools, poolObject(deed));
    if (!done && !isRefusal(done.error())) {
      return tl::make_unexpected(done.error());
    }
    return Asking{};
  }

  Result<Asking> operator()(const DeletePool& deed) const {
    return remove(kube::kPools, {"", kPoolNames.at(deed.name % kPoolNames.size())}, {});
  }

  Result<Asking> operator()(const PutService& deed) const {
    const kube::ObjectKey key = serviceKey(deed.service);
    if (deed.team != 0) {
      const auto labelled = (*this)(labelOf(deed));
      if (!labelled) return labelled;
    }
    if (deed.anew) {
      const auto removed = remove(kube::kServices, key, {});
      if (!removed) return removed;
    }
    const auto before = api_.get(kube::kServices, key, {});
    const json wanted = serviceObject(deed);
    if (before && changesClass(*before, wanted)) return Asking{};
    const auto after = createOrPatch(api_, kube::kServices, wanted);
    if (!after) {
      if (isRefusal(after.error())) return Asking{};
      return tl::make_unexpected(after.error());
    }
    const bool same = before && asksTheSame(model::decodeService(*before).value(),
                                            model::decodeService(*after).value());
    return same ? Asking{} : Asking{key};
  }

  Result<Asking> operator()(const DeleteService& deed) const {
    return remove(kube::kServices, serviceKey(deed.service), {});
  }

  Result<Asking> operator()(const RestoreService& deed) const {
    const kube::ObjectKey key = serviceKey(deed.service);
    auto object = api_.get(kube::kServices, key, {});
    if (!object || (*object)["spec"].value("type", "") != "LoadBalancer") return Asking{};
    const auto removed = remove(kube::kServices, key, {});
    if (!removed) return removed;
    object->erase("status");
    for (const char* const stamp :
         {"uid", "resourceVersion", "creationTimestamp", "managedFields"}) {
      (*object)["metadata"].erase(stamp);
    }
    // The API server gives others.
    for (const char* const given : {"clusterIP", "clusterIPs", "healthCheckNodePort"}) {
      (*object)["spec"].erase(given);
    }
    for (json& port : (*object)["spec"]["ports"]) port.erase("nodePort");
    const auto made = api_.create(kube::kServices, key.ns, *object, {});
    // A finalizer holds the earlier one.
    if (!made && made.error().code == ErrorCode::kAlreadyExists) return Asking{};
    if (!made && isRefusal(made.error())) return Asking{};
    if (!made) return tl::make_unexpected(made.error());
    const auto patched = api_.patch(kube::kServices, key, "status", restoredStatus(deed), {});
    if (!patched) return tl::make_unexpected(patched.error());
    return Asking{key};
  }

  Result<Asking> operator()(const PutReservation& deed) const {
    const kube::ObjectKey key = reservationKey(deed.reservation);
    auto asking = remove(kube::kIps, key, usersOf(key));
    if (!asking) return asking;
    const auto made = api_.create(kube::kIps, key.ns, reservationObject(deed), {});
    // A finalizer may hold the earlier one.
    const bool ok = made || made.error().code == ErrorCode::kAlreadyExists;
    if (!ok && !isRefusal(made.error())) return tl::make_unexpected(made.error());
    return asking;
  }

  Result<Asking> operator()(const DeleteReservation& deed) const {
    const kube::ObjectKey key = reservationKey(deed.reservation);
    return remove(kube::kIps, key, usersOf(key));
  }

  Result<Asking> operator()(const LabelNamespace& deed) const {
    const json object = namespaceObject(deed);
    const auto patched = createOrPatch(api_, kube::kNamespaces, object);
    if (!patched) return tl::make_unexpected(patched.error());
    return Asking{};
  }

  Result<Asking> operator()(const ShowForeign& deed) const {
    const kube::ObjectKey key = serviceKey(deed.service);
    const auto found = api_.get(kube::kServices, key, {});
    if (!found || (*found)["spec"].value("loadBalancerClass", "") != "example.com/other") {
      return Asking{};
    }
    const auto patched = api_.patch(kube::kServices, key, "status", foreignStatus(deed), {});
    if (!patched) return tl::make_unexpected(patched.error());
    return Asking{};
  }

  Result<Asking> operator()(const DeleteRecord& deed) const {
    std::vector<json> records;
    for (json& object : all(kube::kIps)) {
      if (object["metadata"].contains("ownerReferences")) records.push_back(std::move(object));
    }
    if (records.empty()) return Asking{};
    const json& record = records.at(deed.record % records.size());
    return remove(kube::kIps, keyOf(record), losersOf(record));
  }

  Result<Asking> operator()(const Hold& deed) const {
    const json finalizers = deed.letGo ? json() : json::array({"example.com/hold"});
    kube::ObjectKey key = serviceKey(deed.number);
    if (deed.ip) {
      const std::vector<json> ips = all(kube::kIps);
      if (ips.empty()) return Asking{};
      key = keyOf(ips.at(deed.number % ips.size()));
    }
    const auto done = setFinalizers(api_, deed.ip ? kube::kIps : kube::kServices, key, finalizers);
    if (!done && !isRefusal(done.error())) return tl::make_unexpected(done.error());
    return Asking{};
  }

  Result<Asking> operator()(const DeleteNamespace& deed) const {
    const std::string ns = kNamespaceNames.at(deed.ns % kNamespaceNames.size());
    const kube::ObjectKey key{"", ns};
    const auto found = api_.get(kube::kNamespaces, key, {});
    if (!found) return Asking{};
    if (!found->at("metadata").contains("deletionTimestamp")) {
      const auto held =
          setFinalizers(api_, kube::kNamespaces, key, json::array({"example.com/content"}));
      if (!held) return tl::make_unexpected(held.error());
      return remove(kube::kNamespaces, key, {});
    }
    Asking asking;
    for (const kube::Resource& resource : {kube::kServices, kube::kIps}) {
      for (const json& object : all(resource)) {
        if (keyOf(object).ns != ns) continue;
        asking.insert(keyOf(object));
        const auto removed = remove(resource, keyOf(object), {});
        if (!removed) return removed;
      }
    }
    const auto isLeft = [&](const json& object) { return keyOf(object).ns == ns; };
    const std::vector<json> services = all(kube::kServices);
    const std::vector<json> ips = all(kube::kIps);
    if (std::any_of(services.begin(), services.end(), isLeft) ||
        std::any_of(ips.begin(), ips.end(), isLeft)) {
      return asking;
    }
    const auto gone = letGo(api_, kube::kNamespaces, key);
    if (!gone) return tl::make_unexpected(gone.error());
    return asking;
  }

  Result<Asking> operator()(const TamperService& deed) const {
    const kube::ObjectKey key = serviceKey(deed.service);
    const auto found = api_.get(kube::kServices, key, {});
    if (!found || goes(*found) || !isOurs(model::decodeService(*found).value())) return Asking{};
    const auto patched = api_.patch(kube::kServices, key, "status", tamperedStatus(deed), {});
    if (!patched) return tl::make_unexpected(patched.error());
    // A status that claims an address is what a restore writes.
    const bool ipObjects = deed.how % static_cast<Pick>(ServiceTampering::kCount) ==
                           static_cast<Pick>(ServiceTampering::kIpObjects);
    return isRecorded(*found) && !ipObjects ? Asking{} : Asking{key};
  }

  Result<Asking> operator()(const TamperIp& deed) const {
    const std::vector<json> ips = all(kube::kIps);
    if (ips.empty()) return Asking{};
    const json& ip = ips.at(deed.ip % ips.size());
    if (goes(ip)) return Asking{};
    const kube::ObjectKey key = keyOf(ip);
    Asking asking = losersOf(ip);
    asking.insert(key);
    for (const json& owner : ip["metadata"].value("ownerReferences", json::array())) {
      if (deed.how % static_cast<Pick>(IpTampering::kCount) >= kFirstHarmful) {
        asking.insert({key.ns, owner.at("name").get<std::string>()});
      }
    }
    asking.merge(usersOf(key));
    const TamperedIp patches = tamperedIp(deed);
    for (const auto& [subresource, patch] :
         {std::pair("status", patches.status), std::pair("", patches.object)}) {
      if (patch.is_null()) continue;
      const auto patched = api_.patch(kube::kIps, key, subresource, patch, {});
      if (!patched && !isRefusal(patched.error())) return tl::make_unexpected(patched.error());
    }
    return asking;
  }

  Result<Asking> operator()(const ForgeRecord& deed) const {
    const kube::ObjectKey key = serviceKey(deed.service);
    const auto service = api_.get(kube::kServices, key, {});
    const std::string uid =
        service ? service->at("metadata").at("uid").get<std::string>() : std::string();
    const auto made = api_.create(kube::kIps, key.ns, forgedRecord(deed, uid), {});
    const bool ok = made || made.error().code == ErrorCode::kAlreadyExists;
    if (!ok && !isRefusal(made.error())) return tl::make_unexpected(made.error());
    return service && !isRecorded(*service) ? Asking{key} : Asking{};
  }

  template <class OperatorOnly>
  Result<Asking> operator()(const OperatorOnly& /*deed*/) const {
    return Asking{};
  }

 private:
  [[nodiscard]] Result<Asking> remove(const kube::Resource& resource, const kube::ObjectKey& key,
                                      Asking asking) const {
    const auto removed = ignore(api_.remove(resource, key, "", {}), ErrorCode::kNotFound);
    if (!removed) return tl::make_unexpected(removed.error());
    return asking;
  }

  [[nodiscard]] std::vector<json> all(const kube::Resource& resource) const {
    std::vector<json> objects;
    (void)api_.list(resource, {},
                    [&](const json& object) {
                      if (isOfHistories(keyOf(object).ns)) objects.push_back(object);
                    },
                    {});
    return objects;
  }

  // By itself or with its namespace: nobody repairs it, so who tampers has the last word.
  [[nodiscard]] bool goes(const json& object) const {
    const auto isDeleted = [](const json& it) {
      return it.at("metadata").contains("deletionTimestamp");
    };
    const auto ns = api_.get(kube::kNamespaces, {"", keyOf(object).ns}, {});
    return isDeleted(object) || !ns || isDeleted(*ns);
  }

  // IP objects prove that it was given all that it shows.
  [[nodiscard]] bool isRecorded(const json& service) const {
    const json& uid = service.at("metadata").at("uid");
    Addresses proven;
    for (const json& ip : all(kube::kIps)) {
      const json& meta = ip.at("metadata");
      const json owners = meta.value("ownerReferences", json::array());
      if (owners.empty() || owners.front().value("uid", json()) != uid ||
          meta.contains("deletionTimestamp") ||
          ip.value(json::json_pointer("/status/phase"), "") != "Bound") {
        continue;
      }
      if (const auto address = IpAddress::parse(ip["spec"].value("address", ""))) {
        proven.insert(*address);
      }
    }
    const Addresses shown = shownBy(model::decodeService(service).value());
    return !proven.empty() &&
           std::includes(proven.begin(), proven.end(), shown.begin(), shown.end());
  }

  // Nothing else proves that the Service that owns it was given the address.
  [[nodiscard]] Asking losersOf(const json& record) const {
    Asking losers;
    for (const json& owner : record["metadata"].value("ownerReferences", json::array())) {
      const kube::ObjectKey key{keyOf(record).ns, owner.at("name").get<std::string>()};
      const auto found = api_.get(kube::kServices, key, {});
      if (!found) continue;
      const model::Service service = model::decodeService(*found).value();
      const auto* const condition = assignedCondition(service);
      const auto address = IpAddress::parse(record["spec"].value("address", ""));
      const bool shown = condition != nullptr && condition->status == "True" && address &&
                         shownBy(service).contains(*address);
      if (!shown) losers.insert(key);
    }
    return losers;
  }

  // Services that name the reservation: what it holds is what they ask for.
  [[nodiscard]] Asking usersOf(const kube::ObjectKey& reservation) const {
    Asking users;
    (void)api_.list(kube::kServices, {reservation.ns, "", ""},
                    [&](const json& object) {
                      const json annotations =
                          object.at("metadata").value("annotations", json::object());
                      if (annotations.value("barevip.dev/ip", "") == reservation.name) {
                        users.insert(keyOf(object));
                      }
                    },
                    {});
    return users;
  }

  kube::Api& api_;
};

}  // namespace

Result<void> prepareCluster(kube::Api& api) {
  for (const std::string& name : allNamespaces()) {
    const auto made = createOrPatch(
        api, kube::kNamespaces,
        {{"apiVersion", "v1"}, {"kind", "Namespace"}, {"metadata", {{"name", name}}}});
    if (!made) return tl::make_unexpected(made.error());
  }
  return {};
}

Result<void> letGo(kube::Api& api, const kube::Resource& resource, const kube::ObjectKey& key) {
  return setFinalizers(api, resource, key, nullptr);
}

Result<std::set<kube::ObjectKey>> play(kube::Api& api, const Deed& deed) {
  return std::visit(Player(api), deed);
}

}  // namespace barevip::history
