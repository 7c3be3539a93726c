// SPDX-License-Identifier: Apache-2.0
#include "common/model/service_cidr_json.h"

#include <string>
#include <utility>

#include <nlohmann/json.hpp>

#include "common/model/meta_json.h"

namespace barevip::model {

using nlohmann::json;

Result<ServiceCidr> decodeServiceCidr(const json& object) {
  auto meta = decodeMeta(object, kube::kServiceCidrs.kind, false);
  if (!meta) return tl::make_unexpected(std::move(meta.error()));
  ServiceCidr decoded;
  decoded.key = std::move(meta->key);
  for (std::string& text : stringsAt(memberOf(object, "spec"), "cidrs")) {
    if (const auto prefix = IpPrefix::parseNetwork(text)) {
      decoded.ranges.push_back(prefix->range());
    } else {
      decoded.malformed.push_back(std::move(text));
    }
  }
  return decoded;
}

}  // namespace barevip::model
