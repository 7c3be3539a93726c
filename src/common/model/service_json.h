// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "barevip/base/result.h"
#include "barevip/model/service.h"

#include "common/model/text_budget.h"

namespace barevip::model {

/// What a program needs of Services. What is left out costs it no memory, whatever stands there.
struct ServiceParts {
  bool labels = true;
  bool selectors = true;
  bool sourceRanges = true;
  /// Of Services of another type their addresses and status are enough.
  bool loadBalancersOnly = false;
  /// How Services without a wish of their own are forwarded.
  ForwardMode forward = ForwardMode::kMasquerade;
};
inline constexpr ServiceParts kPartsOfOperator{true, true, false, true};
inline constexpr ServiceParts kPartsOfNode{false, false, true, true};

/// core/v1 Service. kInvalid only without name or namespace.
[[nodiscard]] Result<Service> decodeService(const nlohmann::json& object);
/// Without what exceeds the budget; see Service::oversized. Of the objects of one budget each is
/// decoded again whenever it changes, and released when it is gone.
[[nodiscard]] Result<Service> decodeServiceParts(const nlohmann::json& object,
                                                 const ServiceParts& parts, TextBudget& budget);

/// "TCP", "UDP" or "SCTP"; empty is TCP, the API's default. nullopt: a protocol that no one knows.
[[nodiscard]] std::optional<Protocol> parseProtocol(std::string_view text);

/// "IPv4" or "IPv6".
[[nodiscard]] std::optional<Family> parseFamily(std::string_view text);

}  // namespace barevip::model
