// SPDX-License-Identifier: Apache-2.0
#include "common/model/ip_claim_json.h"

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

#include "common/model/meta_json.h"

namespace barevip::model {
namespace {

using nlohmann::json;

// In a merge patch null removes what is there.
json textOrNull(const std::string& text) { return text.empty() ? json() : json(text); }

void putText(json& object, const char* name, const std::string& text) {
  if (!text.empty()) object[name] = text;
}

}  // namespace

Result<IpClaim> decodeIpClaim(const json& object) {
  auto meta = decodeMeta(object, "IP", true);
  if (!meta) return tl::make_unexpected(std::move(meta.error()));
  const json& spec = memberOf(object, "spec");
  const json& status = memberOf(object, "status");
  IpClaim claim;
  claim.key = std::move(meta->key);
  claim.uid = std::move(meta->uid);
  claim.resourceVersion = std::move(meta->resourceVersion);
  claim.creationSeconds = meta->creationSeconds;
  claim.deleting = meta->deleting;
  claim.labels = std::move(meta->labels);
  const auto owner = std::find_if(
      meta->ownerReferences.begin(), meta->ownerReferences.end(),
      [](const OwnerReference& each) { return each.kind == "Service" && each.apiVersion == "v1"; });
  if (owner != meta->ownerReferences.end()) claim.serviceOwner = std::move(*owner);
  claim.spec = {stringAt(spec, "pool"), stringAt(spec, "address"), stringAt(spec, "family"),
                stringAt(spec, "shareKey")};
  claim.status = {stringAt(status, "phase"),  stringAt(status, "address"), stringAt(status, "pool"),
                  stringsAt(status, "ports"), stringAt(status, "service"), stringAt(status, "node"),
                  conditionsAt(status)};
  return claim;
}

json encodeIpClaim(const IpClaim& claim) {
  json metadata = {{"name", claim.key.name}, {"namespace", claim.key.ns}};
  if (!claim.labels.empty()) metadata["labels"] = claim.labels;
  if (claim.serviceOwner) {
    metadata["ownerReferences"] = json::array({encodeOwner(*claim.serviceOwner, true)});
  }
  json spec = json::object();
  putText(spec, "pool", claim.spec.pool);
  putText(spec, "address", claim.spec.address);
  putText(spec, "family", claim.spec.family);
  putText(spec, "shareKey", claim.spec.shareKey);
  return {{"apiVersion", kube::kIps.apiVersion()},
          {"kind", std::string(kube::kIps.kind)},
          {"metadata", std::move(metadata)},
          {"spec", std::move(spec)}};
}

json shareKeyPatch(const std::string& shareKey, const std::string& resourceVersion) {
  return {{"metadata", {{"resourceVersion", resourceVersion}}},
          {"spec", {{"shareKey", textOrNull(shareKey)}}}};
}

json ipClaimStatusPatch(const IpClaim::Status& status, const std::string& resourceVersion,
                        WallTime now) {
  return {{"metadata", {{"resourceVersion", resourceVersion}}},
          {"status",
           {{"phase", textOrNull(status.phase)},
            {"address", textOrNull(status.address)},
            {"pool", textOrNull(status.pool)},
            {"ports", status.ports.empty() ? json() : json(status.ports)},
            {"service", textOrNull(status.service)},
            {"conditions", encodeConditions(status.conditions, now)}}}};
}

}  // namespace barevip::model
