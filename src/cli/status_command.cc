// SPDX-License-Identifier: Apache-2.0
#include "cli/status_command.h"

#include <ostream>

#include "cli/ask.h"
#include "cli/exit_status.h"
#include "cli/format.h"
#include "cli/print/status_print.h"
#include "cli/watch.h"

namespace barevip::cli {

int runStatus(const StatusOptions& options, kube::Api& api, const Clock& clock,
              const Terminal& terminal, const std::stop_token& stop) {
  const auto cluster = ask(api, clock, terminal, stop);
  if (!cluster) return kCannotAsk;
  const auto draw = [&](const view::Status& status) {
    return textOf(status, options.output, terminal, clock.wallNow(), printStatus);
  };
  if (options.watch) {
    const auto picture = [&](const view::Cluster& now) {
      const view::Status status = statusOf(now, options.ns);
      return Picture{toJson(status), draw(status)};
    };
    watchCluster(*cluster, picture, api, clock, terminal, stop);
    return kAllWell;
  }
  const view::Status status = statusOf(*cluster, options.ns);
  terminal.out << draw(status);
  return status.hasProblem() ? kProblems : kAllWell;
}

}  // namespace barevip::cli
