// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include <nlohmann/json.hpp>

#include "common/model/ip_object_json.h"
#include "common/model/service_json.h"
#include "operator/selftest_objects.h"

namespace barevip::controlplane {

using nlohmann::json;

Result<model::Service> createSelftestService(kube::Api& api, const SelftestOptions& options,
                                             const std::stop_token& stop) {
  json meta = {
      {"name", kSelftestService},
      {"namespace", options.ns},
      {"labels", {{"app.kubernetes.io/name", kSelftestService}, {kSelftestLabel, "true"}}}};
  if (!options.podUid.empty()) {
    meta["ownerReferences"] = json::array(
        {{{"apiVersion", "v1"}, {"kind", "Pod"}, {"name", options.pod}, {"uid", options.podUid}}});
  }
  json spec = {{"type", "LoadBalancer"},
               {"ipFamilyPolicy", "PreferDualStack"},
               {"selector", {{options.labelKey, options.labelValue}}},
               {"ports", json::array({{{"name", "http"},
                                       {"protocol", "TCP"},
                                       {"port", kSelftestPort},
                                       {"targetPort", options.port}}})}};
  if (!options.loadBalancerClass.empty()) spec["loadBalancerClass"] = options.loadBalancerClass;
  const json body = {{"apiVersion", "v1"},
                     {"kind", "Service"},
                     {"metadata", std::move(meta)},
                     {"spec", std::move(spec)}};
  const auto created = api.create(kube::kServices, options.ns, body, stop);
  if (!created) return tl::make_unexpected(created.error());
  return model::decodeService(*created);
}

Result<model::Service> getService(kube::Api& api, const kube::ObjectKey& key,
                                  const std::stop_token& stop) {
  const auto live = api.get(kube::kServices, key, stop);
  if (!live) return tl::make_unexpected(live.error());
  return model::decodeService(*live);
}

Result<std::vector<model::IpObject>> listIpObjectsIn(kube::Api& api, const std::string& ns,
                                                     const std::stop_token& stop) {
  std::vector<model::IpObject> ipObjects;
  const auto listed = api.list(
      kube::kIps, {ns, "", ""},
      [&](const json& object) {
        auto ipObject = model::decodeIpObject(object);
        if (ipObject) ipObjects.push_back(std::move(*ipObject));
      },
      stop);
  if (!listed) return tl::make_unexpected(listed.error());
  return ipObjects;
}

}  // namespace barevip::controlplane
