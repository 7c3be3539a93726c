// SPDX-License-Identifier: Apache-2.0
#include "cli/plan_command.h"

#include <iterator>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "cli/ask.h"
#include "cli/exit_status.h"
#include "cli/files/pool_files.h"
#include "cli/format.h"
#include "cli/print/plan_print.h"
#include "cli/view/plan.h"
#include "common/base/text_file.h"

namespace barevip::cli {
namespace {

Result<std::vector<model::Pool>> readSource(const std::string& file, std::istream& in) {
  if (file == "-") {
    return readPools(std::string(std::istreambuf_iterator<char>(in), {}), "standard input");
  }
  const auto text = readTextFile(file);
  if (!text) return tl::make_unexpected(text.error());
  return readPools(*text, file);
}

int say(const Error& error, const Terminal& terminal) {
  terminal.messages << "error: " << error.message << "\n";
  return kCannotAsk;
}

}  // namespace

int runPlan(const PlanOptions& options, std::istream& in, kube::Api& api, const Clock& clock,
            const Terminal& terminal, const std::stop_token& stop) {
  PoolEdit edit{{}, options.deleted};
  for (const std::string& file : options.files) {
    auto pools = readSource(file, in);
    if (!pools) return say(pools.error(), terminal);
    edit.applied.insert(edit.applied.end(), pools->begin(), pools->end());
  }
  const auto cluster = ask(api, clock, terminal, stop);
  if (!cluster) return kCannotAsk;
  const auto report = planEdit(*cluster, edit);
  if (!report) return say(report.error(), terminal);
  terminal.out << textOf(*report, options.output, terminal, clock.wallNow(), printPlan);
  return report->orphans.empty() && report->faults.empty() ? kAllWell : kProblems;
}

}  // namespace barevip::cli
