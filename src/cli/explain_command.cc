// SPDX-License-Identifier: Apache-2.0
#include "cli/explain_command.h"

#include <ostream>

#include "cli/ask.h"
#include "cli/exit_status.h"
#include "cli/print/documents.h"
#include "cli/print/explain_print.h"
#include "cli/view/explain.h"

namespace barevip::cli {

int runExplain(const ExplainOptions& options, kube::Api& api, const Clock& clock,
               const Terminal& terminal, const std::stop_token& stop) {
  const auto cluster = ask(api, clock, terminal, stop);
  if (!cluster) return kCannotAsk;
  auto explanation = explainService(*cluster, {options.ns, options.name});
  if (!explanation) {
    terminal.messages << "error: " << explanation.error().message << "\n";
    return kCannotAsk;
  }
  if (options.from) {
    explanation->client = options.from->toString();
    explanation->paths = pathsOf(*cluster, {options.ns, options.name}, *options.from);
  }
  switch (options.output) {
    case Output::kTable:
    case Output::kWide:
      printExplanation(*explanation, {terminal.color, false, clock.wallNow()}, terminal.out);
      break;
    case Output::kJson:
      terminal.out << toJson(*explanation);
      break;
    case Output::kYaml:
      terminal.out << toYaml(*explanation);
      break;
  }
  return explanation->reason.empty() ? kAllWell : kProblems;
}

}  // namespace barevip::cli
