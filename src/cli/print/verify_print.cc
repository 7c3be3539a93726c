// SPDX-License-Identifier: Apache-2.0
#include "cli/print/verify_print.h"

#include <map>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "cli/print/table.h"
#include "view/text.h"

namespace barevip::cli {
namespace {

std::string listOf(const std::vector<std::string>& addresses) {
  if (addresses.empty()) return "-";
  return view::listed(addresses, [](const std::string& each) { return each; });
}

}  // namespace

void printVerification(const Verification& verification, const Style& style, std::ostream& out) {
  for (const OtherBalancer& each : verification.others) {
    out << style.in(Color::kYellow, each.product + " runs") << ": " << each.object << "\n";
  }
  std::map<std::string, int> counts;
  for (const ServiceVerdict& each : verification.services) {
    ++counts[nameOf(each.kind)];
    const bool kept = each.kind == ServiceVerdict::Kind::kKept;
    if (kept && each.why.empty()) continue;
    out << style.in(kept ? Color::kYellow : Color::kRed, each.service + " " + nameOf(each.kind))
        << ": " << listOf(each.before) << " -> " << listOf(each.now) << "\n";
    if (!each.why.empty()) out << "  " << each.why << "\n";
  }
  Table::Row header{"SERVICE", "BEFORE", "NOW", "VERDICT"};
  if (style.wide) header.emplace_back("WHY");
  Table table(std::move(header));
  for (const ServiceVerdict& each : verification.services) {
    Table::Row row{each.service, listOf(each.before), listOf(each.now), nameOf(each.kind)};
    if (style.wide) row.push_back(each.why.empty() ? "-" : each.why);
    table.add(std::move(row));
  }
  table.print(out);
  const auto text = [](const auto& count) {
    return std::to_string(count.second) + " " + count.first;
  };
  out << (counts.empty() ? "no Service was saved" : view::listed(counts, text)) << "\n";
}

}  // namespace barevip::cli
