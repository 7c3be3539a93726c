// SPDX-License-Identifier: Apache-2.0
#include <vector>

#include <nlohmann/json.hpp>

#include "cli/print/documents.h"
#include "cli/print/text_json.h"

namespace barevip::cli {
namespace {

using nlohmann::json;

json steps(const std::vector<ServiceExplanation::Step>& steps, const char* name) {
  json list = json::array();
  for (const auto& each : steps) list.push_back({{name, each.what}, {"verdict", each.verdict}});
  return list;
}

json documentOf(const ServiceExplanation& explanation) {
  json addresses = json::array();
  for (const auto& each : explanation.addresses) {
    addresses.push_back({{"address", each.address},
                         {"pool", each.pool},
                         {"ipObject", each.ipObject},
                         {"new", each.isNew},
                         {"owner", each.owner},
                         {"announcer", each.announcer},
                         {"nodes", steps(each.nodes, "node")}});
  }
  json backends = json::array();
  for (const auto& each : explanation.backends) {
    backends.push_back(
        {{"frontend", each.vipPort}, {"endpoints", each.endpoints}, {"why", each.why}});
  }
  json paths = json::array();
  for (const ClientPath& each : explanation.paths) {
    paths.push_back({{"frontend", each.vipPort},
                     {"node", each.node},
                     {"endpoint", each.endpoint},
                     {"candidates", each.candidates},
                     {"why", each.why},
                     {"kernel", each.kernel}});
  }
  return {{"client", explanation.client},   {"paths", paths},
          {"service", explanation.service}, {"request", steps(explanation.request, "what")},
          {"shows", explanation.shows},     {"reason", explanation.reason},
          {"message", explanation.message}, {"pools", steps(explanation.pools, "pool")},
          {"addresses", addresses},         {"backends", backends}};
}

}  // namespace

std::string toJson(const ServiceExplanation& explanation) {
  return jsonText(documentOf(explanation));
}

std::string toYaml(const ServiceExplanation& explanation) {
  return yamlText(documentOf(explanation));
}

}  // namespace barevip::cli
