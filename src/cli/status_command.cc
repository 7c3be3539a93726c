// SPDX-License-Identifier: Apache-2.0
#include "cli/status_command.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <ostream>
#include <string>

#include "cli/ask.h"
#include "cli/exit_status.h"
#include "cli/fetch/live_cluster.h"
#include "cli/print/documents.h"
#include "cli/print/status_print.h"
#include "common/base/stop_at.h"

namespace barevip::cli {
namespace {

constexpr std::chrono::seconds kLookInterval{1};
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

/// Shows the status after each change. It lists once and watches from there on.
class Watch {
 public:
  Watch(const StatusOptions& options, kube::Api& api, const Clock& clock, const Terminal& terminal,
        const std::stop_token& stop)
      : options_(options), api_(api), clock_(clock), terminal_(terminal), stop_(stop) {}

  int run(const view::Cluster& first) {
    show(first);
    while (pauseFor(clock_, kLookInterval, stop_)) {
      follow();
      auto cluster = live_ ? live_->look() : std::nullopt;
      if (cluster && isDoubtful(*cluster)) cluster = askAgain();
      if (cluster) show(*cluster);
    }
    return kAllWell;
  }

 private:
  // Other flags are another way to read objects.
  void follow() {
    if (live_ && !live_->isOutdated()) return;
    auto reading = readOperator(api_, stop_);
    if (reading) live_ = std::make_unique<LiveCluster>(api_, clock_, *std::move(reading));
  }

  // Watches do not say that an API server is away. Then no daemon is seen to renew.
  static bool isDoubtful(const view::Cluster& cluster) {
    return !cluster.daemons.empty() &&
           std::all_of(cluster.daemons.begin(), cluster.daemons.end(),
                       [](const view::Daemon& each) { return each.silent; });
  }

  std::optional<view::Cluster> askAgain() {
    auto asked = ask(api_, clock_, terminal_, stop_);
    return asked ? std::optional(*std::move(asked)) : std::nullopt;
  }

  // On a screen also without a change: ages grow.
  void show(const view::Cluster& cluster) {
    const view::Status status = statusOf(cluster, options_.ns);
    std::string now = toJson(status);
    if (terminal_.screen) terminal_.out << kClearScreen;
    if (terminal_.screen || now != shown_) print(status, options_, clock_, terminal_);
    shown_ = std::move(now);
  }

  const StatusOptions& options_;
  kube::Api& api_;
  const Clock& clock_;
  const Terminal& terminal_;
  const std::stop_token& stop_;
  std::unique_ptr<LiveCluster> live_;
  std::string shown_;  ///< as JSON, whatever the format is
};

}  // namespace

int runStatus(const StatusOptions& options, kube::Api& api, const Clock& clock,
              const Terminal& terminal, const std::stop_token& stop) {
  const auto cluster = ask(api, clock, terminal, stop);
  if (!cluster) return kCannotAsk;
  if (options.watch) return Watch(options, api, clock, terminal, stop).run(*cluster);
  const view::Status status = statusOf(*cluster, options.ns);
  print(status, options, clock, terminal);
  return status.hasProblem() ? kProblems : kAllWell;
}

}  // namespace barevip::cli
