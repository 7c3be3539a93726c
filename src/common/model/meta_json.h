// SPDX-License-Identifier: Apache-2.0
// What the decoders of all kinds share. The readers never throw: a field that is missing or has
// another type than the API promises reads as empty, because one odd object must not stop the rest.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "barevip/base/clock.h"
#include "barevip/base/result.h"
#include "barevip/model/meta.h"

namespace barevip::model {

/// metav1.ObjectMeta.
struct Meta {
  kube::ObjectKey key;
  std::string uid;
  std::string resourceVersion;
  std::int64_t generation = 0;
  std::int64_t creationSeconds = 0;  ///< since the epoch; 0 if unknown
  bool deleting = false;
  std::vector<OwnerReference> ownerReferences;
};

/// The metadata of an object, without labels and annotations: those that may be many are decoded
/// by who needs them. kInvalid, naming the kind, if it has no name or, for a namespaced
/// kind, no namespace: such an object cannot be stored.
[[nodiscard]] Result<Meta> decodeMeta(const nlohmann::json& object, std::string_view kind,
                                      bool namespaced);

[[nodiscard]] StringMap labelsOf(const nlohmann::json& object);
[[nodiscard]] StringMap annotationsOf(const nlohmann::json& object);
/// Of one label or annotation; empty if it is not there.
[[nodiscard]] std::string labelOf(const nlohmann::json& object, const char* name);
[[nodiscard]] std::string annotationOf(const nlohmann::json& object, const char* name);

/// The member of that name, or null. The reference lives as long as `object`.
[[nodiscard]] const nlohmann::json& memberOf(const nlohmann::json& object, const char* name);

[[nodiscard]] std::string stringAt(const nlohmann::json& object, const char* name);
[[nodiscard]] bool boolAt(const nlohmann::json& object, const char* name, bool fallback);

/// The fallback also if the number is not an integer or outside [min, max].
[[nodiscard]] std::int64_t integerAt(const nlohmann::json& object, const char* name,
                                     std::int64_t min, std::int64_t max, std::int64_t fallback);

/// The list; an empty one if there is none.
[[nodiscard]] const nlohmann::json& listAt(const nlohmann::json& object, const char* name);

/// The strings of a list; other elements are left out.
[[nodiscard]] std::vector<std::string> stringsAt(const nlohmann::json& object, const char* name);

/// The string values of a map; other values are left out.
[[nodiscard]] StringMap stringMapAt(const nlohmann::json& object, const char* name);

/// nullopt if there is no such member; present but empty is a selector that matches everything.
[[nodiscard]] std::optional<LabelSelector> labelSelectorAt(const nlohmann::json& object,
                                                           const char* name);

/// The member `conditions` of a status.
[[nodiscard]] Conditions conditionsAt(const nlohmann::json& status);

/// The list for a status patch. lastTransitionTime is `now` where it is not given: the API requires
/// it.
[[nodiscard]] nlohmann::json encodeConditions(const Conditions& conditions, WallTime now);

[[nodiscard]] nlohmann::json encodeOwner(const OwnerReference& owner, bool controller);

}  // namespace barevip::model
