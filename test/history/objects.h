// SPDX-License-Identifier: Apache-2.0
// The objects that the events of a history write. Members that are null are to be removed by a
// merge patch.
#pragma once

#include <nlohmann/json.hpp>

#include "history/history.h"

namespace barevip::history {

[[nodiscard]] kube::ObjectKey serviceKey(Pick service);
[[nodiscard]] kube::ObjectKey reservationKey(Pick reservation);

[[nodiscard]] nlohmann::json poolObject(const PutPool& deed);
[[nodiscard]] nlohmann::json serviceObject(const PutService& deed);
[[nodiscard]] nlohmann::json reservationObject(const PutReservation& deed);
[[nodiscard]] nlohmann::json namespaceObject(const LabelNamespace& deed);
/// A patch of the status subresource.
[[nodiscard]] nlohmann::json foreignStatus(const ShowForeign& deed);

}  // namespace barevip::history
