// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stop_token>

#include "barevip/base/clock.h"
#include "barevip/base/result.h"
#include "barevip/kube/api.h"

#include "assigner/restore/restore.h"
#include "operator/session/service_decoder.h"
#include "operator/session/stores.h"

namespace barevip::controlplane {

/// Complete lists of what the API server has now, and stores that are at least as new: the watch of
/// a process that just began to lead may be behind what the last leader wrote. Blocks until both
/// are there, for as long as the API server does not answer. An error is kStopped. The stores
/// outlive the snapshot, which reads Namespaces from them.
[[nodiscard]] Result<assigner::Snapshot> takeSnapshot(kube::Api& api, const Clock& clock,
                                                      const Stores& stores,
                                                      const ServiceReading& reading,
                                                      const std::stop_token& stop);

}  // namespace barevip::controlplane
