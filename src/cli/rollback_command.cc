// SPDX-License-Identifier: Apache-2.0
#include "cli/rollback_command.h"

#include <algorithm>
#include <cstddef>
#include <ostream>
#include <string>
#include <vector>

#include "cli/exit_status.h"
#include "cli/format.h"
#include "cli/print/rollback_print.h"
#include "cli/rollback_writes.h"
#include "cli/saved_services_file.h"
#include "cli/view/rollback.h"
#include "common/base/text_file.h"

namespace barevip::cli {
namespace {

/// One rollback: its steps in order.
class Rollback {
 public:
  Rollback(const RollbackOptions& options, kube::Api& api, const Terminal& terminal,
           const std::stop_token& stop)
      : options_(options), api_(api), terminal_(terminal), stop_(stop) {}

  int run() {
    const auto text = readTextFile(options_.file);
    if (!text) return cannot(text.error());
    auto saved = parseSaved(*text, options_.file);
    if (!saved) return cannot(saved.error());
    saved_ = *std::move(saved);
    const auto operators = runningOperator(api_, stop_);
    if (!operators) return cannot(operators.error());
    auto live = listLiveServices(api_, stop_);
    if (!live) return cannot(live.error());
    live_ = *std::move(live);
    plan_ = planRollback(saved_, live_);
    terminal_.out << textOf(plan_, options_.output, terminal_, {}, printRollback);
    if (!operators->empty()) return refuse(*operators);
    return options_.yes ? write() : sayWhatIsNext();
  }

 private:
  int cannot(const Error& error) {
    terminal_.messages << "error: " << error.message << "\n";
    return kCannotAsk;
  }

  int refuse(const std::string& what) {
    terminal_.messages << "error: " << what
                       << " runs, and an operator would take the Services again. Stop it: kubectl "
                          "scale deployment barevip-operator --replicas=0 in its namespace, and "
                          "wait until its pods are gone.\n";
    return kProblems;
  }

  [[nodiscard]] std::size_t obstacles() const {
    return static_cast<std::size_t>(std::count_if(
        plan_.begin(), plan_.end(), [](const auto& each) { return !each.obstacle.empty(); }));
  }

  int sayWhatIsNext() {
    if (options_.output == Output::kTable || options_.output == Output::kWide) sayChanges();
    return obstacles() == 0 ? kAllWell : kProblems;
  }

  void sayChanges() {
    const auto changes =
        std::count_if(plan_.begin(), plan_.end(), [](const auto& each) { return each.changes(); });
    if (changes == 0) {
      terminal_.out << "nothing to change\n";
    } else {
      terminal_.out << "nothing is changed yet: --yes changes " << changes << " Services\n";
    }
  }

  int write() {
    std::size_t failed = 0;
    std::size_t done = 0;
    for (const RollbackStep& step : plan_) {
      if (!step.changes()) continue;
      const auto written = rollBack(api_, savedOf(step.service), liveOf(step.service), stop_);
      const bool well = written && written->obstacle.empty();
      ++(well ? done : failed);
      if (well) continue;
      terminal_.messages << "error: " << step.service.toString() << ": "
                         << (written ? written->obstacle : written.error().message) << "\n";
    }
    terminal_.out << done << " Services changed";
    if (failed > 0) terminal_.out << ", " << failed << " not: run the command again";
    terminal_.out << "\n";
    return failed + obstacles() == 0 ? kAllWell : kProblems;
  }

  [[nodiscard]] const SavedService* savedOf(const kube::ObjectKey& key) const {
    const auto found = std::find_if(saved_.services.begin(), saved_.services.end(),
                                    [&](const auto& each) { return each.key == key; });
    return found == saved_.services.end() ? nullptr : &*found;
  }

  // What changes is there.
  [[nodiscard]] const LiveService& liveOf(const kube::ObjectKey& key) const {
    return *std::find_if(live_.begin(), live_.end(),
                         [&](const auto& each) { return each.now.key == key; });
  }

  const RollbackOptions& options_;
  kube::Api& api_;
  const Terminal& terminal_;
  const std::stop_token& stop_;
  SavedServices saved_;
  std::vector<LiveService> live_;
  std::vector<RollbackStep> plan_;
};

}  // namespace

int runRollback(const RollbackOptions& options, kube::Api& api, const Terminal& terminal,
                const std::stop_token& stop) {
  return Rollback(options, api, terminal, stop).run();
}

}  // namespace barevip::cli
