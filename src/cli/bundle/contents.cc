// SPDX-License-Identifier: Apache-2.0
#include "cli/bundle/contents.h"

#include <sstream>

namespace barevip::cli {
namespace {

constexpr const char* kNever =
    "Never in a bundle: Secrets, contents of ConfigMaps, values of environment variables, and\n"
    "annotations but those of barevip.dev and of Kubernetes. Credentials and paths of URLs are\n"
    "replaced by [redacted]. Names and addresses of Services, endpoints and nodes are in it.\n";

}  // namespace

std::string manifestOf(const Contents& contents) {
  std::ostringstream text;
  text << "Support bundle of barevip, made " << contents.made << " by kubectl-barevip "
       << contents.version << ".\n\n"
       << kNever;
  text << "\nFiles, with their bytes\n";
  for (const Contents::File& each : contents.files) {
    text << "  " << each.path << " " << each.bytes << "\n";
  }
  text << "\nNot read\n";
  for (const Contents::Gap& each : contents.gaps) {
    text << "  " << each.path << ": " << each.why << "\n";
  }
  if (contents.gaps.empty()) text << "  nothing is missing\n";
  text << "\nTo add by hand, of a node that is at fault: what its kernel should hold and holds\n"
       << "  kubectl exec -n " << contents.ns << " POD -- barevip-node --dump --output=json\n";
  return text.str();
}

}  // namespace barevip::cli
