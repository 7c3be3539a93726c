// SPDX-License-Identifier: Apache-2.0
#include "history/cluster.h"

#include <utility>

#include <nlohmann/json.hpp>

#include "common/model/ip_object_json.h"
#include "common/model/meta_json.h"
#include "common/model/node_json.h"
#include "common/model/pool_json.h"
#include "common/model/service_json.h"
#include "history/history.h"

namespace barevip::history {
namespace {

using nlohmann::json;

template <class T>
Result<void> readAll(kube::Api& api, const kube::Resource& resource,
                     Result<T> (*decode)(const json&), std::vector<T>& objects) {
  Result<void> result;
  const auto listed = api.list(resource, {},
                               [&](const json& object) {
                                 auto decoded = decode(object);
                                 if (decoded) {
                                   objects.push_back(std::move(*decoded));
                                 } else {
                                   result = tl::make_unexpected(decoded.error());
                                 }
                               },
                               {});
  if (!listed) return tl::make_unexpected(listed.error());
  return result;
}

Result<IpTexts> decodeIpTexts(const json& object) {
  const json status = object.value("status", json::object());
  const json& meta = object.at("metadata");
  IpTexts texts;
  texts.key = {meta.at("namespace").get<std::string>(), meta.at("name").get<std::string>()};
  texts.phase = status.value("phase", "");
  texts.service = status.value("service", "");
  texts.services = status.value("services", std::vector<std::string>{});
  texts.generation = meta.value("generation", 0);
  texts.observedGeneration = status.value("observedGeneration", 0);
  texts.deleting = meta.contains("deletionTimestamp");
  texts.conditions = model::conditionsAt(status);
  return texts;
}

}  // namespace

Result<Cluster> readCluster(kube::Api& api) {
  Cluster cluster;
  for (const auto& read :
       {readAll(api, kube::kPools, model::decodePool, cluster.pools),
        readAll(api, kube::kServices, model::decodeService, cluster.services),
        readAll(api, kube::kIps, model::decodeIpObject, cluster.ips),
        readAll(api, kube::kIps, decodeIpTexts, cluster.ipTexts),
        readAll(api, kube::kNamespaces, model::decodeNamespace, cluster.namespaces)}) {
    if (!read) return tl::make_unexpected(read.error());
  }
  return cluster;
}

}  // namespace barevip::history
