// SPDX-License-Identifier: Apache-2.0
// What changed in the kernel although this process did not change it. Pure.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <set>
#include <string_view>
#include <vector>

#include "ipvsnode/plan/diff.h"

namespace barevip::node {

/// Differences by kind: virtual_server, real_server, address, route, rule, neighbour. The
/// names are static.
using Drift = std::map<std::string_view, std::size_t>;

/// mirror: what the kernel held when this process last looked or wrote; found: what was read now.
/// ours: whether a virtual server is of barevip. A virtual server that is there in one of both is
/// one difference, whatever it has of real servers. Counts of connections do not count.
void addIpvsDrift(const KernelState& mirror, const KernelState& found,
                  const std::function<bool(const ipvs::VirtualServerKey&)>& ours, Drift& drift);

/// The same of one namespace's items. Returns those that are in one of both alone.
std::vector<net::NetObject> addLinkDrift(const std::set<net::NetObject>& mirror,
                                         const std::set<net::NetObject>& found, Drift& drift);

}  // namespace barevip::node
