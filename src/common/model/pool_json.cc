// SPDX-License-Identifier: Apache-2.0
#include "common/model/pool_json.h"

#include <charconv>
#include <limits>
#include <string_view>
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

// "90s", "5m", "1h" or "0", as the schema has it.
std::chrono::seconds decodeReuseDelay(const json& spec) {
  const std::string text = stringAt(spec, "reuseDelay");
  std::int64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [unit, error] = std::from_chars(text.data(), end, number);
  constexpr std::int64_t kMax = 1'000'000;
  if (error != std::errc() || number < 0 || number > kMax) return Pool().reuseDelay;
  const std::string_view rest(unit, static_cast<std::size_t>(end - unit));
  if (rest == "s" || (rest.empty() && number == 0)) return std::chrono::seconds(number);
  if (rest == "m") return std::chrono::minutes(number);
  if (rest == "h") return std::chrono::hours(number);
  return Pool().reuseDelay;
}

Pool::Counts decodeCounts(const json& status, const char* name) {
  const json& counts = memberOf(status, name);
  return {stringAt(counts, "ipv4"), stringAt(counts, "ipv6")};
}

Pool::Status decodeStatus(const json& object) {
  const json& status = memberOf(object, "status");
  const std::int64_t generation =
      integerAt(status, "observedGeneration", 0, std::numeric_limits<std::int64_t>::max(), 0);
  return {decodeCounts(status, "capacity"),
          decodeCounts(status, "allocated"),
          decodeCounts(status, "available"),
          stringAt(status, "inUse"),
          stringAt(status, "free"),
          generation,
          conditionsAt(status)};
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
  pool.allowFirstLast = boolAt(spec, "allowFirstLast", false);
  pool.autoAssign = boolAt(spec, "autoAssign", true);
  using Limits = std::numeric_limits<std::int32_t>;
  pool.priority = static_cast<std::int32_t>(
      integerAt(spec, "priority", Limits::min(), Limits::max(), kDefaultPriority));
  pool.allowSharing = decodeAllowSharing(spec);
  pool.namespaces = stringsAt(spec, "namespaces");
  pool.namespaceSelector = labelSelectorAt(spec, "namespaceSelector");
  pool.serviceSelector = labelSelectorAt(spec, "serviceSelector");
  pool.ignoreNamespaces = stringsAt(spec, "ignoreNamespaces");
  pool.allowReservations = boolAt(spec, "allowReservations", false);
  pool.maxPerNamespace =
      static_cast<std::uint32_t>(integerAt(spec, "maxPerNamespace", 0, Limits::max(), 0));
  pool.reuseDelay = decodeReuseDelay(spec);
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
            {"observedGeneration", status.observedGeneration},
            {"conditions", encodeConditions(status.conditions, now)}}}};
}

}  // namespace barevip::model
