// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "ipvsnode/inspect/differences.h"
#include "ipvsnode/inspect/dump.h"

namespace barevip::node {
namespace {

using nlohmann::json;

json optionsJson(const ipvs::VirtualServer* server) {
  if (server == nullptr) return nullptr;
  return {{"scheduler", server->options.scheduler},
          {"flags", server->options.flags},
          {"persistenceSeconds", server->options.persistenceSeconds}};
}

json timeoutsJson(const ipvs::Timeouts& timeouts) {
  return {{"tcp", timeouts.tcp.count()},
          {"tcpFin", timeouts.tcpFin.count()},
          {"udp", timeouts.udp.count()}};
}

/// Wanted and present values by key.
template <class Key, class Value>
using Sides = std::map<Key, std::pair<const Value*, const Value*>>;

json realServersJson(const ipvs::VirtualServer* wanted, const ipvs::VirtualServer* there) {
  Sides<ipvs::RealServerKey, ipvs::RealServer> sides;
  if (wanted != nullptr) {
    for (const auto& real : wanted->realServers) sides[real.key].first = &real;
  }
  if (there != nullptr) {
    for (const auto& real : there->realServers) sides[real.key].second = &real;
  }
  json result = json::array();
  for (const auto& [key, side] : sides) {
    json one = {{"address", key.address.toString()},
                {"port", key.port},
                {"desired", nullptr},
                {"kernel", nullptr}};
    if (side.first != nullptr) one["desired"] = {{"weight", side.first->weight}};
    if (side.second != nullptr) {
      one["kernel"] = {{"weight", side.second->weight},
                       {"activeConnections", side.second->activeConnections},
                       {"inactiveConnections", side.second->inactiveConnections}};
    }
    result.push_back(std::move(one));
  }
  return result;
}

json virtualServersJson(const Dump& dump) {
  Sides<ipvs::VirtualServerKey, ipvs::VirtualServer> sides;
  for (const auto& server : dump.desired.virtualServers) sides[server.key].first = &server;
  for (const auto& [key, server] : dump.kernel.virtualServers) sides[key].second = &server;
  json result = json::array();
  for (const auto& [key, side] : sides) {
    result.push_back({{"address", key.vip.toString()},
                      {"port", key.port},
                      {"protocol", model::toString(key.protocol)},
                      {"desired", optionsJson(side.first)},
                      {"kernel", optionsJson(side.second)},
                      {"realServers", realServersJson(side.first, side.second)}});
  }
  return result;
}

void addItems(json& target, const char* where, const std::set<net::NetObject>& wanted,
              const std::set<net::NetObject>& there) {
  std::set<net::NetObject> all = wanted;
  all.insert(there.begin(), there.end());
  for (const net::NetObject& item : all) {
    target.push_back({{"namespace", where},
                      {"item", net::toString(item)},
                      {"desired", wanted.contains(item)},
                      {"kernel", there.contains(item)}});
  }
}

json vipsJson(const Dump& dump, const DesiredOptions& options) {
  json result = json::array();
  for (const ServedVip& vip : dump.desired.vips) {
    json services = json::array();
    for (const auto& service : vip.services) services.push_back(service->key.toString());
    const auto holder = dump.holders.find(vip.address);
    result.push_back(
        {{"address", vip.address.toString()},
         {"services", std::move(services)},
         {"holder", holder == dump.holders.end() ? "" : holder->second},
         {"announcedHere", dump.kernel.nodeObjects.contains(announcementOf(vip, options))}});
  }
  return result;
}

}  // namespace

std::string toJson(const Dump& dump) {
  DesiredOptions options;
  options.nodeName = dump.node;
  options.placement = dump.placement;
  options.bindInterfaces = dump.bindInterfaces;

  json items = json::array();
  addItems(items, "node", wantedOnNode(dump.desired), dump.kernel.nodeObjects);
  addItems(items, "director", itemsOf(dump.desired.balancerObjects), dump.kernel.balancerObjects);

  json problems = json::array();
  for (const Problem& problem : dump.desired.problems) {
    problems.push_back({{"service", problem.service.toString()},
                        {"vip", problem.vip ? problem.vip->toString() : ""},
                        {"reason", problem.reason},
                        {"message", problem.message}});
  }
  json differences = json::array();
  for (const Difference& one : differencesOf(dump)) {
    differences.push_back({{"vip", one.vip ? one.vip->toString() : ""},
                           {"subject", one.subject},
                           {"reason", one.reason}});
  }
  DiffContext context;
  context.placement = dump.placement;
  KernelState kernel = dump.kernel;
  kernel.filter = dump.desired.filter;  // the packet filter is not looked at here
  const bool inSync = diff(dump.desired, kernel, context).steps.empty();
  const json all = {{"node", dump.node},
                    {"placement", dump.placement == Placement::kHost ? "host" : "director"},
                    {"bindInterface", dump.bindInterfaces.front()},
                    {"bindInterfaces", dump.bindInterfaces},
                    {"inSync", inSync},
                    {"vips", vipsJson(dump, options)},
                    {"timeouts",
                     {{"desired", timeoutsJson(dump.desired.timeouts)},
                      {"kernel", timeoutsJson(dump.kernel.timeouts)}}},
                    {"virtualServers", virtualServersJson(dump)},
                    {"items", std::move(items)},
                    {"problems", std::move(problems)},
                    {"differences", std::move(differences)}};
  // Names come from the cluster: what is not UTF-8 must not throw.
  return all.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

}  // namespace barevip::node
