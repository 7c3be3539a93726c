// SPDX-License-Identifier: Apache-2.0
#include "operator/session/service_decoder.h"

#include <utility>

#include "common/model/service_json.h"

namespace barevip::controlplane {

ServiceDecoder serviceDecoder(const ServiceReading& reading,
                              std::shared_ptr<model::TextBudget> budget) {
  model::ServiceParts parts = model::kPartsOfOperator;
  parts.forward = reading.forward;
  return
      [parts, compat = reading.compat, budget = std::move(budget)](const nlohmann::json& object) {
        auto service = model::decodeServiceParts(object, parts, *budget);
        if (service) assigner::readAnnotationsOf(compat, *service);
        return service;
      };
}

}  // namespace barevip::controlplane
