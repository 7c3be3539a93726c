// SPDX-License-Identifier: Apache-2.0
#include <functional>
#include <type_traits>
#include <utility>

#include <nlohmann/json.hpp>

#include "common/model/node_json.h"
#include "common/model/pool_json.h"
#include "operator/session/claim_sink.h"
#include "operator/session/lists.h"

namespace barevip::controlplane {
namespace {

using nlohmann::json;

// keep makes of a decoded object what the list has of it.
template <class T, class Keep>
auto listAll(kube::Api& api, const kube::Resource& resource,
             const std::function<Result<T>(const json&)>& decode, const Keep& keep,
             const std::stop_token& stop)
    -> Result<std::vector<std::invoke_result_t<const Keep&, T>>> {
  std::vector<std::invoke_result_t<const Keep&, T>> objects;
  const auto listed = api.list(
      resource, {},
      [&](const json& object) {
        auto decoded = decode(object);
        if (decoded) objects.push_back(keep(std::move(*decoded)));
      },
      stop);
  if (!listed) return tl::make_unexpected(listed.error());
  return objects;
}

// As it is.
template <class T>
Result<std::vector<T>> listAll(kube::Api& api, const kube::Resource& resource,
                               Result<T> (*decode)(const json&), const std::stop_token& stop) {
  return listAll<T>(
      api, resource, decode, [](T object) { return object; }, stop);
}

}  // namespace

Result<std::vector<model::Pool>> listPools(kube::Api& api, const std::stop_token& stop) {
  return listAll<model::Pool>(api, kube::kPools, model::decodePool, stop);
}

Result<std::vector<model::Namespace>> listNamespaces(kube::Api& api, const std::stop_token& stop) {
  return listAll<model::Namespace>(api, kube::kNamespaces, model::decodeNamespace, stop);
}

Result<std::vector<kube::Store<model::IpClaim>::Ptr>> listClaims(
    kube::Api& api, const kube::Store<model::IpClaim>& known, const std::stop_token& stop) {
  kube::Store<model::IpClaim> found;
  ClaimSink sink(found, known);
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
  return listAll<model::Service>(
      api, kube::kServices, decode,
      [&](model::Service service) { return known.shared(std::move(service)); }, stop);
}

}  // namespace barevip::controlplane
