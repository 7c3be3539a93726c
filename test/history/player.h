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

/// No finalizer holds the object any more.
Result<void> letGo(kube::Api& api, const kube::Resource& resource, const kube::ObjectKey& key);

/// Does what the event says to the API's objects; nothing for what happens to the operator's
/// processes. Returns the Services that ask for something else by it, and the Services and IP
/// objects whose owners make them lose what they have. What the API server refuses changes nothing.
Result<std::set<kube::ObjectKey>> play(kube::Api& api, const Deed& deed);

}  // namespace barevip::history
