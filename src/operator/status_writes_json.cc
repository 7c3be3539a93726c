// SPDX-License-Identifier: Apache-2.0
#include <functional>
#include <utility>

#include <nlohmann/json.hpp>

#include "common/model/ip_claim_json.h"
#include "common/model/pool_json.h"
#include "operator/status_writes.h"

namespace barevip::controlplane {
namespace {

using nlohmann::json;

Result<void> patchStatus(kube::Api& api, const kube::Resource& resource, const kube::ObjectKey& key,
                         const json& patch, const std::stop_token& stop) {
  const auto patched = api.patch(resource, key, "status", patch, stop);
  if (!patched) return tl::make_unexpected(patched.error());
  return {};
}

template <class T>
Result<std::vector<T>> listAll(kube::Api& api, const kube::Resource& resource,
                               const std::function<Result<T>(const json&)>& decode,
                               const std::stop_token& stop) {
  std::vector<T> objects;
  const auto listed = api.list(
      resource, {},
      [&](const json& object) {
        auto decoded = decode(object);
        if (decoded) objects.push_back(std::move(*decoded));
      },
      stop);
  if (!listed) return tl::make_unexpected(listed.error());
  return objects;
}

}  // namespace

Result<void> patchPoolStatus(kube::Api& api, const model::Pool& seen,
                             const model::Pool::Status& status, WallTime now,
                             const std::stop_token& stop) {
  return patchStatus(api, kube::kPools, seen.key,
                     model::poolStatusPatch(status, seen.resourceVersion, now), stop);
}

Result<model::Pool> patchPoolFinalizers(kube::Api& api, const model::Pool& seen,
                                        const std::vector<std::string>& finalizers,
                                        const std::stop_token& stop) {
  const json patch = {
      {"metadata", {{"resourceVersion", seen.resourceVersion}, {"finalizers", finalizers}}}};
  const auto patched = api.patch(kube::kPools, seen.key, "", patch, stop);
  if (!patched) return tl::make_unexpected(patched.error());
  return model::decodePool(*patched);
}

Result<void> patchClaimStatus(kube::Api& api, const model::IpClaim& seen,
                              const model::IpClaim::Status& status, WallTime now,
                              const std::stop_token& stop) {
  return patchStatus(api, kube::kIps, seen.key,
                     model::ipClaimStatusPatch(status, seen.resourceVersion, now), stop);
}

Result<std::vector<model::Pool>> listPools(kube::Api& api, const std::stop_token& stop) {
  return listAll<model::Pool>(api, kube::kPools, model::decodePool, stop);
}

Result<std::vector<model::IpClaim>> listClaims(kube::Api& api, const std::stop_token& stop) {
  return listAll<model::IpClaim>(api, kube::kIps, model::decodeIpClaim, stop);
}

Result<std::vector<model::Service>> listServices(kube::Api& api, const ServiceDecoder& decode,
                                                 const std::stop_token& stop) {
  return listAll<model::Service>(api, kube::kServices, decode, stop);
}

}  // namespace barevip::controlplane
