// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/inspect/dump.h"

#include <algorithm>
#include <iomanip>
#include <optional>
#include <set>
#include <sstream>
#include <utility>
#include <vector>

#include "common/kube/list_into.h"
#include "common/model/endpoint_slice_json.h"
#include "common/model/ip_object_json.h"
#include "common/model/node_json.h"
#include "common/model/pool_json.h"
#include "common/model/service_json.h"
#include "ipvsnode/desired/desired_vips.h"
#include "ipvsnode/desired/endpoints.h"
#include "ipvsnode/inspect/differences.h"

namespace barevip::node {
namespace {

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

std::string describe(const ipvs::VirtualServer& server) {
  std::string text = ipvs::toString(server.key) + " " + server.options.scheduler;
  if ((server.options.flags & ipvs::kPersistent) != 0) {
    text += " persistent " + std::to_string(server.options.persistenceSeconds) + "s";
  }
  return text;
}

const ipvs::RealServer* find(const ipvs::VirtualServer* server, const ipvs::RealServerKey& key) {
  if (server == nullptr) return nullptr;
  const auto& all = server->realServers;
  const auto it = std::find_if(all.begin(), all.end(), [&](const auto& r) { return r.key == key; });
  return it == all.end() ? nullptr : &*it;
}

char mark(bool wanted, bool there, bool same) {
  if (wanted && there) return same ? '=' : '~';
  return wanted ? '+' : '-';
}

class Table {
 public:
  explicit Table(const Dump& dump) : dump_(dump) {}

  std::string text() {
    out_ << "node " << dump_.node << ", placement "
         << (dump_.placement == Placement::kHost ? "host" : "director") << ", bind interface "
         << joined(dump_.bindInterfaces) << "\n"
         << "= wanted and there   + wanted, missing   - there, not wanted   ~ there in another "
            "form\n";
    vips();
    timeouts();
    virtualServers();
    items("node", wantedOnNode(dump_.desired), dump_.kernel.nodeObjects);
    if (dump_.placement == Placement::kDirector) {
      items("director", itemsOf(dump_.desired.balancerObjects), dump_.kernel.balancerObjects);
    }
    problems();
    differences();
    return out_.str();
  }

 private:
  void vips() {
    out_ << "\nVIPs\n";
    for (const ServedVip& vip : dump_.desired.vips) {
      const auto holder = dump_.holders.find(vip.address);
      out_ << "  " << std::left << std::setw(24) << vip.address.toString() << " announced by "
           << std::setw(20)
           << (holder == dump_.holders.end() || holder->second.empty() ? "nobody" : holder->second);
      for (const auto& service : vip.services) out_ << " " << service->key.toString();
      out_ << "\n";
    }
  }

  void timeouts() {
    const ipvs::Timeouts& wanted = dump_.desired.timeouts;
    const bool same = ipvs::fulfils(dump_.kernel.timeouts, wanted);
    out_ << "\nTimeouts of IPVS\n"
         << (same ? '=' : '~') << " " << ipvs::toString(dump_.kernel.timeouts);
    if (!same) out_ << "; wanted: " << ipvs::toString(wanted);
    out_ << "\n";
  }

  void virtualServers() {
    out_ << "\nVirtual servers\n";
    std::map<ipvs::VirtualServerKey, const ipvs::VirtualServer*> wanted;
    for (const auto& server : dump_.desired.virtualServers) wanted.emplace(server.key, &server);
    std::set<ipvs::VirtualServerKey> keys;
    for (const auto& [key, server] : wanted) keys.insert(key);
    for (const auto& [key, server] : dump_.kernel.virtualServers) keys.insert(key);
    for (const auto& key : keys) {
      const auto want = wanted.find(key);
      const auto have = dump_.kernel.virtualServers.find(key);
      oneServer(want == wanted.end() ? nullptr : want->second,
                have == dump_.kernel.virtualServers.end() ? nullptr : &have->second);
    }
  }

  void oneServer(const ipvs::VirtualServer* want, const ipvs::VirtualServer* have) {
    if (want == nullptr && have == nullptr) return;
    const bool same = want != nullptr && have != nullptr && want->options == have->options;
    out_ << mark(want != nullptr, have != nullptr, same) << " "
         << describe(have != nullptr ? *have : *want) << "\n";
    std::set<ipvs::RealServerKey> keys;
    for (const auto* server : {want, have}) {
      if (server == nullptr) continue;
      for (const auto& real : server->realServers) keys.insert(real.key);
    }
    for (const auto& key : keys) {
      const ipvs::RealServer* wanted = find(want, key);
      const ipvs::RealServer* there = find(have, key);
      if (wanted == nullptr && there == nullptr) continue;
      const bool equal = wanted != nullptr && there != nullptr && *wanted == *there;
      out_ << mark(wanted != nullptr, there != nullptr, equal) << "   -> " << std::left
           << std::setw(28) << endpointText(key) << " weight "
           << (there != nullptr ? there->weight : wanted->weight);
      if (there != nullptr) {
        out_ << ", " << there->activeConnections << " active, " << there->inactiveConnections
             << " inactive connections";
      }
      out_ << "\n";
    }
  }

  void items(const char* where, const std::set<net::NetObject>& wanted,
             const std::set<net::NetObject>& there) {
    out_ << "\nIn the " << (where == std::string("node") ? "node's namespace" : "director") << "\n";
    std::set<net::NetObject> all = wanted;
    all.insert(there.begin(), there.end());
    for (const net::NetObject& item : all) {
      out_ << mark(wanted.contains(item), there.contains(item), true) << " " << net::toString(item)
           << "\n";
    }
  }

  void problems() {
    if (dump_.desired.problems.empty()) return;
    out_ << "\nProblems\n";
    for (const Problem& problem : dump_.desired.problems) {
      out_ << "! " << problem.service.toString() << " " << problem.reason << ": " << problem.message
           << "\n";
    }
  }

  void differences() {
    const std::vector<Difference> all = differencesOf(dump_);
    if (all.empty()) return;
    out_ << "\nDifferences\n";
    const Difference* before = nullptr;
    for (const Difference& one : all) {
      if (before == nullptr || before->vip != one.vip) {
        out_ << "  " << (one.vip ? one.vip->toString() : "all VIPs") << "\n";
      }
      out_ << "    " << one.subject << ": " << one.reason << "\n";
      before = &one;
    }
  }

  const Dump& dump_;
  std::ostringstream out_;
};

}  // namespace

Result<ClusterState> listCluster(kube::Api& api, model::ForwardMode forward,
                                 const std::stop_token& stop) {
  ClusterState state;
  model::ServiceParts parts = model::kPartsOfNode;
  parts.forward = forward;
  model::TextBudget texts;
  const auto decodeService = [&](const nlohmann::json& object) {
    return model::decodeServiceParts(object, parts, texts);
  };
  Result<void> listed =
      kube::listInto(api, kube::kServices, {}, decodeService, state.services, stop);
  if (listed) {
    listed = kube::listInto(api, kube::kEndpointSlices, {}, model::decodeEndpointSlice,
                            state.slices, stop);
  }
  if (listed) listed = kube::listInto(api, kube::kNodes, {}, model::decodeNode, state.nodes, stop);
  if (listed)
    listed = kube::listInto(api, kube::kIps, {}, model::decodeIpObject, state.ipObjects, stop);
  if (listed) listed = kube::listInto(api, kube::kPools, {}, model::decodePool, state.pools, stop);
  if (!listed) return tl::make_unexpected(listed.error());
  return state;
}

Dump makeDump(const ClusterState& cluster, KernelState kernel,
              const std::vector<net::BoundAddress>& addresses, LocalFacts local,
              const DesiredOptions& options) {
  DiffContext context;
  context.placement = options.placement;
  local.held = foreignHolders(kernel, addresses, context);
  DesiredVips vips(options);
  vips.follow(cluster, std::move(local));
  std::vector<const ServedVip*> served;
  for (const auto& [address, vip] : vips.all()) served.push_back(&vip.served);
  const auto questions = electionsFor(served, cluster, {});
  vips.holdBack(unowned(questions, {}), kernel.nodeObjects);
  Dump dump{options.nodeName, options.placement, options.bindInterfaces,
            vips.whole(),     std::move(kernel), {}};
  for (std::size_t i = 0; i < questions.size(); ++i) {
    const VipElection& question = questions[i];
    dump.holders.emplace(question.vip, question.holder);
    const ServedVip& vip = dump.desired.vips[i];
    if (question.holder == options.nodeName && vip.servedHere) {
      dump.desired.announcements.emplace(question.vip, announcementOf(vip, options));
    }
  }
  return dump;
}

std::string toTable(const Dump& dump) { return Table(dump).text(); }

}  // namespace barevip::node
