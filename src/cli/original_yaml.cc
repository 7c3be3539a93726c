// SPDX-License-Identifier: Apache-2.0
#include "cli/original_yaml.h"

#include <utility>

namespace barevip::cli {

void readOriginal(const std::string& kind, const std::string& name, Fields object,
                  const Origin& origin, Sources& sources, Report& report) {
  if (kind == "IP") {
    report.note(origin,
                "is not converted: if the address must stay, reserve it by an IP of barevip");
    return;
  }
  if (kind != "Pool") {
    report.note(origin, "has no equal: left out");
    return;
  }
  Fields spec = object.map("spec");
  PoolSource pool;
  pool.origin = origin;
  pool.path = spec.path();
  pool.name = name;
  pool.rules = PoolSource::Rules::kOriginal;
  pool.announced = PoolSource::Announced::kL2;
  pool.addresses = spec.texts("addresses");
  pool.filters = spec.texts("filterIPs");
  pool.avoidBuggyIps = spec.flag("avoidBuggyIPs", false);
  pool.avoidGatewayIps = spec.flag("avoidGatewayIPs", false);
  pool.ignoreNamespaces = spec.texts("ignoreNamespaces");
  if (spec.flag("assignToNamespace", false)) {
    spec.noteNoEqual("assignToNamespace",
                     "namespaces get no addresses here, Services of type LoadBalancer do, and IPs "
                     "reserve some");
  }
  if (spec.flag("ignoreNamespaceAnnotation", false)) {
    spec.noteNoEqual("ignoreNamespaceAnnotation",
                     "no annotation of a namespace asks for addresses here");
  }
  spec.noteOthers();
  sources.pools.push_back(std::move(pool));
}

}  // namespace barevip::cli
