// SPDX-License-Identifier: Apache-2.0
// What the kernel of a node has, asked by a program in the pod of its daemon.
#pragma once

#include <stop_token>
#include <string>

#include "barevip/base/result.h"
#include "barevip/kube/api.h"

#include "cli/view/kernel_comparison.h"
#include "common/base/command.h"

namespace barevip::cli {

/// Runs `barevip-node --dump` there with the arguments of the daemon, by kubectl, which knows how
/// to run programs in pods. It needs the rights to list pods and to create pods/exec.
///
/// kubectl: the program, its arguments for access to the cluster, and its environment. kNotFound:
/// there is no kubectl, or no daemon runs on the node.
[[nodiscard]] Result<NodeKernel> readKernel(kube::Api& api, CommandRunner& runner, Command kubectl,
                                            const std::string& node, const std::stop_token& stop);

}  // namespace barevip::cli
