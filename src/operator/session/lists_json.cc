// SPDX-License-Identifier: Apache-2.0
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "common/kube/list_into.h"
#include "common/model/node_json.h"
#include "common/model/pool_json.h"
#include "operator/session/ip_object_sink.h"
#include "operator/session/lists.h"

namespace barevip::controlplane {
namespace {

using nlohmann::json;

template <class T>
Result<std::vector<T>> listAll(kube::Api& api, const kube::Resource& resource,
                               Result<T> (*decode)(const json&), const std::stop_token& stop) {
  std::vector<T> objects;
  const auto listed = kube::listEach(
      api, resource, {}, decode, [&](T one) { objects.push_back(std::move(one)); }, stop);
  if (!listed) return tl::make_unexpected(listed.error());
  return objects;
}

}  // namespace

Result<std::vector<model::Pool>> listPools(kube::Api& api, const std::stop_token& stop) {
  return listAll(api, kube::kPools, model::decodePool, stop);
}

Result<std::vector<model::Namespace>> listNamespaces(kube::Api& api, const std::stop_token& stop) {
  return listAll(api, kube::kNamespaces, model::decodeNamespace, stop);
}

Result<std::vector<kube::Store<model::IpObject>::Ptr>> listIpObjects(
    kube::Api& api, const kube::Store<model::IpObject>& known, const std::stop_token& stop,
    const ReservationQuota::Exists& exists) {
  kube::Store<model::IpObject> found;
  IpObjectSink sink(found, known, exists);
  sink.listStarted();
  const auto listed = api.list(
      kube::kIps, {}, [&](const json& object) { (void)sink.listed(object); }, stop);
  if (!listed) return tl::make_unexpected(listed.error());
  sink.listFinished();
  return found.all();
}

Result<std::vector<kube::Store<model::Service>::Ptr>> listServices(
    kube::Api& api, const ServiceDecoder& decode, const kube::Store<model::Service>& known,
    const std::stop_token& stop) {
  std::vector<kube::Store<model::Service>::Ptr> services;
  const auto listed = kube::listEach(
      api, kube::kServices, {}, decode,
      [&](model::Service one) { services.push_back(known.shared(std::move(one))); }, stop);
  if (!listed) return tl::make_unexpected(listed.error());
  return services;
}

}  // namespace barevip::controlplane
