// SPDX-License-Identifier: Apache-2.0
#include "operator/session/service_decoder.h"

#include <utility>

#include "common/model/service_json.h"

namespace barevip::controlplane {

ServiceDecoder serviceDecoder(assigner::Compat compat, std::shared_ptr<model::TextBudget> budget) {
  return [compat, budget = std::move(budget)](const nlohmann::json& object) {
    auto service = model::decodeServiceParts(object, model::kPartsOfOperator, *budget);
    if (service) assigner::readAnnotationsOf(compat, *service);
    return service;
  };
}

}  // namespace barevip::controlplane
