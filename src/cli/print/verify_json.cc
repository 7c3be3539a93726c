// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "cli/print/documents.h"
#include "cli/print/text_json.h"

namespace barevip::cli {
namespace {

using nlohmann::json;

json documentOf(const Verification& verification) {
  json services = json::array();
  for (const ServiceVerdict& each : verification.services) {
    services.push_back({{"service", each.service},
                        {"before", each.before},
                        {"now", each.now},
                        {"verdict", nameOf(each.kind)},
                        {"why", each.why}});
  }
  json others = json::array();
  for (const OtherBalancer& each : verification.others) {
    others.push_back({{"product", each.product}, {"object", each.object}});
  }
  return {{"services", services}, {"otherBalancers", others}};
}

}  // namespace

std::string toJson(const Verification& verification) { return jsonText(documentOf(verification)); }

std::string toYaml(const Verification& verification) { return yamlText(documentOf(verification)); }

}  // namespace barevip::cli
