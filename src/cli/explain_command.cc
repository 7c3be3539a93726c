// SPDX-License-Identifier: Apache-2.0
#include "cli/explain_command.h"

#include <ostream>
#include <set>
#include <string>
#include <utility>

#include "cli/ask.h"
#include "cli/exit_status.h"
#include "cli/fetch/kernel_reading.h"
#include "cli/format.h"
#include "cli/print/explain_print.h"
#include "cli/view/explain.h"
#include "cli/watch.h"

namespace barevip::cli {
namespace {

Result<ServiceExplanation> explain(const view::Cluster& cluster, const ExplainOptions& options) {
  const kube::ObjectKey service{options.ns, options.name};
  auto explanation = explainService(cluster, service);
  if (explanation && options.from) {
    explanation->client = options.from->toString();
    explanation->paths = pathsOf(cluster, service, *options.from);
  }
  return explanation;
}

// False: not all kernels could be asked.
bool compareWithKernels(std::vector<ClientPath>& paths, kube::Api& api, const Kubectl& kubectl,
                        const Terminal& terminal, const std::stop_token& stop) {
  std::set<std::string> nodes;
  for (const ClientPath& each : paths) nodes.insert(each.node);
  nodes.erase("");
  bool all = true;
  for (const std::string& node : nodes) {
    const auto kernel = readKernel(api, kubectl.runner, kubectl.command, node, stop);
    if (kernel) {
      compareWithKernel(*kernel, paths);
    } else {
      terminal.messages << "error: the kernel of " << node
                        << " cannot be asked: " << kernel.error().message << "\n";
      all = false;
    }
  }
  return all;
}

}  // namespace

int runExplain(const ExplainOptions& options, kube::Api& api, const Kubectl& kubectl,
               const Clock& clock, const Terminal& terminal, const std::stop_token& stop) {
  const auto cluster = ask(api, clock, terminal, stop);
  if (!cluster) return kCannotAsk;
  auto explanation = explain(*cluster, options);
  if (!explanation) {
    terminal.messages << "error: " << explanation.error().message << "\n";
    return kCannotAsk;
  }
  const auto draw = [&](const ServiceExplanation& each) {
    return textOf(each, options.output, terminal, clock.wallNow(), printExplanation);
  };
  if (options.watch) {
    const auto picture = [&](const view::Cluster& now) {
      const auto each = explain(now, options);
      std::string text = each ? draw(*each) : each.error().message + "\n";
      return Picture{text, text};
    };
    watchCluster(*cluster, picture, api, clock, terminal, stop);
    return kAllWell;
  }
  const bool compared =
      !options.kernel || compareWithKernels(explanation->paths, api, kubectl, terminal, stop);
  terminal.out << draw(*explanation);
  if (!compared) return kCannotAsk;
  return explanation->reason.empty() ? kAllWell : kProblems;
}

}  // namespace barevip::cli
