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
/// What happens to the namespace of the Service just before.
[[nodiscard]] LabelNamespace labelOf(const PutService& deed);
/// uid: of the Service; empty: there is none.
[[nodiscard]] nlohmann::json forgedRecord(const ForgeRecord& deed, const std::string& uid);
/// Patches of the object and of its status; null: that is left as it is.
struct TamperedIp {
  nlohmann::json status;
  nlohmann::json object;
};
[[nodiscard]] TamperedIp tamperedIp(const TamperIp& deed);

// Patches of the status subresource.

[[nodiscard]] nlohmann::json foreignStatus(const ShowForeign& deed);
[[nodiscard]] nlohmann::json tamperedStatus(const TamperService& deed);
/// With our condition.
[[nodiscard]] nlohmann::json restoredStatus(const RestoreService& deed);

}  // namespace barevip::history
