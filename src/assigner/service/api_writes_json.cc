// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <string>
#include <utility>

#include <nlohmann/json.hpp>

#include "assigner/service/api_writes.h"
#include "common/model/ip_object_json.h"
#include "common/model/meta_json.h"
#include "common/model/node_json.h"

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

Result<void> patchStatus(kube::Api& api, const model::Service& seen, const json& ingress,
                         const model::Conditions& conditions, WallTime now,
                         const std::stop_token& stop) {
  const json patch = {
      {"metadata", {{"resourceVersion", seen.resourceVersion}}},
      {"status",
       {{"loadBalancer", {{"ingress", ingress}}},
        {"conditions", conditions.empty() ? json() : model::encodeConditions(conditions, now)}}}};
  const auto patched = api.patch(kube::kServices, seen.key, "status", patch, stop);
  if (!patched) return tl::make_unexpected(patched.error());
  return {};
}

Result<model::IpObject> decoded(Result<json> answer) {
  if (!answer) return tl::make_unexpected(std::move(answer.error()));
  return model::decodeIpObject(*answer);
}

}  // namespace

Result<model::IpObject> createIpObject(kube::Api& api, const model::IpObject& ipObject,
                                       const std::stop_token& stop) {
  auto created =
      decoded(api.create(kube::kIps, ipObject.key.ns, model::encodeIpObject(ipObject), stop));
  if (created) return created;
  Error& error = created.error();
  const auto mentions = [&](const char* text) {
    return error.message.find(text) != std::string::npos;
  };
  // In a namespace that goes or went the Service goes, too.
  const bool goes = error.code == ErrorCode::kForbidden && mentions("being terminated");
  const bool went = error.code == ErrorCode::kNotFound && mentions("namespaces \"");
  if (goes || went) {
    error.code = ErrorCode::kNotFound;
  } else if (error.code == ErrorCode::kNotFound) {
    error.code = ErrorCode::kUnsupported;
    error.message +=
        " (apply the CustomResourceDefinition of barevip's IP objects, ips.barevip.dev, if it is "
        "missing)";
  }
  return created;
}

Result<model::IpObject> readIpObject(kube::Api& api, const kube::ObjectKey& key,
                                     const std::stop_token& stop) {
  return decoded(api.get(kube::kIps, key, stop));
}

Result<model::Namespace> readNamespace(kube::Api& api, const std::string& name,
                                       const std::stop_token& stop) {
  auto found = api.get(kube::kNamespaces, {"", name}, stop);
  if (!found) return tl::make_unexpected(std::move(found.error()));
  return model::decodeNamespace(*found);
}

Result<void> patchRecord(kube::Api& api, const model::IpObject& seen, const model::IpObject& wanted,
                         const std::stop_token& stop) {
  const auto patched =
      api.patch(kube::kIps, seen.key, "", model::recordPatch(wanted, seen.resourceVersion), stop);
  if (!patched) return tl::make_unexpected(patched.error());
  return {};
}

Result<void> removeIpObject(kube::Api& api, const kube::ObjectKey& key, const std::string& uid,
                            const std::stop_token& stop) {
  auto removed = api.remove(kube::kIps, key, uid, stop);
  if (!removed && removed.error().code == ErrorCode::kNotFound) return {};
  return removed;
}

Result<void> patchServiceStatus(kube::Api& api, const model::Service& seen,
                                const std::vector<model::LoadBalancerIngress>& ingress,
                                const model::Conditions& conditions, WallTime now,
                                const std::stop_token& stop) {
  return patchStatus(api, seen, encodeIngress(ingress), conditions, now, stop);
}

Result<void> withdrawFromServiceStatus(kube::Api& api, const model::Service& seen,
                                       const std::vector<IpAddress>& addresses,
                                       const model::Conditions& conditions, WallTime now,
                                       const std::stop_token& stop) {
  const auto isGiven = [&](const std::string& ip) {
    const auto address = IpAddress::parse(ip);
    return address && std::find(addresses.begin(), addresses.end(), *address) != addresses.end();
  };
  const bool othersStay =
      !std::all_of(seen.ingress.begin(), seen.ingress.end(),
                   [&](const model::LoadBalancerIngress& each) { return isGiven(each.ip); });
  if (!othersStay) return patchStatus(api, seen, nullptr, conditions, now, stop);
  // A list is replaced as a whole, and what others write there may be more than is decoded.
  static const json::json_pointer kIngress("/status/loadBalancer/ingress");
  json stays = json::array();
  const auto take = [&](const json& live) {
    if (model::stringAt(model::memberOf(live, "metadata"), "name") != seen.key.name) return;
    for (const json& entry : live.value(kIngress, json::array())) {
      if (!isGiven(model::stringAt(entry, "ip"))) stays.push_back(entry);
    }
  };
  // A list of one: the right to list is there for the watch.
  const kube::Selection self{seen.key.ns, "", "metadata.name=" + seen.key.name};
  const auto listed = api.list(kube::kServices, self, take, stop);
  if (!listed) return tl::make_unexpected(listed.error());
  return patchStatus(api, seen, stays, conditions, now, stop);
}

}  // namespace barevip::assigner
