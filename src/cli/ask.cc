// SPDX-License-Identifier: Apache-2.0
#include "cli/ask.h"

#include <ostream>

#include "cli/fetch/fetch.h"
#include "cli/slow_steps.h"

namespace barevip::cli {

Result<view::Cluster> ask(kube::Api& api, const Clock& clock, const Terminal& terminal,
                          const std::stop_token& stop) {
  auto cluster = [&] {
    SlowSteps steps(clock, terminal.messages);
    return fetchCluster(
        api, clock, [&](const std::string& step) { steps.begin(step); }, stop);
  }();
  if (!cluster) {
    terminal.messages << "error: " << cluster.error().message << "\n";
    return cluster;
  }
  for (const std::string& note : cluster->notes) terminal.messages << "note: " << note << "\n";
  return cluster;
}

}  // namespace barevip::cli
