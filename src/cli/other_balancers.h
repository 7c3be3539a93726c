// SPDX-License-Identifier: Apache-2.0
// Which other load balancers run in a cluster.
#pragma once

#include <stop_token>
#include <vector>

#include "barevip/base/result.h"
#include "barevip/kube/api.h"

#include "cli/view/verify.h"

namespace barevip::cli {

/// MetalLB, kube-vip, PureLB and OpenELB by Deployments and DaemonSets that have pods, which are
/// known by their images and labels; Cilium by pools that are not disabled. Static pods are not
/// seen. A kube-vip that leaves Services alone does not count.
[[nodiscard]] Result<std::vector<OtherBalancer>> otherBalancers(kube::Api& api,
                                                                const std::stop_token& stop);

}  // namespace barevip::cli
