// SPDX-License-Identifier: Apache-2.0
// The paths of a client, compared with the kernel that they lead through. Pure.
#pragma once

#include <string>
#include <vector>

#include "barevip/ipvs/kernel.h"

#include "cli/view/client_path.h"

namespace barevip::cli {

/// What IPVS of one node has.
struct NodeKernel {
  std::string node;
  std::vector<ipvs::VirtualServer> virtualServers;
};

/// Says of each path by that node whether its endpoints are those of the kernel, and what the
/// difference is. Paths on which IPVS chooses nothing stay as they are.
void compareWithKernel(const NodeKernel& kernel, std::vector<ClientPath>& paths);

}  // namespace barevip::cli
