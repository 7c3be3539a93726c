// SPDX-License-Identifier: Apache-2.0
// `barevip-operator uninstall`: what goes before the objects of an installation are deleted.
#pragma once

#include <chrono>
#include <functional>
#include <stop_token>
#include <string>

#include "barevip/base/clock.h"
#include "barevip/base/result.h"
#include "barevip/kube/api.h"

namespace barevip::controlplane {

struct UninstallOptions {
  std::string ns = "barevip-system";          ///< of the Deployment and the DaemonSet
  std::chrono::milliseconds timeout{90'000};  ///< of everything together
};

/// Four steps, each within its share of the time; what one cannot do keeps no other from its work:
/// 1. scales the Deployment barevip-operator to 0, and waits until its pods are gone from all Ready
///    nodes: it would put finalizers back;
/// 2. puts the DaemonSet barevip-node into cleanup mode, and waits until every Ready node is clean;
/// 3. removes the finalizer barevip.dev/in-use from Pools, and the Leases of nodes and operator;
/// 4. counts what it kept: Pools and IP objects.
///
/// `say` gets lines: "ok: ..." or "warning: ..." for each step, and "kept: ..." as the last one. A
/// warning names what is left and the command that removes it. Idempotent. kUnavailable: no request
/// was answered.
///
/// Permissions: in the namespace deployments get and patch (barevip-operator), daemonsets get and
/// patch (barevip-node), pods list, leases list and delete; in the cluster nodes list, pools list
/// and patch, ips list.
[[nodiscard]] Result<void> uninstall(kube::Api& api, const Clock& clock,
                                     const UninstallOptions& options,
                                     const std::function<void(const std::string& line)>& say,
                                     const std::stop_token& stop);

}  // namespace barevip::controlplane
