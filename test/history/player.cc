// SPDX-License-Identifier: Apache-2.0
#include "history/player.h"

#include <string>
#include <utility>

#include <nlohmann/json.hpp>

#include "common/model/service_json.h"
#include "history/names.h"
#include "history/objects.h"

namespace barevip::history {
namespace {

using nlohmann::json;
using Asking = std::set<kube::ObjectKey>;

kube::ObjectKey keyOf(const json& object) {
  const json& meta = object.at("metadata");
  return {meta.value("namespace", ""), meta.at("name")};
}

Result<void> ignore(const Result<void>& result, ErrorCode code) {
  if (!result && result.error().code != code) return result;
  return {};
}

Result<json> createOrPatch(kube::Api& api, const kube::Resource& resource, const json& patch) {
  const kube::ObjectKey key = keyOf(patch);
  json object = json::object();
  object.merge_patch(patch);  // without the nulls
  auto created = api.create(resource, key.ns, object, {});
  if (created || created.error().code != ErrorCode::kAlreadyExists) return created;
  return api.patch(resource, key, "", patch, {});
}

// What the allocation depends on.
bool asksTheSame(const model::Service& a, const model::Service& b) {
  return a.uid == b.uid && a.type == b.type && a.loadBalancerClass == b.loadBalancerClass &&
         a.annotations == b.annotations && a.loadBalancerIp == b.loadBalancerIp &&
         a.ipFamilies == b.ipFamilies && a.ipFamilyPolicy == b.ipFamilyPolicy;
}

class Player {
 public:
  explicit Player(kube::Api& api) : api_(api) {}

  Result<Asking> operator()(const PutPool& deed) const {
    const auto done = createOrPatch(api_, kube::kPools, poolObject(deed));
    if (!done && done.error().code != ErrorCode::kInvalid) {
      return tl::make_unexpected(done.error());
    }
    return Asking{};
  }

  Result<Asking> operator()(const DeletePool& deed) const {
    return remove(kube::kPools, {"", kPoolNames.at(deed.name % kPoolNames.size())}, {});
  }

  Result<Asking> operator()(const PutService& deed) const {
    const kube::ObjectKey key = serviceKey(deed.service);
    if (deed.anew) {
      const auto removed = remove(kube::kServices, key, {});
      if (!removed) return removed;
    }
    const auto before = api_.get(kube::kServices, key, {});
    const auto after = createOrPatch(api_, kube::kServices, serviceObject(deed));
    if (!after) {
      if (after.error().code == ErrorCode::kInvalid) return Asking{};
      return tl::make_unexpected(after.error());
    }
    const bool same = before && asksTheSame(model::decodeService(*before).value(),
                                            model::decodeService(*after).value());
    return same ? Asking{} : Asking{key};
  }

  Result<Asking> operator()(const DeleteService& deed) const {
    return remove(kube::kServices, serviceKey(deed.service), {});
  }

  Result<Asking> operator()(const PutReservation& deed) const {
    const kube::ObjectKey key = reservationKey(deed.reservation);
    auto asking = remove(kube::kIps, key, usersOf(key));
    if (!asking) return asking;
    const auto made = createOrPatch(api_, kube::kIps, reservationObject(deed));
    if (!made && made.error().code != ErrorCode::kInvalid) {
      return tl::make_unexpected(made.error());
    }
    return asking;
  }

  Result<Asking> operator()(const DeleteReservation& deed) const {
    const kube::ObjectKey key = reservationKey(deed.reservation);
    return remove(kube::kIps, key, usersOf(key));
  }

  Result<Asking> operator()(const LabelNamespace& deed) const {
    const json object = namespaceObject(deed);
    const auto patched = api_.patch(kube::kNamespaces, keyOf(object), "", object, {});
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
    std::vector<kube::ObjectKey> records;
    const auto listed = api_.list(kube::kIps, {},
                                  [&](const json& object) {
                                    if (object.at("metadata").contains("ownerReferences"))
                                      records.push_back(keyOf(object));
                                  },
                                  {});
    if (!listed) return tl::make_unexpected(listed.error());
    if (records.empty()) return Asking{};
    return remove(kube::kIps, records.at(deed.record % records.size()), {});
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

Result<std::set<kube::ObjectKey>> play(kube::Api& api, const Deed& deed) {
  return std::visit(Player(api), deed);
}

}  // namespace barevip::history
