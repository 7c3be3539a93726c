// SPDX-License-Identifier: Apache-2.0
#include <vector>

#include <nlohmann/json.hpp>

#include "cli/print/documents.h"
#include "cli/print/text_json.h"

namespace barevip::cli {
namespace {

using nlohmann::json;

json allocations(const std::vector<EditReport::Allocation>& all) {
  json list = json::array();
  for (const auto& each : all) {
    list.push_back({{"address", each.address},
                    {"consumer", each.consumer},
                    {"pool", each.pool},
                    {"message", each.message}});
  }
  return list;
}

json documentOf(const EditReport& report) {
  json faults = json::array();
  for (const auto& each : report.faults) {
    faults.push_back({{"pool", each.pool}, {"message", each.message}});
  }
  return {{"keeps", report.keeps},
          {"orphans", allocations(report.orphans)},
          {"recounts", allocations(report.recounts)},
          {"faults", faults},
          {"gains", allocations(report.gains)}};
}

}  // namespace

std::string toJson(const EditReport& report) { return jsonText(documentOf(report)); }

std::string toYaml(const EditReport& report) { return yamlText(documentOf(report)); }

}  // namespace barevip::cli
