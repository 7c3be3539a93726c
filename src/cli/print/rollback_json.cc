// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "cli/print/documents.h"
#include "cli/print/text_json.h"

namespace barevip::cli {
namespace {

using nlohmann::json;

json documentOf(const RollbackStep& step) {
  json annotations = json::object();
  for (const auto& [name, value] : step.annotations) {
    annotations[name] = value ? json(*value) : json();
  }
  json records = json::array();
  for (const kube::ObjectKey& each : step.records) records.push_back(each.toString());
  return {{"service", step.service.toString()},
          {"saved", step.saved},
          {"shows", step.shows},
          {"addresses", step.ingress ? json(addressesOf(*step.ingress)) : json()},
          {"annotations", annotations},
          {"loadBalancerIP", step.loadBalancerIp ? json(*step.loadBalancerIp) : json()},
          {"ipObjects", records},
          {"obstacle", step.obstacle}};
}

json documentOf(const std::vector<RollbackStep>& plan) {
  json services = json::array();
  for (const RollbackStep& each : plan) services.push_back(documentOf(each));
  return {{"services", services}};
}

}  // namespace

std::string toJson(const std::vector<RollbackStep>& plan) { return jsonText(documentOf(plan)); }

std::string toYaml(const std::vector<RollbackStep>& plan) { return yamlText(documentOf(plan)); }

}  // namespace barevip::cli
