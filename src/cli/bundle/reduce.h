// SPDX-License-Identifier: Apache-2.0
// What of an object may leave a cluster. Pure.
#pragma once

#include <nlohmann/json_fwd.hpp>

namespace barevip::cli {

/// Of any metadata in it: without managedFields, and of the annotations only those of barevip.dev
/// and of Kubernetes itself, but for what kubectl last applied. Values of environment variables are
/// replaced, and every text is redacted().
[[nodiscard]] nlohmann::json reduced(const nlohmann::json& object);

/// The same of a Node: names, labels, addresses, pod networks, taints, conditions and versions.
[[nodiscard]] nlohmann::json reducedNode(const nlohmann::json& node);

/// The same of a CustomResourceDefinition, without its schemas.
[[nodiscard]] nlohmann::json reducedDefinition(const nlohmann::json& definition);

}  // namespace barevip::cli
