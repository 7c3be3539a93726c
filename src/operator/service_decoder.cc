// SPDX-License-Identifier: Apache-2.0
#include "operator/service_decoder.h"

#include "common/model/service_json.h"

namespace barevip::controlplane {

ServiceDecoder serviceDecoder(assigner::Compat compat) {
  return [compat](const nlohmann::json& object) {
    auto service = model::decodeService(object);
    if (service) assigner::readAnnotationsOf(compat, *service);
    return service;
  };
}

}  // namespace barevip::controlplane
