// SPDX-License-Identifier: Apache-2.0
#include "cli/print/explain_print.h"

#include <ostream>
#include <string>
#include <vector>

namespace barevip::cli {
namespace {

using Step = ServiceExplanation::Step;

void printSteps(const std::vector<Step>& steps, const char* indent, std::ostream& out) {
  for (const Step& step : steps) out << indent << step.what << ": " << step.verdict << "\n";
}

void printAddress(const ServiceExplanation::Address& address, const Style& style,
                  std::ostream& out) {
  out << "\n"
      << style.in(Color::kBold, address.address) << " (Pool " << address.pool << "): the Service "
      << (address.isNew ? "does not have it yet, and gets it next.\n" : "has it, and keeps it.\n");
  if (!address.ipObject.empty()) out << "  recorded by the IP object " << address.ipObject << "\n";
  if (address.nodes.empty()) return;
  out << "  owner: " << (address.owner.empty() ? "none" : address.owner)
      << ", announced by: " << (address.announcer.empty() ? "no node yet" : address.announcer)
      << "\n";
  for (const Step& step : address.nodes) {
    out << "    node " << step.what << " " << step.verdict << "\n";
  }
}

void printBackends(const ServiceExplanation::Backends& backends, std::ostream& out) {
  out << "  " << backends.vipPort << " -> ";
  if (backends.endpoints.empty()) out << "nothing: " << backends.why;
  for (std::size_t i = 0; i < backends.endpoints.size(); ++i) {
    out << (i == 0 ? "" : ", ") << backends.endpoints[i];
  }
  out << "\n";
}

void printPath(const ClientPath& path, std::ostream& out) {
  out << "  " << path.vipPort;
  if (!path.node.empty()) out << " by " << path.node;
  const bool leads = !path.endpoint.empty() || !path.candidates.empty();
  if (leads) out << " -> " << path.endpoint;
  if (!path.candidates.empty()) out << "one of ";
  for (std::size_t i = 0; i < path.candidates.size(); ++i) {
    out << (i == 0 ? "" : ", ") << path.candidates[i];
  }
  if (!path.why.empty()) out << ": " << path.why;
  if (!path.kernel.empty()) out << "; " << path.kernel;
  out << "\n";
}

}  // namespace

void printExplanation(const ServiceExplanation& explanation, const Style& style,
                      std::ostream& out) {
  out << style.in(Color::kBold, "Service " + explanation.service) << " shows";
  if (explanation.shows.empty()) out << " no address";
  for (const std::string& address : explanation.shows) out << " " << address;
  out << ".\n";
  if (!explanation.reason.empty()) {
    out << style.in(Color::kRed, explanation.reason) << ": " << explanation.message << "\n";
  }
  if (!explanation.request.empty()) {
    out << "\nIt asks for\n";
    printSteps(explanation.request, "  ", out);
  }
  if (!explanation.pools.empty()) {
    out << "\nPools, in the order in which they are tried\n";
    printSteps(explanation.pools, "  ", out);
  }
  for (const auto& address : explanation.addresses) printAddress(address, style, out);
  if (!explanation.backends.empty()) {
    out << "\nThe owner forwards\n";
    for (const auto& backends : explanation.backends) printBackends(backends, out);
  }
  if (explanation.client.empty()) return;
  out << "\nA new connection from " << explanation.client << "\n";
  for (const ClientPath& path : explanation.paths) printPath(path, out);
  if (explanation.paths.empty()) out << "  the Service has no VIP of that family\n";
}

}  // namespace barevip::cli
