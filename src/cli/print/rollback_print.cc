// SPDX-License-Identifier: Apache-2.0
#include "cli/print/rollback_print.h"

#include <cstddef>
#include <ostream>
#include <string>

#include "view/text.h"

namespace barevip::cli {
namespace {

std::string listOf(const std::vector<std::string>& addresses) {
  if (addresses.empty()) return "none";
  return view::listed(addresses, [](const std::string& each) { return each; });
}

void printStep(const RollbackStep& step, const Style& style, std::ostream& out) {
  out << style.in(Color::kBold, step.service.toString())
      << (step.saved ? "" : " (not in the file: it keeps its addresses)") << "\n";
  if (step.ingress) {
    const auto to = addressesOf(*step.ingress);
    out << "  addresses: " << listOf(step.shows);
    if (to != step.shows) out << " -> " << listOf(to);
    out << ", no longer of barevip\n";
  }
  for (const auto& [name, value] : step.annotations) {
    out << "  annotation " << name << (value ? ": \"" + *value + "\"" : " is removed") << "\n";
  }
  if (step.loadBalancerIp) {
    out << "  spec.loadBalancerIP"
        << (step.loadBalancerIp->empty() ? " is removed" : ": " + *step.loadBalancerIp) << "\n";
  }
  for (const kube::ObjectKey& each : step.records) {
    out << "  IP object " << each.toString() << " of barevip is deleted\n";
  }
}

}  // namespace

void printRollback(const std::vector<RollbackStep>& plan, const Style& style, std::ostream& out) {
  std::size_t same = 0;
  for (const RollbackStep& each : plan) {
    if (!each.obstacle.empty()) {
      out << style.in(Color::kRed, each.service.toString() + " stays as it is") << ": "
          << each.obstacle << "\n";
    } else if (each.changes()) {
      printStep(each, style, out);
    } else {
      ++same;
    }
  }
  if (same > 0) out << same << " Services are as they were\n";
}

}  // namespace barevip::cli
