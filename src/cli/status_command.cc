// SPDX-License-Identifier: Apache-2.0
#include "cli/status_command.h"

#include <chrono>
#include <ostream>
#include <string>

#include "cli/ask.h"
#include "cli/exit_status.h"
#include "cli/print/documents.h"
#include "cli/print/status_print.h"
#include "common/base/stop_at.h"

namespace barevip::cli {
namespace {

constexpr std::chrono::seconds kWatchInterval{2};
constexpr const char* kClearScreen = "\x1b[H\x1b[2J";

void print(const view::Status& status, const StatusOptions& options, const Clock& clock,
           const Terminal& terminal) {
  switch (options.output) {
    case Output::kTable:
    case Output::kWide:
      printStatus(status, {terminal.color, options.output == Output::kWide, clock.wallNow()},
                  terminal.out);
      break;
    case Output::kJson:
      terminal.out << toJson(status);
      break;
    case Output::kYaml:
      terminal.out << toYaml(status);
      break;
  }
  terminal.out.flush();
}

}  // namespace

int runStatus(const StatusOptions& options, kube::Api& api, const Clock& clock,
              const Terminal& terminal, const std::stop_token& stop) {
  std::string shown;
  while (true) {
    const auto cluster = ask(api, clock, terminal, stop);
    if (!cluster && !options.watch) return kCannotAsk;
    if (cluster) {
      const view::Status status = statusOf(*cluster, options.ns);
      std::string now = toJson(status);
      if (terminal.screen && options.watch) terminal.out << kClearScreen;
      if (terminal.screen || now != shown) print(status, options, clock, terminal);
      shown = std::move(now);
      if (!options.watch) return status.hasProblem() ? kProblems : kAllWell;
    }
    if (!pauseFor(clock, kWatchInterval, stop)) return kAllWell;
  }
}

}  // namespace barevip::cli
