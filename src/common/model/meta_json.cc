// SPDX-License-Identifier: Apache-2.0
#include "common/model/meta_json.h"

#include <limits>

#include <nlohmann/json.hpp>

#include "common/base/rfc3339.h"

namespace barevip::model {
namespace {

using nlohmann::json;

LabelSelector decodeSelector(const json& selector) {
  LabelSelector result;
  result.matchLabels = stringMapAt(selector, "matchLabels");
  const json& expressions = memberOf(selector, "matchExpressions");
  if (!expressions.is_array()) return result;
  for (const json& expression : expressions) {
    result.matchExpressions.push_back({stringAt(expression, "key"),
                                       stringAt(expression, "operator"),
                                       stringsAt(expression, "values")});
  }
  return result;
}

// 0: there is none, or nobody can read it.
std::int64_t secondsAt(const json& object, const char* name) {
  const auto time = parseRfc3339(stringAt(object, name));
  return time ? secondsSinceEpoch(*time) : 0;
}

std::vector<OwnerReference> decodeOwners(const json& meta) {
  std::vector<OwnerReference> result;
  const json& owners = memberOf(meta, "ownerReferences");
  if (!owners.is_array()) return result;
  for (const json& owner : owners) {
    result.push_back({stringAt(owner, "apiVersion"), stringAt(owner, "kind"),
                      stringAt(owner, "name"), stringAt(owner, "uid")});
  }
  return result;
}

}  // namespace

Result<Meta> decodeMeta(const json& object, std::string_view kind, bool namespaced) {
  const json& meta = memberOf(object, "metadata");
  Meta result;
  result.key = {stringAt(meta, "namespace"), stringAt(meta, "name")};
  if (result.key.name.empty()) {
    return fail(ErrorCode::kInvalid, "the API server sent an object of kind " + std::string(kind) +
                                         " without metadata.name; it is left out");
  }
  if (namespaced && result.key.ns.empty()) {
    return fail(ErrorCode::kInvalid, "the API server sent the " + std::string(kind) + " \"" +
                                         result.key.name +
                                         "\" without metadata.namespace; it is left out");
  }
  if (!namespaced) result.key.ns.clear();
  constexpr auto kMax = std::numeric_limits<std::int64_t>::max();
  result.uid = stringAt(meta, "uid");
  result.resourceVersion = stringAt(meta, "resourceVersion");
  result.generation = integerAt(meta, "generation", 0, kMax, 0);
  result.creationSeconds = secondsAt(meta, "creationTimestamp");
  result.deleting = !memberOf(meta, "deletionTimestamp").is_null();
  result.ownerReferences = decodeOwners(meta);
  return result;
}

StringMap labelsOf(const json& object) {
  return stringMapAt(memberOf(object, "metadata"), "labels");
}

StringMap annotationsOf(const json& object) {
  return stringMapAt(memberOf(object, "metadata"), "annotations");
}

std::string labelOf(const json& object, const char* name) {
  return stringAt(memberOf(memberOf(object, "metadata"), "labels"), name);
}

std::string annotationOf(const json& object, const char* name) {
  return stringAt(memberOf(memberOf(object, "metadata"), "annotations"), name);
}

const json& memberOf(const json& object, const char* name) {
  static const json kNull;
  if (!object.is_object()) return kNull;
  const auto it = object.find(name);
  return it == object.end() ? kNull : *it;
}

std::string stringAt(const json& object, const char* name) {
  const json& value = memberOf(object, name);
  return value.is_string() ? value.get_ref<const std::string&>() : std::string();
}

bool boolAt(const json& object, const char* name, bool fallback) {
  const json& value = memberOf(object, name);
  return value.is_boolean() ? value.get<bool>() : fallback;
}

std::int64_t integerAt(const json& object, const char* name, std::int64_t min, std::int64_t max,
                       std::int64_t fallback) {
  const json& value = memberOf(object, name);
  std::int64_t number = 0;
  if (value.is_number_unsigned()) {
    const auto raw = value.get<std::uint64_t>();
    if (raw > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) return fallback;
    number = static_cast<std::int64_t>(raw);
  } else if (value.is_number_integer()) {
    number = value.get<std::int64_t>();
  } else {
    return fallback;
  }
  return number < min || number > max ? fallback : number;
}

const json& listAt(const json& object, const char* name) {
  static const json kNone = json::array();
  const json& list = memberOf(object, name);
  return list.is_array() ? list : kNone;
}

std::vector<std::string> stringsAt(const json& object, const char* name) {
  std::vector<std::string> result;
  for (const json& value : listAt(object, name)) {
    if (value.is_string()) result.push_back(value.get_ref<const std::string&>());
  }
  return result;
}

StringMap stringMapAt(const json& object, const char* name) {
  StringMap result;
  const json& values = memberOf(object, name);
  if (!values.is_object()) return result;
  for (const auto& [key, value] : values.items()) {
    if (value.is_string()) result.emplace(key, value.get_ref<const std::string&>());
  }
  return result;
}

std::optional<LabelSelector> labelSelectorAt(const json& object, const char* name) {
  const json& selector = memberOf(object, name);
  if (!selector.is_object()) return std::nullopt;
  return decodeSelector(selector);
}

Conditions conditionsAt(const json& status) {
  Conditions result;
  const json& conditions = memberOf(status, "conditions");
  if (!conditions.is_array()) return result;
  result.reserve(conditions.size());
  for (const json& condition : conditions) {
    result.push_back(
        {stringAt(condition, "type"), stringAt(condition, "status"), stringAt(condition, "reason"),
         stringAt(condition, "message"),
         integerAt(condition, "observedGeneration", 0, std::numeric_limits<std::int64_t>::max(), 0),
         secondsAt(condition, "lastTransitionTime")});
  }
  return result;
}

json encodeConditions(const Conditions& conditions, WallTime now) {
  json result = json::array();
  for (const Condition& condition : conditions) {
    json encoded = {{"type", condition.type},
                    {"status", condition.status},
                    {"reason", condition.reason},
                    {"message", condition.message},
                    {"lastTransitionTime",
                     formatSeconds(condition.lastTransition == 0
                                       ? now
                                       : fromSecondsSinceEpoch(condition.lastTransition))}};
    if (condition.observedGeneration > 0) {
      encoded["observedGeneration"] = condition.observedGeneration;
    }
    result.push_back(std::move(encoded));
  }
  return result;
}

json encodeOwner(const OwnerReference& owner, bool controller) {
  json result = {{"apiVersion", owner.apiVersion},
                 {"kind", owner.kind},
                 {"name", owner.name},
                 {"uid", owner.uid}};
  if (controller) result["controller"] = true;
  return result;
}

}  // namespace barevip::model
