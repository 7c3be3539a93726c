// SPDX-License-Identifier: Apache-2.0
// The hands of the people of a history.
#pragma once

#include <set>

#include "barevip/base/result.h"
#include "barevip/kube/api.h"

#include "history/history.h"

namespace barevip::history {

/// Makes the namespaces of all histories.
Result<void> prepareCluster(kube::Api& api);

/// Does what the event says to the API's objects; nothing for what happens to the operator's
/// processes. Returns the Services that ask for something else by it. What the API server refuses
/// (kInvalid) changes nothing.
Result<std::set<kube::ObjectKey>> play(kube::Api& api, const Deed& deed);

}  // namespace barevip::history
