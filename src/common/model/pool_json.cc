// SPDX-License-Identifier: Apache-2.0
#include "common/model/pool_json.h"

#include <limits>
#include <utility>

#include <nlohmann/json.hpp>

#include "common/model/meta_json.h"

namespace barevip::model {
namespace {

using nlohmann::json;

constexpr std::int32_t kDefaultPriority = 100;

Pool::Announce decodeAnnounce(const json& spec) {
  const json& announce = memberOf(spec, "announce");
  Pool::Announce result;
  const std::string mode = stringAt(announce, "mode");
  if (mode == "BGP") result.mode = AnnounceMode::kBgp;
  if (mode == "None") result.mode = AnnounceMode::kNone;
  result.interfaces = stringsAt(announce, "interfaces");
  result.nodeSelector = labelSelectorAt(announce, "nodeSelector");
  return result;
}

AllowSharing decodeAllowSharing(const json& spec) {
  const std::string text = stringAt(spec, "allowSharing");
  for (const AllowSharing each : {AllowSharing::kCluster, AllowSharing::kNever}) {
    if (text == toString(each)) return each;
  }
  return AllowSharing::kNamespace;
}

Pool::Counts decodeCounts(const json& status, const char* name) {
  const json& counts = memberOf(status, name);
  return {stringAt(counts, "ipv4"), stringAt(counts, "ipv6")};
}

Pool::Status decodeStatus(const json& object) {
  const json& status = memberOf(object, "status");
  return {decodeCounts(status, "capacity"),  decodeCounts(status, "allocated"),
          decodeCounts(status, "available"), stringAt(status, "inUse"),
          stringAt(status, "free"),          conditionsAt(status)};
}

json encodeCounts(const Pool::Counts& counts) {
  return {{"ipv4", counts.ipv4}, {"ipv6", counts.ipv6}};
}

}  // namespace

Result<Pool> decodePool(const json& object) {
  auto meta = decodeMeta(object, "Pool", false);
  if (!meta) return tl::make_unexpected(std::move(meta.error()));
  const json& spec = memberOf(object, "spec");
  Pool pool;
  pool.key = std::move(meta->key);
  pool.uid = std::move(meta->uid);
  pool.resourceVersion = std::move(meta->resourceVersion);
  pool.generation = meta->generation;
  pool.creationSeconds = meta->creationSeconds;
  pool.deleting = meta->deleting;
  pool.finalizers = stringsAt(memberOf(object, "metadata"), "finalizers");
  pool.addresses = stringsAt(spec, "addresses");
  pool.exclude = stringsAt(spec, "exclude");
  pool.avoidBuggyIps = boolAt(spec, "avoidBuggyIPs", false);
  pool.avoidGatewayIps = boolAt(spec, "avoidGatewayIPs", false);
  pool.autoAssign = boolAt(spec, "autoAssign", true);
  using Limits = std::numeric_limits<std::int32_t>;
  pool.priority = static_cast<std::int32_t>(
      integerAt(spec, "priority", Limits::min(), Limits::max(), kDefaultPriority));
  pool.allowSharing = decodeAllowSharing(spec);
  pool.namespaces = stringsAt(spec, "namespaces");
  pool.namespaceSelector = labelSelectorAt(spec, "namespaceSelector");
  pool.serviceSelector = labelSelectorAt(spec, "serviceSelector");
  pool.ignoreNamespaces = stringsAt(spec, "ignoreNamespaces");
  pool.announce = decodeAnnounce(spec);
  pool.status = decodeStatus(object);
  return pool;
}

json poolStatusPatch(const Pool::Status& status, const std::string& resourceVersion, WallTime now) {
  return {{"metadata", {{"resourceVersion", resourceVersion}}},
          {"status",
           {{"capacity", encodeCounts(status.capacity)},
            {"allocated", encodeCounts(status.allocated)},
            {"available", encodeCounts(status.available)},
            {"inUse", status.inUse},
            {"free", status.free},
            {"conditions", encodeConditions(status.conditions, now)}}}};
}

}  // namespace barevip::model
