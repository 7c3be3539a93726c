// SPDX-License-Identifier: Apache-2.0
#include "common/model/node_json.h"

#include <limits>
#include <string>
#include <utility>

#include <nlohmann/json.hpp>

#include "common/model/meta_json.h"

namespace barevip::model {
namespace {

using nlohmann::json;

constexpr std::int64_t kMaxInt32 = std::numeric_limits<std::int32_t>::max();

std::vector<IpAddress> decodeAddresses(const json& status, const char* type) {
  std::vector<IpAddress> result;
  const json& addresses = memberOf(status, "addresses");
  if (!addresses.is_array()) return result;
  for (const json& address : addresses) {
    if (stringAt(address, "type") != type) continue;
    if (const auto parsed = IpAddress::parse(stringAt(address, "address"))) {
      result.push_back(*parsed);
    }
  }
  return result;
}

// Who may create namespaces must not fill our memory: what exceeds this is not a label for us, so
// that no selector matches it.
constexpr std::size_t kMaxNamespaceLabels = 1024;

StringMap decodeLabels(const json& object) {
  const json& labels = memberOf(memberOf(object, "metadata"), "labels");
  return labels.size() > kMaxNamespaceLabels ? StringMap() : labelsOf(object);
}

bool isTrue(const Conditions& conditions, const std::string& type) {
  const Condition* condition = findCondition(conditions, type);
  return condition != nullptr && condition->status == "True";
}

}  // namespace

Result<Node> decodeNode(const json& object) {
  auto meta = decodeMeta(object, "Node", false);
  if (!meta) return tl::make_unexpected(std::move(meta.error()));
  const json& status = memberOf(object, "status");
  const Conditions conditions = conditionsAt(status);
  Node node;
  node.key = std::move(meta->key);
  node.uid = std::move(meta->uid);
  node.labels = labelsOf(object);
  node.internalIps = decodeAddresses(status, "InternalIP");
  node.externalIps = decodeAddresses(status, "ExternalIP");
  for (const std::string& text : stringsAt(memberOf(object, "spec"), "podCIDRs")) {
    if (const auto range = IpRange::parse(text)) node.podRanges.push_back(*range);
  }
  node.ready = isTrue(conditions, "Ready");
  node.networkUnavailable = isTrue(conditions, "NetworkUnavailable");
  node.unschedulable = boolAt(memberOf(object, "spec"), "unschedulable", false);
  return node;
}

Result<Namespace> decodeNamespace(const json& object) {
  auto meta = decodeMeta(object, "Namespace", false);
  if (!meta) return tl::make_unexpected(std::move(meta.error()));
  return Namespace{std::move(meta->key), std::move(meta->resourceVersion), decodeLabels(object),
                   meta->deleting};
}

Result<Lease> decodeLease(const json& object) {
  auto meta = decodeMeta(object, "Lease", true);
  if (!meta) return tl::make_unexpected(std::move(meta.error()));
  const json& spec = memberOf(object, "spec");
  Lease lease;
  lease.key = std::move(meta->key);
  lease.resourceVersion = std::move(meta->resourceVersion);
  lease.labels = labelsOf(object);
  lease.annotations = annotationsOf(object);
  lease.holder = stringAt(spec, "holderIdentity");
  lease.durationSeconds =
      static_cast<std::int32_t>(integerAt(spec, "leaseDurationSeconds", 0, kMaxInt32, 0));
  lease.renewTime = stringAt(spec, "renewTime");
  lease.acquireTime = stringAt(spec, "acquireTime");
  lease.transitions =
      static_cast<std::int32_t>(integerAt(spec, "leaseTransitions", 0, kMaxInt32, 0));
  return lease;
}

json encodeLease(const Lease& lease) {
  json meta = {{"name", lease.key.name}, {"namespace", lease.key.ns}};
  if (!lease.resourceVersion.empty()) meta["resourceVersion"] = lease.resourceVersion;
  if (!lease.labels.empty()) meta["labels"] = lease.labels;
  if (!lease.annotations.empty()) meta["annotations"] = lease.annotations;
  json spec = {{"leaseTransitions", lease.transitions}};
  if (!lease.holder.empty()) spec["holderIdentity"] = lease.holder;
  if (lease.durationSeconds > 0) spec["leaseDurationSeconds"] = lease.durationSeconds;
  if (!lease.renewTime.empty()) spec["renewTime"] = lease.renewTime;
  if (!lease.acquireTime.empty()) spec["acquireTime"] = lease.acquireTime;
  return {{"apiVersion", "coordination.k8s.io/v1"},
          {"kind", "Lease"},
          {"metadata", std::move(meta)},
          {"spec", std::move(spec)}};
}

}  // namespace barevip::model
