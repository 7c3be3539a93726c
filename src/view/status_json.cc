// SPDX-License-Identifier: Apache-2.0
#include "view/status_json.h"

#include <nlohmann/json.hpp>

namespace barevip::view {
namespace {

using nlohmann::json;

json counts(const model::Pool::Counts& counts) {
  return {{"ipv4", counts.ipv4}, {"ipv6", counts.ipv6}};
}

}  // namespace

json documentOf(const Status& status) {
  json problems = json::array();
  for (const Finding& each : status.findings) {
    problems.push_back({{"level", toString(each.level)},
                        {"kind", each.kind},
                        {"object", each.object},
                        {"reason", each.reason},
                        {"message", each.message}});
  }
  json pools = json::array();
  for (const PoolRow& each : status.pools) {
    pools.push_back({{"name", each.name},
                     {"ready", each.ready},
                     {"capacity", counts(each.capacity)},
                     {"allocated", counts(each.allocated)},
                     {"available", counts(each.available)}});
  }
  json vips = json::array();
  for (const VipRow& each : status.vips) {
    vips.push_back({{"namespace", each.ns},
                    {"services", each.services},
                    {"address", each.address},
                    {"pool", each.pool},
                    {"node", each.node},
                    {"ipObject", each.ipObject},
                    {"since", each.since}});
  }
  json nodes = json::array();
  for (const NodeRow& each : status.nodes) {
    nodes.push_back({{"name", each.name},
                     {"ready", each.ready},
                     {"eligible", each.eligible},
                     {"daemon", each.daemon},
                     {"vips", each.vips}});
  }
  return {{"problems", problems}, {"pools", pools}, {"vips", vips}, {"nodes", nodes}};
}

}  // namespace barevip::view
