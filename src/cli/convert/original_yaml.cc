// SPDX-License-Identifier: Apache-2.0
#include "cli/convert/original_yaml.h"

#include <utility>

namespace barevip::cli {

void readOriginal(const std::string& kind, const std::string& name, Fields object,
                  const Origin& origin, Sources& sources, Report& report) {
  if (kind == "IP") {
    report.lose(origin,
                "is not converted: if the address must stay, reserve it by an IP of barevip");
    return;
  }
  if (kind != "Pool") {
    report.lose(origin, "has no equal: left out");
    return;
  }
  Fields spec = object.map("spec");
  PoolSource pool;
  pool.origin = origin;
  pool.name = name;
  pool.wrongRangesAreEmpty = true;
  pool.allowSharing = model::AllowSharing::kNamespace;
  pool.announced = PoolSource::Announced::kL2;
  pool.addresses = spec.writtenTexts("addresses");
  pool.filters = spec.writtenTexts("filterIPs");
  pool.avoidBuggyIps = spec.flag("avoidBuggyIPs", false);
  pool.avoidGatewayIps = spec.flag("avoidGatewayIPs", false);
  pool.ignoreNamespaces = spec.texts("ignoreNamespaces");
  if (spec.flag("assignToNamespace", false)) {
    spec.loseNoEqual("assignToNamespace",
                     "namespaces get no addresses here, Services of type LoadBalancer do, and IPs "
                     "reserve some");
  }
  if (spec.flag("ignoreNamespaceAnnotation", false)) {
    spec.noteNoEqual("ignoreNamespaceAnnotation",
                     "no annotation of a namespace asks for addresses here");
  }
  spec.loseOthers();
  sources.pools.push_back(std::move(pool));
}

}  // namespace barevip::cli
