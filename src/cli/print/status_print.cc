// SPDX-License-Identifier: Apache-2.0
#include "cli/print/status_print.h"

#include <array>
#include <ostream>

#include "cli/print/table.h"

namespace barevip::cli {
namespace {

std::string yesNo(bool value) { return value ? "yes" : "no"; }

std::string orDash(const std::string& text) { return text.empty() ? "-" : text; }

void printFindings(const view::Status& status, const Style& style, std::ostream& out) {
  if (status.findings.empty()) {
    out << style.in(Color::kGreen, "No problems.") << "\n";
    return;
  }
  out << style.in(Color::kBold, "PROBLEMS") << "\n";
  for (const view::Finding& each : status.findings) {
    const bool problem = each.level == view::Finding::Level::kProblem;
    out << style.in(problem ? Color::kRed : Color::kYellow,
                    each.kind + " " + each.object + " " + each.reason)
        << (problem ? "" : " (warning)") << "\n  " << each.message << "\n";
  }
}

void printPools(const std::vector<view::PoolRow>& pools, std::ostream& out) {
  Table table({"POOL", "READY", "FAMILY", "CAPACITY", "ALLOCATED", "AVAILABLE"});
  using Counts = model::Pool::Counts;
  const std::array<std::pair<const char*, std::string Counts::*>, 2> families{
      {{"IPv4", &Counts::ipv4}, {"IPv6", &Counts::ipv6}}};
  for (const view::PoolRow& pool : pools) {
    bool any = false;
    for (const auto& [family, member] : families) {
      const std::string& capacity = pool.capacity.*member;
      const std::string& allocated = pool.allocated.*member;
      const auto isNone = [](const std::string& count) { return count.empty() || count == "0"; };
      if (isNone(capacity) && isNone(allocated)) continue;
      any = true;
      table.add(
          {pool.name, yesNo(pool.ready), family, capacity, allocated, pool.available.*member});
    }
    if (!any) table.add({pool.name, yesNo(pool.ready), "-", "0", "0", "0"});
  }
  table.print(out);
}

std::string servicesOf(const view::VipRow& vip) {
  if (vip.services.empty()) return "- (reserved by " + vip.ns + "/" + vip.ipObject + ")";
  std::string text;
  for (const std::string& name : vip.services) {
    text += (text.empty() ? "" : ",") + vip.ns + "/" + name;
  }
  return text;
}

void printVips(const std::vector<view::VipRow>& vips, const Style& style, std::ostream& out) {
  Table::Row header{"ADDRESS", "SERVICE", "POOL", "NODE", "AGE"};
  if (style.wide) header.emplace_back("IP OBJECT");
  Table table(header);
  for (const view::VipRow& vip : vips) {
    Table::Row row{vip.address, servicesOf(vip), orDash(vip.pool), orDash(vip.node),
                   style.age(vip.since)};
    if (style.wide) row.push_back(vip.ns + "/" + vip.ipObject);
    table.add(std::move(row));
  }
  table.print(out);
}

void printNodes(const std::vector<view::NodeRow>& nodes, std::ostream& out) {
  Table table({"NODE", "READY", "VIPS", "DAEMON"});
  for (const view::NodeRow& node : nodes) {
    table.add({node.name, yesNo(node.ready), std::to_string(node.vips), node.daemon});
  }
  table.print(out);
}

}  // namespace

void printStatus(const view::Status& status, const Style& style, std::ostream& out) {
  printFindings(status, style, out);
  out << "\n";
  if (status.pools.empty()) {
    out << "No Pools.\n";
  } else {
    printPools(status.pools, out);
  }
  out << "\n";
  if (status.vips.empty()) {
    out << "No VIPs.\n";
  } else {
    printVips(status.vips, style, out);
  }
  out << "\n";
  printNodes(status.nodes, out);
}

}  // namespace barevip::cli
