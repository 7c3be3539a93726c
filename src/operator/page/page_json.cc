// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

#include "common/base/rfc3339.h"
#include "common/base/utf8.h"
#include "operator/page/page_state.h"
#include "view/status_json.h"

namespace barevip::controlplane {
namespace {

using nlohmann::json;

const char* roleOf(const Leadership& leadership) {
  if (!leadership.elects) return "alone";
  return leadership.leads ? "leader" : "standby";
}

json documentOf(const view::PortTraffic& port, bool endpointsKnown) {
  json backends;
  if (endpointsKnown) {
    backends = json::array();
    for (const view::Backend& each : port.backends) {
      backends.push_back({{"endpoint", each.endpoint}, {"node", each.node}});
    }
  }
  return {{"service", port.service},
          {"port", port.port},
          {"local", port.local},
          {"total", port.total},
          {"backends", std::move(backends)}};
}

json documentOf(const view::VipTraffic& vip, bool endpointsKnown) {
  json ports = json::array();
  for (const view::PortTraffic& each : vip.ports) {
    if (ports.size() < view::kMostBackends) ports.push_back(documentOf(each, endpointsKnown));
  }
  return {{"address", vip.address},
          {"owner", vip.owner},
          {"byKubeProxy", vip.byKubeProxy},
          {"ports", std::move(ports)}};
}

// The first rows of the list; how many there are beyond them.
std::size_t cut(json& list) {
  const std::size_t over = list.size() > kMostRows ? list.size() - kMostRows : 0;
  list.erase(list.end() - static_cast<json::difference_type>(over), list.end());
  return over;
}

void addTraffic(const PageState& state, json& document) {
  json traffic = json::array();
  for (const view::VipTraffic& each : state.traffic) {
    traffic.push_back(documentOf(each, state.endpointsKnown));
  }
  document["traffic"] = std::move(traffic);
}

void addMoves(const PageState& state, json& document) {
  json moves = json::array();
  for (const Move& each : state.moves) {
    moves.push_back({{"time", formatSeconds(each.time)},
                     {"address", each.address},
                     {"from", each.from},
                     {"to", each.to}});
  }
  document["moves"] = std::move(moves);
  document["movesSince"] = formatSeconds(state.movesSince);
}

}  // namespace

std::string toJson(const PageState& state) {
  json document = documentOf(state.status);
  addTraffic(state, document);
  json omitted = json::object();
  for (const char* const list : {"problems", "pools", "vips", "nodes", "traffic"}) {
    omitted[list] = cut(document[list]);
  }
  for (json& problem : document["problems"]) {
    auto& message = problem["message"].get_ref<std::string&>();
    if (message.size() > kMostMessage) message = cutUtf8(message, kMostMessage) + "\u2026";
  }
  document["omitted"] = std::move(omitted);
  addMoves(state, document);
  document["version"] = BAREVIP_VERSION;
  document["identity"] = state.identity;
  document["dashboardUrl"] = state.dashboardUrl;
  document["role"] = roleOf(state.leadership);
  document["leader"] = state.leadership.leader;
  document["notes"] = state.notes;
  return document.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace barevip::controlplane
