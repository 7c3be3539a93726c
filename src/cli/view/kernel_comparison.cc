// SPDX-License-Identifier: Apache-2.0
#include "cli/view/kernel_comparison.h"

#include <algorithm>
#include <iterator>
#include <set>

#include "ipvsnode/desired/endpoints.h"
#include "view/text.h"

namespace barevip::cli {
namespace {

using Endpoints = std::set<std::string>;

Endpoints expectedOn(const ClientPath& path) {
  Endpoints endpoints(path.candidates.begin(), path.candidates.end());
  if (!path.endpoint.empty()) endpoints.insert(path.endpoint);
  return endpoints;
}

// Those that get new connections.
Endpoints endpointsOf(const ipvs::VirtualServer& server) {
  Endpoints endpoints;
  for (const ipvs::RealServer& real : server.realServers) {
    if (real.weight > 0) endpoints.insert(node::endpointText(real.key));
  }
  return endpoints;
}

std::string listOfThoseNotIn(const Endpoints& others, const Endpoints& all) {
  std::vector<std::string> left;
  std::set_difference(all.begin(), all.end(), others.begin(), others.end(),
                      std::back_inserter(left));
  if (left.empty()) return {};
  return view::listed(left, [](const std::string& each) { return each; });
}

std::string verdictOn(const Endpoints& expected, const Endpoints& there) {
  if (expected == there) return "has the same endpoints";
  const std::string missing = listOfThoseNotIn(there, expected);
  const std::string more = listOfThoseNotIn(expected, there);
  std::string verdict = missing.empty() ? "" : "lacks " + missing;
  if (!more.empty()) verdict += (verdict.empty() ? "also has " : " and also has ") + more;
  return verdict;
}

}  // namespace

void compareWithKernel(const NodeKernel& kernel, std::vector<ClientPath>& paths) {
  for (ClientPath& path : paths) {
    const Endpoints expected = expectedOn(path);
    if (path.node != kernel.node || expected.empty()) continue;
    const auto server =
        std::find_if(kernel.virtualServers.begin(), kernel.virtualServers.end(),
                     [&](const auto& each) { return ipvs::toString(each.key) == path.vipPort; });
    path.kernel = "the kernel of " + kernel.node + " ";
    path.kernel += server == kernel.virtualServers.end()
                       ? "has no such virtual server"
                       : verdictOn(expected, endpointsOf(*server));
  }
}

}  // namespace barevip::cli
