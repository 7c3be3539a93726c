// SPDX-License-Identifier: Apache-2.0
// The kinds that describe nodes: Node, Namespace and Lease.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "barevip/base/result.h"
#include "barevip/model/node.h"

namespace barevip::model {

/// core/v1 Node.
[[nodiscard]] Result<Node> decodeNode(const nlohmann::json& object);

/// core/v1 Namespace.
[[nodiscard]] Result<Namespace> decodeNamespace(const nlohmann::json& object);

/// coordination.k8s.io/v1 Lease.
[[nodiscard]] Result<Lease> decodeLease(const nlohmann::json& object);

/// The whole object, for create and replace. An empty resourceVersion, holder or time is left out;
/// a zero duration too.
[[nodiscard]] nlohmann::json encodeLease(const Lease& lease);

}  // namespace barevip::model
