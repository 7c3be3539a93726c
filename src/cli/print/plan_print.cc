// SPDX-License-Identifier: Apache-2.0
#include "cli/print/plan_print.h"

#include <ostream>
#include <string>
#include <vector>

namespace barevip::cli {
namespace {

void printAllocations(const std::vector<EditReport::Allocation>& allocations,
                      const std::string& title, std::ostream& out) {
  if (allocations.empty()) return;
  out << title << "\n";
  for (const auto& each : allocations) {
    out << "  " << each.address << " (" << each.consumer << ")";
    if (!each.pool.empty()) out << " of Pool " << each.pool;
    if (!each.message.empty()) out << ": " << each.message;
    out << "\n";
  }
}

}  // namespace

void printPlan(const EditReport& report, const Style& style, std::ostream& out) {
  if (!report.faults.empty()) {
    out << style.in(Color::kRed, "Faults") << "\n";
    for (const auto& each : report.faults) {
      out << "  Pool " << each.pool << ": " << each.message << "\n";
    }
  }
  printAllocations(report.orphans,
                   style.in(Color::kRed, "Orphaned") +
                       ": they stay in use, and no Pool would allocate them again",
                   out);
  printAllocations(report.recounts, "Counted by another Pool: they stay in use", out);
  printAllocations(report.gains, style.in(Color::kGreen, "Pending, and get an address"), out);
  out << "Nothing changes for " << report.keeps << " other allocation"
      << (report.keeps == 1 ? "" : "s") << " of these Pools. No address moves.\n";
}

}  // namespace barevip::cli
