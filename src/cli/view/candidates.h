// SPDX-License-Identifier: Apache-2.0
// Whether a node may announce a VIP, for people. Pure.
#pragma once

#include <string>

#include "barevip/model/node.h"
#include "barevip/model/pool.h"

#include "ipvsnode/announce/vip_election.h"
#include "view/cluster.h"

namespace barevip::cli {

/// A sentence without a subject, as "is a candidate". announce: of the Pool of that VIP.
[[nodiscard]] std::string verdictOnNode(const view::Cluster& cluster, const model::Node& node,
                                        const model::Pool::Announce& announce,
                                        const node::VipElection& question);

}  // namespace barevip::cli
