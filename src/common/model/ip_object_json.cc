// SPDX-License-Identifier: Apache-2.0
#include "common/model/ip_object_json.h"

#include <algorithm>
#include <limits>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>

#include "common/model/meta_json.h"

namespace barevip::model {
namespace {

using nlohmann::json;

constexpr const char* kServiceLabel = "barevip.dev/service";
constexpr const char* kClassAnnotation = "barevip.dev/class";
constexpr const char* kReady = "Ready";
constexpr std::string_view kSeparator = ", ";

// In a merge patch null removes what is there.
json textOrNull(const std::string& text) { return text.empty() ? json() : json(text); }

void putText(json& object, const char* name, const std::string& text) {
  if (!text.empty()) object[name] = text;
}

std::string joined(const std::vector<Text>& names) {
  std::string text;
  for (const Text& name : names) {
    if (!text.empty()) text += kSeparator;
    text += name.str();
  }
  return text;
}

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> names;
  while (true) {
    const auto begin = text.find_first_not_of(kSeparator);
    if (begin == std::string_view::npos) return names;
    text.remove_prefix(begin);
    names.emplace_back(text.substr(0, text.find_first_of(kSeparator)));
    text.remove_prefix(names.back().size());
  }
}

std::vector<Text> textsOf(const std::vector<std::string>& texts) {
  return {texts.begin(), texts.end()};
}

// The operator of the release before writes `service` alone and leaves the list as it is: where
// they differ it was the last one to write. The one after this writes the list alone.
void decodeServices(const json& status, IpObject::Status& decoded) {
  decoded.services = textsOf(stringsAt(status, "services"));
  const std::string text = stringAt(status, "service");
  if (text == joined(decoded.services)) return;
  decoded.coherent = false;
  if (!text.empty()) decoded.services = textsOf(split(text));
}

// kstatus, and with it most tools, looks for a condition of this type.
std::optional<Condition> readyCondition(const Conditions& conditions) {
  const Condition* const bound = findCondition(conditions, IpObject::kBound);
  if (bound == nullptr) return std::nullopt;
  Condition ready = *bound;
  ready.type = kReady;
  return ready;
}

void decodeConditions(const json& status, IpObject::Status& decoded) {
  decoded.conditions = conditionsAt(status);
  const auto wanted = readyCondition(decoded.conditions);
  const Condition* const there = findCondition(decoded.conditions, kReady);
  const bool same = wanted && there != nullptr ? *wanted == *there : !wanted && there == nullptr;
  if (!same) decoded.coherent = false;
  std::erase_if(decoded.conditions, [](const Condition& each) { return each.type == kReady; });
  decoded.conditions.shrink_to_fit();
}

IpObject::Status decodeStatus(const json& object) {
  const json& status = memberOf(object, "status");
  IpObject::Status decoded;
  decoded.phase = stringAt(status, "phase");
  decoded.address = stringAt(status, "address");
  decoded.pool = stringAt(status, "pool");
  decoded.ports = textsOf(stringsAt(status, "ports"));
  decodeServices(status, decoded);
  decoded.node = stringAt(status, "node");
  decoded.observedGeneration =
      integerAt(status, "observedGeneration", 0, std::numeric_limits<std::int64_t>::max(), 0);
  decodeConditions(status, decoded);
  return decoded;
}

json listOrNull(const std::vector<Text>& texts) {
  return texts.empty() ? json() : json(std::vector<std::string>(texts.begin(), texts.end()));
}

}  // namespace

Result<IpObject> decodeIpObject(const json& object) {
  auto meta = decodeMeta(object, "IP", true);
  if (!meta) return tl::make_unexpected(std::move(meta.error()));
  const json& spec = memberOf(object, "spec");
  IpObject ipObject;
  ipObject.key = std::move(meta->key);
  ipObject.uid = std::move(meta->uid);
  ipObject.resourceVersion = std::move(meta->resourceVersion);
  ipObject.generation = meta->generation;
  ipObject.creationSeconds = meta->creationSeconds;
  ipObject.deleting = meta->deleting;
  const auto owner = std::find_if(
      meta->ownerReferences.begin(), meta->ownerReferences.end(),
      [](const OwnerReference& each) { return each.kind == "Service" && each.apiVersion == "v1"; });
  if (owner != meta->ownerReferences.end()) ipObject.serviceOwner = std::move(*owner);
  ipObject.servedClass = annotationOf(object, kClassAnnotation);
  ipObject.spec = {stringAt(spec, "pool"), stringAt(spec, "address"), stringAt(spec, "family"),
                   stringAt(spec, "shareKey")};
  ipObject.status = decodeStatus(object);
  return ipObject;
}

json encodeIpObject(const IpObject& ipObject) {
  json metadata = {{"name", ipObject.key.name}, {"namespace", ipObject.key.ns}};
  if (!ipObject.servedClass.empty())
    metadata["annotations"][kClassAnnotation] = ipObject.servedClass;
  if (ipObject.serviceOwner) {
    metadata["labels"][kServiceLabel] = ipObject.serviceOwner->name;
    metadata["ownerReferences"] = json::array({encodeOwner(*ipObject.serviceOwner, true)});
  }
  json spec = json::object();
  putText(spec, "pool", ipObject.spec.pool);
  putText(spec, "address", ipObject.spec.address);
  putText(spec, "family", ipObject.spec.family);
  putText(spec, "shareKey", ipObject.spec.shareKey);
  return {{"apiVersion", kube::kIps.apiVersion()},
          {"kind", std::string(kube::kIps.kind)},
          {"metadata", std::move(metadata)},
          {"spec", std::move(spec)}};
}

json recordPatch(const IpObject& wanted, const std::string& resourceVersion) {
  json patch = {{"metadata", {{"resourceVersion", resourceVersion}}},
                {"spec", {{"shareKey", textOrNull(wanted.spec.shareKey)}}}};
  patch["metadata"]["annotations"][kClassAnnotation] = textOrNull(wanted.servedClass);
  return patch;
}

json ipObjectStatusPatch(const IpObject::Status& status, const std::string& resourceVersion,
                         WallTime now) {
  Conditions conditions = status.conditions;
  if (auto ready = readyCondition(conditions)) conditions.push_back(*std::move(ready));
  return {{"metadata", {{"resourceVersion", resourceVersion}}},
          {"status",
           {{"phase", textOrNull(status.phase)},
            {"address", textOrNull(status.address)},
            {"pool", textOrNull(status.pool)},
            {"ports", listOrNull(status.ports)},
            {"services", listOrNull(status.services)},
            {"service", textOrNull(joined(status.services))},
            {"observedGeneration", status.observedGeneration},
            {"conditions", encodeConditions(conditions, now)}}}};
}

}  // namespace barevip::model
