// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/inspect/differences.h"

#include <algorithm>
#include <set>
#include <utility>
#include <variant>

#include "ipvsnode/desired/endpoints.h"

namespace barevip::node {
namespace {

constexpr const char* kMissing =
    "the kernel lacks it. The next pass of the daemon adds it; if it stays so, look for \"change "
    "refused\" in the log of barevip-node";
constexpr const char* kLeftover = "no Service needs it. The next pass of the daemon removes it";
constexpr const char* kForeign = "another program made it. barevip leaves it alone";

std::optional<IpAddress> vipOf(const net::NetObject& item) {
  if (const auto* address = std::get_if<net::BoundAddress>(&item)) return address->address;
  if (const auto* neighbour = std::get_if<net::ProxyNeighbour>(&item)) return neighbour->address;
  const auto* route = std::get_if<net::Route>(&item);
  if (route == nullptr) return std::nullopt;
  const IpAddress& network = route->destination.network;
  return route->destination == IpPrefix::host(network) ? std::optional(network) : std::nullopt;
}

std::string optionsText(const ipvs::VirtualServerOptions& options) {
  std::string text = options.scheduler + " with flags " + std::to_string(options.flags);
  if ((options.flags & ipvs::kPersistent) == 0) return text;
  text.append(", persistent for ").append(std::to_string(options.persistenceSeconds)).append(" s");
  return text;
}

class Finder {
 public:
  explicit Finder(const Dump& dump) : dump_(dump) {}

  std::vector<Difference> run() && {
    vips();
    timeouts();
    virtualServers();
    items(wantedOnNode(dump_.desired), dump_.kernel.nodeObjects, "");
    items(itemsOf(dump_.desired.balancerObjects), dump_.kernel.balancerObjects,
          " in the balancer namespace");
    std::stable_sort(found_.begin(), found_.end(), [](const Difference& a, const Difference& b) {
      return a.vip < b.vip;  // nothing comes before any address
    });
    return std::move(found_);
  }

 private:
  void add(std::optional<IpAddress> vip, std::string subject, std::string reason) {
    found_.push_back({vip, std::move(subject), std::move(reason)});
  }

  void vips() {
    std::set<IpAddress> led;
    for (const auto& server : dump_.desired.virtualServers) led.insert(server.key.vip);
    for (const ServedVip& vip : dump_.desired.vips) {
      if (!vip.servedHere) {
        add(vip.address, vip.address.toString(), whyNotServed(vip.address));
      } else if (!vip.byKubeProxy && !led.contains(vip.address)) {
        add(vip.address, vip.address.toString(),
            "no node announces it yet, so this node does not lead to it. The node that takes it "
            "over records itself in status.node of its IP object");
      }
    }
  }

  [[nodiscard]] std::string whyNotServed(const IpAddress& vip) const {
    for (const Problem& problem : dump_.desired.problems) {
      const bool says = problem.reason == "NoIPv6" || problem.reason == "AddressInUse" ||
                        problem.reason == model::kForwardingRefused;
      if (says && problem.vip == vip) return problem.message;
    }
    return "this node cannot serve it";
  }

  void timeouts() {
    const ipvs::Timeouts& wanted = dump_.desired.timeouts;
    if (ipvs::fulfils(dump_.kernel.timeouts, wanted)) return;
    add(std::nullopt, "timeouts of IPVS",
        "wanted are " + ipvs::toString(wanted) + ". The next pass of the daemon sets them");
  }

  void virtualServers() {
    const auto& there = dump_.kernel.virtualServers;
    std::set<ipvs::VirtualServerKey> wanted;
    for (const ipvs::VirtualServer& server : dump_.desired.virtualServers) {
      wanted.insert(server.key);
      const auto at = there.find(server.key);
      if (at == there.end()) {
        add(server.key.vip, ipvs::toString(server.key), kMissing);
        continue;
      }
      compare(server, at->second);
    }
    for (const auto& [key, server] : there) {
      if (wanted.contains(key)) continue;
      const bool ours =
          dump_.placement == Placement::kDirector ||
          dump_.kernel.nodeObjects.contains(net::BoundAddress{key.vip, net::kDummyDevice});
      add(key.vip, ipvs::toString(key), ours ? kLeftover : kForeign);
    }
  }

  void compare(const ipvs::VirtualServer& wanted, const ipvs::VirtualServer& there) {
    if (!(wanted.options == there.options)) {
      add(wanted.key.vip, ipvs::toString(wanted.key),
          "the kernel has " + optionsText(there.options) + ", wanted is " +
              optionsText(wanted.options) +
              ". The next pass of the daemon sets it; an external change or a new annotation made "
              "the difference");
    }
    const auto find = [](const ipvs::VirtualServer& in, const ipvs::RealServerKey& key) {
      const auto& all = in.realServers;
      const auto at =
          std::find_if(all.begin(), all.end(), [&](const auto& one) { return one.key == key; });
      return at == all.end() ? nullptr : &*at;
    };
    const auto addReal = [&](const ipvs::RealServerKey& key, std::string reason) {
      std::string subject = ipvs::toString(wanted.key);
      subject.append(" -> ").append(endpointText(key));
      add(wanted.key.vip, std::move(subject), std::move(reason));
    };
    for (const ipvs::RealServer& real : wanted.realServers) {
      const ipvs::RealServer* const has = find(there, real.key);
      if (has == nullptr) {
        addReal(real.key, kMissing);
      } else if (!(*has == real)) {
        addReal(real.key, whyOther(real, *has));
      }
    }
    for (const ipvs::RealServer& real : there.realServers) {
      if (find(wanted, real.key) == nullptr) addReal(real.key, whyUnwanted(wanted.key, real));
    }
  }

  static std::string whyOther(const ipvs::RealServer& wanted, const ipvs::RealServer& has) {
    if (has.foreignMethod) {
      return "another program made it with another forwarding method. The next pass of the daemon "
             "corrects it";
    }
    return "its weight is " + std::to_string(has.weight) + ", wanted is " +
           std::to_string(wanted.weight) +
           ". It drained and its endpoint is back, or another program set it; the next pass of the "
           "daemon sets it";
  }

  static std::string whyUnwanted(const ipvs::VirtualServerKey& server,
                                 const ipvs::RealServer& real) {
    if (server.protocol == ipvs::Protocol::kUdp) {
      return "its endpoint left. The next pass of the daemon removes it";
    }
    if (real.weight != 0)
      return "its endpoint left. The next pass of the daemon begins to drain it";
    return "its endpoint left and it drains: " +
           std::to_string(real.activeConnections + real.inactiveConnections) +
           " connections are left";
  }

  void items(const std::set<net::NetObject>& wanted, const std::set<net::NetObject>& there,
             const std::string& where) {
    for (const net::NetObject& item : wanted) {
      if (!there.contains(item)) {
        add(vipOf(item), net::toString(item) + where, whyMissing(item, where.empty()));
      }
    }
    for (const net::NetObject& item : there) {
      if (!wanted.contains(item)) {
        add(vipOf(item), net::toString(item) + where, whyUnwanted(item, where.empty()));
      }
    }
  }

  static std::string whyMissing(const net::NetObject& item, bool onNode) {
    if (!onNode || !isAnnouncement(item)) return kMissing;
    return "its IP object records this node as the announcer, and it does not announce. Another "
           "node takes it over, or the kernel refused what it needs: look at the log of "
           "barevip-node";
  }

  [[nodiscard]] std::string whyUnwanted(const net::NetObject& item, bool onNode) const {
    const auto vip = vipOf(item);
    if (!onNode || !vip || !isAnnouncement(item)) return kLeftover;
    const auto recorded = dump_.holders.find(*vip);
    if (recorded == dump_.holders.end()) return kLeftover;
    if (recorded->second.empty()) {
      return "this node announces it, and its IP object does not record that yet";
    }
    return "this node announces it, and its IP object records " + recorded->second +
           ". One of them takes it over from the other";
  }

  const Dump& dump_;
  std::vector<Difference> found_;
};

}  // namespace

std::vector<Difference> differencesOf(const Dump& dump) { return Finder(dump).run(); }

}  // namespace barevip::node
