// SPDX-License-Identifier: Apache-2.0
#include "view/status_json.h"

#include <nlohmann/json.hpp>

namespace barevip::view {
namespace {

using nlohmann::json;

json documentOf(const Finding& finding) {
  return {{"level", toString(finding.level)},
          {"kind", finding.kind},
          {"object", finding.object},
          {"reason", finding.reason},
          {"message", finding.message}};
}

json documentOf(const model::Pool::Counts& counts) {
  return {{"ipv4", counts.ipv4}, {"ipv6", counts.ipv6}};
}

json documentOf(const PoolRow& pool) {
  return {{"name", pool.name},
          {"ready", pool.ready},
          {"capacity", documentOf(pool.capacity)},
          {"allocated", documentOf(pool.allocated)},
          {"available", documentOf(pool.available)}};
}

json documentOf(const VipRow& vip) {
  return {{"namespace", vip.ns}, {"services", vip.services}, {"address", vip.address},
          {"pool", vip.pool},    {"node", vip.node},         {"ipObject", vip.ipObject},
          {"since", vip.since}};
}

json documentOf(const NodeRow& node) {
  return {{"name", node.name},
          {"ready", node.ready},
          {"eligible", node.eligible},
          {"daemon", node.daemon},
          {"vips", node.vips}};
}

template <class Rows>
json arrayOf(const Rows& rows) {
  json array = json::array();
  for (const auto& row : rows) array.push_back(documentOf(row));
  return array;
}

}  // namespace

json documentOf(const Status& status) {
  return {{"problems", arrayOf(status.findings)},
          {"pools", arrayOf(status.pools)},
          {"vips", arrayOf(status.vips)},
          {"nodes", arrayOf(status.nodes)}};
}

}  // namespace barevip::view
