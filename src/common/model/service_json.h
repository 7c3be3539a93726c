// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "barevip/base/result.h"
#include "barevip/model/service.h"

namespace barevip::model {

/// core/v1 Service. kInvalid only without name or namespace.
[[nodiscard]] Result<Service> decodeService(const nlohmann::json& object);

/// "TCP", "UDP" or "SCTP"; empty is TCP, the API's default. nullopt: a protocol that no one knows.
[[nodiscard]] std::optional<Protocol> parseProtocol(std::string_view text);

/// "IPv4" or "IPv6".
[[nodiscard]] std::optional<Family> parseFamily(std::string_view text);

}  // namespace barevip::model
