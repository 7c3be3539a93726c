// SPDX-License-Identifier: Apache-2.0
#include "cli/verify_command.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "cli/ask.h"
#include "cli/exit_status.h"
#include "cli/format.h"
#include "cli/other_balancers.h"
#include "cli/print/verify_print.h"
#include "cli/saved_services_file.h"
#include "cli/view/verify.h"
#include "cli/watch.h"
#include "common/base/rfc3339.h"
#include "common/base/text_file.h"

namespace barevip::cli {
namespace {

// What runs beside barevip is listed again then: a watch of the cluster does not cover workloads.
constexpr std::chrono::seconds kLookForOthers{10};

int cannot(const Error& error, const Terminal& terminal) {
  terminal.messages << "error: " << error.message << "\n";
  return kCannotAsk;
}

int save(const std::string& file, kube::Api& api, const Clock& clock, const Terminal& terminal,
         const std::stop_token& stop) {
  auto saved = listServices(api, stop);
  if (!saved) return cannot(saved.error(), terminal);
  saved->time = formatSeconds(clock.wallNow());
  if (const auto written = writeNewFile(file, textOf(*saved)); !written) {
    return cannot(written.error(), terminal);
  }
  const auto isProxied = [](const auto& entry) { return entry.ipMode == model::kIpModeProxy; };
  const auto barevips =
      std::count_if(saved->services.begin(), saved->services.end(), [&](const auto& each) {
        return std::any_of(each.ingress.begin(), each.ingress.end(), isProxied);
      });
  if (barevips > 0) {
    terminal.messages << "note: " << barevips
                      << " of these Services are served by barevip already, it seems: their "
                         "ingress has the ipMode Proxy\n";
  }
  std::size_t addresses = 0;
  for (const SavedService& each : saved->services) addresses += each.ingress.size();
  terminal.out << file << " has " << addresses << " addresses of " << saved->services.size()
               << " Services\n";
  return kAllWell;
}

}  // namespace

int runVerify(const VerifyOptions& options, kube::Api& api, const Clock& clock,
              const Terminal& terminal, const std::stop_token& stop) {
  if (options.save) return save(options.file, api, clock, terminal, stop);
  const auto text = readTextFile(options.file);
  if (!text) return cannot(text.error(), terminal);
  const auto saved = parseSaved(*text, options.file);
  if (!saved) return cannot(saved.error(), terminal);
  const auto cluster = ask(api, clock, terminal, stop);
  if (!cluster) return kCannotAsk;
  auto others = otherBalancers(api, stop);
  if (!others && others.error().code != ErrorCode::kForbidden) {
    return cannot(others.error(), terminal);
  }
  if (!others) {
    terminal.messages << "note: whether another load balancer runs is not known: "
                      << others.error().message << "\n";
    others = std::vector<OtherBalancer>{};
  }
  const auto draw = [&](const Verification& verification) {
    return textOf(verification, options.output, terminal, clock.wallNow(), printVerification);
  };
  if (options.watch) {
    MonotonicTime looked = clock.now();
    const auto picture = [&](const view::Cluster& now) {
      if (clock.now() - looked >= kLookForOthers) {
        looked = clock.now();
        if (auto found = otherBalancers(api, stop)) others = std::move(found);
      }
      const Verification verification = verifyMigration(*saved, now, *others);
      return Picture{toJson(verification), draw(verification)};
    };
    watchCluster(*cluster, picture, api, clock, terminal, stop);
    return kAllWell;
  }
  const Verification verification = verifyMigration(*saved, *cluster, *std::move(others));
  terminal.out << draw(verification);
  return verification.hasProblem() ? kProblems : kAllWell;
}

}  // namespace barevip::cli
