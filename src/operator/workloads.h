// SPDX-License-Identifier: Apache-2.0
// barevip's own Deployment, DaemonSet, pods and Leases, as an uninstall sees and changes them. One
// request to the API server each, unless it says otherwise.
#pragma once

#include <cstddef>
#include <cstdint>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "barevip/base/result.h"
#include "barevip/kube/api.h"

namespace barevip::controlplane {

struct PodView {
  enum class Cleanup : std::uint8_t {
    kPending,  ///< has not ended, or is not part of this pod
    kDone,     ///< the node is clean
    kFailed,   ///< at least once; the kubelet tries again
  };

  std::string name;
  std::string node;                     ///< empty: not scheduled yet
  bool finished = false;                ///< none of its containers runs any more
  Cleanup cleanup = Cleanup::kPending;  ///< of the init container that runs `cleanup`
  std::string complaint;                ///< why it failed, or what it waits for
};

/// Sets spec.replicas to 0. Returns what it was. Two requests.
[[nodiscard]] Result<std::size_t> scaleToZero(kube::Api& api, const kube::ObjectKey& deployment,
                                              const std::stop_token& stop);

struct CleanupMode {
  std::size_t desiredPods = 0;  ///< as the DaemonSet's status counted them before the change
  bool changed = false;         ///< false: it was in this mode already
};

/// Puts the DaemonSet into the mode of operator/cleanup_mode.h. kConflict if it changed meanwhile.
/// At most two requests.
[[nodiscard]] Result<CleanupMode> enterCleanupMode(kube::Api& api, const kube::ObjectKey& daemonSet,
                                                   const std::stop_token& stop);

/// Pods with the label app.kubernetes.io/name of that value.
[[nodiscard]] Result<std::vector<PodView>> listPods(kube::Api& api, const std::string& ns,
                                                    const std::string& name,
                                                    const std::stop_token& stop);

/// Names of the nodes whose kubelet reports.
[[nodiscard]] Result<std::set<std::string>> listReadyNodes(kube::Api& api,
                                                           const std::stop_token& stop);

/// Deletes the Leases by which nodes report and by which the operator leads. Returns how many there
/// were. One request, and one for each.
[[nodiscard]] Result<std::size_t> removeLeases(kube::Api& api, const std::string& ns,
                                               const std::stop_token& stop);

}  // namespace barevip::controlplane
