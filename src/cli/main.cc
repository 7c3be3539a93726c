// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>
#include <utility>
#include <variant>

#include "barevip/base/log.h"

#include "cli/bundle_command.h"
#include "cli/completion.h"
#include "cli/convert_command.h"
#include "cli/drain_command.h"
#include "cli/exit_status.h"
#include "cli/explain_command.h"
#include "cli/interrupt.h"
#include "cli/options.h"
#include "cli/plan_command.h"
#include "cli/rollback_command.h"
#include "cli/status_command.h"
#include "cli/verify_command.h"
#include "common/base/command.h"
#include "common/base/command_line.h"
#include "common/kube/api_client.h"
#include "common/kube/config.h"
#include "common/kube/texts.h"
#include "common/kube/transport.h"

namespace barevip::cli {
namespace {

Terminal terminal() {
  const bool screen = ::isatty(STDOUT_FILENO) == 1;
  const char* const noColor = std::getenv("NO_COLOR");
  return {std::cout, std::cerr, screen, screen && (noColor == nullptr || *noColor == '\0')};
}

kube::ConfigSource sourceOf(const Access& access) {
  kube::ConfigSource source = kube::processConfigSource(access.kubeconfig);
  source.context = access.context;
  return source;
}

// With what this program has: its terminal for credential plugins, and its environment.
Command kubectlFor(const Access& access) {
  const char* const path = std::getenv("PATH");
  Command command;
  command.program = findProgram("kubectl", path == nullptr ? kProgramPath : path);
  if (command.program.empty()) command.program = "kubectl";
  if (!access.kubeconfig.empty()) {
    command.arguments.push_back("--kubeconfig=" + access.kubeconfig);
  }
  if (!access.context.empty()) command.arguments.push_back("--context=" + access.context);
  for (char** each = ::environ; *each != nullptr; ++each) command.environment.emplace_back(*each);
  command.interactive = true;
  return command;
}

int sayError(const Error& error) {
  std::cerr << "error: " << error.message << "\n";
  return kCannotAsk;
}

template <class Run>
int withConfig(const Access& access, const Run& run) {
  kube::initialize();
  auto config = kube::loadConfig(sourceOf(access));
  if (!config) return sayError(config.error());
  config->userAgent = "kubectl-barevip";
  return run(*std::move(config));
}

template <class Run>
int withApi(const Access& access, const Run& run) {
  return withConfig(access, [&](kube::TransportOptions config) {
    kube::ApiClient api(kube::makeTransport(std::move(config)));
    return run(api, SystemClock());
  });
}

int run(const ConvertOptions& options) {
  return runConvert(options, std::cin, std::cout, std::cerr);
}

int run(const StatusOptions& options) {
  return withApi(options.access, [&](kube::Api& api, const Clock& clock) {
    return runStatus(options, api, clock, terminal(), {});
  });
}

int run(ExplainOptions options) {
  if (options.ns.empty()) {
    auto ns = kube::loadNamespace(sourceOf(options.access));
    if (!ns) return sayError(ns.error());
    options.ns = *std::move(ns);
  }
  SystemCommandRunner runner;
  const Kubectl kubectl{runner, kubectlFor(options.access)};
  return withApi(options.access, [&](kube::Api& api, const Clock& clock) {
    return runExplain(options, api, kubectl, clock, terminal(), {});
  });
}

int run(const PlanOptions& options) {
  return withApi(options.access, [&](kube::Api& api, const Clock& clock) {
    return runPlan(options, std::cin, api, clock, terminal(), {});
  });
}

int run(const DrainOptions& options) {
  return withApi(options.access, [&](kube::Api& api, const Clock& clock) {
    return runDrain(options, api, clock, terminal(), {});
  });
}

int run(const UndrainOptions& options) {
  return withApi(options.access, [&](kube::Api& api, const Clock&) {
    return runUndrain(options, api, terminal(), {});
  });
}

int run(const VerifyOptions& options) {
  return withApi(options.access, [&](kube::Api& api, const Clock& clock) {
    return runVerify(options, api, clock, terminal(), {});
  });
}

int run(const RollbackOptions& options) {
  return withApi(options.access, [&](kube::Api& api, const Clock&) {
    return runRollback(options, api, terminal(), {});
  });
}

int run(const BundleOptions& options) {
  const Interrupt interrupt;
  return withConfig(options.access, [&](const kube::TransportOptions& config) {
    kube::ApiClient api(kube::makeTransport(config));
    kube::TextClient texts(kube::makeTransport(config));
    return runBundle(options, api, texts, SystemClock(), terminal(), interrupt.token());
  });
}

int run(const CompletionOptions& options) {
  std::cout << completionScript(options.shell, options.words);
  return 0;
}

}  // namespace
}  // namespace barevip::cli

int main(int argc, char** argv) {
  return barevip::runMain("kubectl-barevip", [&] {
    // What the operator's own code says to its log is no answer to a person.
    barevip::log::setLevel(barevip::log::Level::kError);
    const auto options = barevip::cli::parseOptions(argc, argv);
    if (!options) return barevip::sayEnd(options.error());
    return std::visit([](const auto& each) { return barevip::cli::run(each); }, *options);
  });
}
