// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include <nlohmann/json.hpp>

#include "assigner/api_writes.h"
#include "common/model/ip_claim_json.h"
#include "common/model/meta_json.h"

namespace barevip::assigner {
namespace {

using nlohmann::json;

json encodeIngress(const std::vector<model::LoadBalancerIngress>& ingress) {
  if (ingress.empty()) return nullptr;
  json result = json::array();
  for (const model::LoadBalancerIngress& entry : ingress) {
    json encoded = json::object();
    if (!entry.ip.empty()) encoded["ip"] = entry.ip;
    if (!entry.hostname.empty()) encoded["hostname"] = entry.hostname;
    if (!entry.ipMode.empty()) encoded["ipMode"] = entry.ipMode;
    result.push_back(std::move(encoded));
  }
  return result;
}

Result<model::IpClaim> decoded(Result<json> answer) {
  if (!answer) return tl::make_unexpected(std::move(answer.error()));
  return model::decodeIpClaim(*answer);
}

}  // namespace

Result<model::IpClaim> createClaim(kube::Api& api, const model::IpClaim& claim,
                                   const std::stop_token& stop) {
  auto created = decoded(api.create(kube::kIps, claim.key.ns, model::encodeIpClaim(claim), stop));
  if (!created && created.error().code == ErrorCode::kNotFound) {
    created.error().code = ErrorCode::kUnsupported;
    created.error().message +=
        " (apply the CustomResourceDefinition of barevip's IP objects, ips.barevip.dev, if it is "
        "missing)";
  }
  return created;
}

Result<model::IpClaim> readClaim(kube::Api& api, const kube::ObjectKey& key,
                                 const std::stop_token& stop) {
  return decoded(api.get(kube::kIps, key, stop));
}

Result<void> patchShareKey(kube::Api& api, const model::IpClaim& seen, const std::string& shareKey,
                           const std::stop_token& stop) {
  const auto patched = api.patch(kube::kIps, seen.key, "",
                                 model::shareKeyPatch(shareKey, seen.resourceVersion), stop);
  if (!patched) return tl::make_unexpected(patched.error());
  return {};
}

Result<void> removeClaim(kube::Api& api, const kube::ObjectKey& key, const std::string& uid,
                         const std::stop_token& stop) {
  auto removed = api.remove(kube::kIps, key, uid, stop);
  if (!removed && removed.error().code == ErrorCode::kNotFound) return {};
  return removed;
}

Result<void> patchServiceStatus(kube::Api& api, const model::Service& seen,
                                const std::vector<model::LoadBalancerIngress>& ingress,
                                const model::Conditions& conditions, WallTime now,
                                const std::stop_token& stop) {
  const json patch = {
      {"metadata", {{"resourceVersion", seen.resourceVersion}}},
      {"status",
       {{"loadBalancer", {{"ingress", encodeIngress(ingress)}}},
        {"conditions", conditions.empty() ? json() : model::encodeConditions(conditions, now)}}}};
  const auto patched = api.patch(kube::kServices, seen.key, "status", patch, stop);
  if (!patched) return tl::make_unexpected(patched.error());
  return {};
}

}  // namespace barevip::assigner
