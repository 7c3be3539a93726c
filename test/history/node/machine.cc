// SPDX-License-Identifier: Apache-2.0
#include "history/node/machine.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "history/node/names.h"

namespace barevip::node::history {
namespace {

Writer writerOf(const net::NetObject& item, bool balancer) {
  if (balancer) return Writer::kBalancer;
  if (std::holds_alternative<net::BoundAddress>(item)) return Writer::kAddresses;
  if (std::holds_alternative<net::Route>(item)) return Writer::kRoutes;
  if (std::holds_alternative<net::ProxyNeighbour>(item)) return Writer::kNeighbours;
  return Writer::kRules;
}

}  // namespace

std::optional<IpAddress> vipOfItem(const net::NetObject& item) {
  if (const auto* address = std::get_if<net::BoundAddress>(&item)) return address->address;
  if (const auto* proxy = std::get_if<net::ProxyNeighbour>(&item)) return proxy->address;
  const auto* route = std::get_if<net::Route>(&item);
  if (route == nullptr || route->destination.length == 0) return std::nullopt;
  return route->destination.network;
}

class Machine::IpvsSeam final : public ipvs::Kernel {
 public:
  explicit IpvsSeam(Machine& machine) : machine_(machine) {}

  Result<std::vector<ipvs::VirtualServer>> dump() override {
    if (auto may = machine_.mayRead({Writer::kIpvs}); !may) return tl::make_unexpected(may.error());
    machine_.unseen.ipvs = false;
    return machine_.ipvs.dump();
  }

  Result<std::vector<ipvs::OpResult>> apply(std::span<const ipvs::Op> plan) override {
    std::vector<ipvs::OpResult> results;
    for (const ipvs::Op& op : plan) {
      const auto admitted = machine_.admit(Writer::kIpvs, op.virtualServer.vip);
      if (!admitted) return tl::make_unexpected(admitted.error());
      if (*admitted != 0) {
        results.push_back(*admitted);
      } else if (machine_.lacksMh && op.options.scheduler == "mh") {
        machine_.lacked = true;
        results.push_back(ENOENT);
      } else {
        machine_.observer->before(op);
        const int error = machine_.ipvs.apply({&op, 1}).value().front();
        results.push_back(error == 0 ? 0 : machine_.refuse(error));
        ++machine_.writes;
      }
    }
    return results;
  }

  Result<ipvs::Timeouts> timeouts() override { return machine_.ipvs.timeouts(); }

  Result<void> setTimeouts(const ipvs::Timeouts& wish) override {
    const auto admitted = machine_.admit(Writer::kIpvs, std::nullopt);
    if (!admitted) return tl::make_unexpected(admitted.error());
    if (*admitted != 0) return machine_.breakOff("timeouts are refused");
    ++machine_.writes;
    return machine_.ipvs.setTimeouts(wish);
  }

 private:
  Machine& machine_;
};

class Machine::RtnetlinkSeam final : public net::Rtnetlink {
 public:
  RtnetlinkSeam(Machine& machine, bool balancer) : machine_(machine), balancer_(balancer) {}

  Result<std::vector<net::NetObject>> dumpOwned() override {
    if (auto may = mayRead(); !may) return tl::make_unexpected(may.error());
    (balancer_ ? machine_.unseen.balancer : machine_.unseen.node) = false;
    return links().dumpOwned();
  }

  Result<std::vector<net::BoundAddress>> dumpAddresses() override {
    if (auto may = mayRead(); !may) return tl::make_unexpected(may.error());
    return links().dumpAddresses();
  }

  Result<std::vector<int>> apply(std::span<const net::NetOp> plan) override {
    std::vector<int> results;
    for (const net::NetOp& op : plan) {
      const auto admitted = machine_.admit(writerOf(op.item, balancer_), vipOfItem(op.item));
      if (!admitted) return tl::make_unexpected(admitted.error());
      results.push_back(*admitted != 0 ? *admitted : doOne(op));
    }
    return results;
  }

  Result<net::Device> device(const std::string& name) override { return links().device(name); }

 private:
  [[nodiscard]] Result<void> mayRead() {
    if (balancer_) return machine_.mayRead({Writer::kBalancer});
    return machine_.mayRead(
        {Writer::kAddresses, Writer::kRoutes, Writer::kNeighbours, Writer::kRules});
  }

  int doOne(const net::NetOp& op) {
    const std::vector<net::NetObject> before = links().owned();
    machine_.observer->before(op, balancer_);
    const int error = links().apply({&op, 1}).value().front();
    if (error != 0) return machine_.refuse(error);
    if (before != links().owned()) ++machine_.writes;
    return 0;
  }

  fakes::FakeRtnetlink& links() { return balancer_ ? machine_.balancer : machine_.node; }

  Machine& machine_;
  const bool balancer_;
};

class Machine::FilterSeam final : public net::PacketFilter {
 public:
  explicit FilterSeam(Machine& machine) : machine_(machine) {}

  Result<std::size_t> reconcile(const net::FilterState& desired) override {
    const auto may = machine_.mayRead({Writer::kFilter});
    if (!may) return failed(may.error());
    machine_.unseen.filter = false;
    return bring(desired);
  }

  Result<std::size_t> update(const net::FilterState& desired) override {
    if (!machine_.filterLast_) return reconcile(desired);
    if (desired == *machine_.filterLast_) return 0U;
    if (machine_.filter != machine_.filterLast_) {
      machine_.refuse(ENOENT);
      return failed({ErrorCode::kUnavailable, "the table is not as it was left", ENOENT, {}});
    }
    return bring(desired);
  }

  Result<void> clear() override {
    machine_.filter.reset();
    return {};
  }

 private:
  Result<std::size_t> bring(const net::FilterState& desired) {
    if (machine_.filter == desired) return know(desired, 0);
    const auto admitted = machine_.admit(Writer::kFilter, std::nullopt);
    if (!admitted) return failed(admitted.error());
    if (*admitted != 0) return failed({ErrorCode::kUnavailable, "busy", *admitted, {}});
    machine_.observer->before(desired);
    machine_.filter = desired;
    ++machine_.writes;
    return know(desired, 1);
  }

  std::size_t know(const net::FilterState& state, std::size_t writes) {
    machine_.filterLast_ = state;
    machine_.knewFilter_ = true;
    return writes;
  }

  tl::unexpected<Error> failed(Error error) {
    machine_.filterLast_.reset();
    return tl::make_unexpected(std::move(error));
  }

  Machine& machine_;
};

class Machine::AnnouncerSeam final : public net::Announcer {
 public:
  explicit AnnouncerSeam(Machine& machine) : machine_(machine) {}

  net::AnnounceOutcome announce(const std::vector<IpAddress>& addresses,
                                const std::string& /*device*/) override {
    net::AnnounceOutcome outcome;
    for (const IpAddress& address : addresses) {
      const bool sent = std::none_of(
          machine_.troubles.begin(), machine_.troubles.end(), [&](const Break& trouble) {
            return trouble.writer == Writer::kAnnouncer &&
                   (trouble.fault != Fault::kRefusesOneVip || vipOf(trouble.number) == address);
          });
      if (sent && !machine_.dead) {
        machine_.spoken.insert(address);
      } else {
        outcome.unsent.push_back(address);
        outcome.failure = Error{ErrorCode::kUnavailable, "no buffer", ENOBUFS, {}};
      }
    }
    return outcome;
  }

  Result<std::optional<std::string>> probe(const IpAddress& /*address*/,
                                           const std::string& /*device*/,
                                           std::chrono::milliseconds /*wait*/,
                                           std::stop_token /*stop*/) override {
    return std::nullopt;  // the world answers by Daemon::answer
  }

 private:
  Machine& machine_;
};

Machine::Machine(const Clock& clock, const IpAddress& address, bool isHost, bool hasNoMh)
    : host(isHost),
      lacksMh(hasNoMh),
      clock_(clock),
      ipvsSeam_(std::make_unique<IpvsSeam>(*this)),
      nodeSeam_(std::make_unique<RtnetlinkSeam>(*this, false)),
      balancerSeam_(std::make_unique<RtnetlinkSeam>(*this, true)),
      filterSeam_(std::make_unique<FilterSeam>(*this)),
      announcerSeam_(std::make_unique<AnnouncerSeam>(*this)) {
  for (const char* device : {"eth0", "eth1", "barevip0", "bvip-in", "bvip-out"}) {
    node.addDevice(device);
  }
  balancer.addDevice("lo");
  foreignObjects.emplace_back(net::BoundAddress{address, "eth0"});
  node.addForeign(foreignObjects.front());
  if (!host) return;  // in the balancer namespace all is ours
  foreignServers.push_back({{foreignVip(), 9, model::Protocol::kTcp}, {}, {}});
  ipvs.put(foreignServers.front());
}

void Machine::begin() {
  writesLeft.reset();
  dead = false;
  refused.reset();
  filterLast_.reset();
  knewFilter_ = false;
  spoken.clear();
}

Result<int> Machine::admit(Writer writer, const std::optional<IpAddress>& vip) {
  if (writesLeft && *writesLeft == 0) dead = true;
  if (dead) return breakOff("the daemon is dead");
  if (writesLeft) --*writesLeft;
  for (auto it = troubles.begin(); it != troubles.end(); ++it) {
    if (it->writer != writer) continue;
    if (it->fault == Fault::kRefuses) return refuse(EINVAL);
    const bool forAll = writer == Writer::kFilter;
    if (it->fault == Fault::kRefusesOneVip && (forAll || vip == vipOf(it->number))) {
      return refuse(EINVAL);
    }
    if (it->fault == Fault::kSocketDies && it->number-- == 0) {
      troubles.erase(it);
      return breakOff("the socket failed");
    }
  }
  return 0;
}

Result<void> Machine::mayRead(const std::set<Writer>& writers) {
  if (dead) return breakOff("the daemon is dead");
  for (const Break& trouble : troubles) {
    if (trouble.fault == Fault::kCannotRead && writers.contains(trouble.writer)) {
      return breakOff("cannot be read");
    }
  }
  return {};
}

int Machine::refuse(int error) {
  refused = clock_.now();
  return error;
}

tl::unexpected<Error> Machine::breakOff(const std::string& why) {
  refused = clock_.now();
  return tl::make_unexpected(Error{ErrorCode::kUnavailable, why, EIO, {}});
}

void Machine::tamper(Hand hand, Pick number) {
  switch (hand) {
    case Hand::kDeleteItem:
      deleteItem(node, number);
      unseen.node = true;
      return;
    case Hand::kDeleteBalancerItem:
      deleteItem(balancer, number);
      unseen.balancer = !host;
      return;
    case Hand::kLeaveItem: {
      const std::array<net::NetObject, 3> stray{
          net::BoundAddress{strayVip(), host ? "barevip0" : "eth0"},
          net::Route{IpPrefix::host(strayVip()), 254, nodeAddress(0), "bvip-in"},
          net::ProxyNeighbour{strayVip(), "eth0"}};
      node.addOwned(stray.at(number % stray.size()));
      unseen.node = true;
      return;
    }
    case Hand::kWipeFilter:
      filter.reset();
      unseen.filter = true;
      return;
    default:
      tamperIpvs(hand, number);
      unseen.ipvs = true;
  }
}

void Machine::tamperIpvs(Hand hand, Pick number) {
  if (hand == Hand::kTimeouts) {
    using std::chrono::seconds;
    ipvs.putTimeouts({seconds(900), seconds(120), seconds(300)});
    return;
  }
  std::vector<ipvs::VirtualServer> table = ipvs.table();
  std::erase_if(table, [this](const auto& server) { return isForeign(server.key); });
  if (table.empty()) return;
  ipvs::VirtualServer& server = table.at(number % table.size());
  switch (hand) {
    case Hand::kClearIpvs:
      for (const ipvs::VirtualServer& one : table) ipvs.remove(one.key);
      return;
    case Hand::kDeleteServer:
      ipvs.remove(server.key);
      return;
    case Hand::kChangeScheduler:
      server.options.scheduler = "lc";
      ipvs.put(server);
      return;
    case Hand::kAddReal:
      server.realServers.push_back({{nodeAddress(0), 1}});
      ipvs.put(server);
      return;
    default:
      tamperReal(hand, number);
  }
}

void Machine::tamperReal(Hand hand, Pick number) {
  std::vector<std::pair<ipvs::VirtualServer, std::size_t>> all;
  for (const ipvs::VirtualServer& server : ipvs.table()) {
    if (isForeign(server.key)) continue;
    for (std::size_t i = 0; i < server.realServers.size(); ++i) all.emplace_back(server, i);
  }
  if (all.empty()) return;
  auto& [server, index] = all.at(number % all.size());
  const auto at = server.realServers.begin() + static_cast<std::ptrdiff_t>(index);
  if (hand == Hand::kDeleteReal) server.realServers.erase(at);
  if (hand == Hand::kWeighReal) at->weight = 7;
  ipvs.put(server);
}

// Without the balancer namespace the address on the dummy device is the mark that virtual servers
// are ours: a daemon that starts without it takes them for somebody else's, as it must.
void Machine::deleteItem(fakes::FakeRtnetlink& links, Pick number) {
  std::vector<net::NetObject> items = links.owned();
  std::erase_if(items, [](const net::NetObject& item) {
    const auto* address = std::get_if<net::BoundAddress>(&item);
    return address != nullptr && address->device == "barevip0";
  });
  if (!items.empty()) links.remove(items.at(number % items.size()));
}

void Machine::putForeign(Foreign what, const IpAddress& vip, bool gone) {
  if (what == Foreign::kServer) {
    if (!host) return;
    const ipvs::VirtualServer server{{vip, 9, model::Protocol::kTcp}, {}, {}};
    std::erase_if(foreignServers, [&](const auto& one) { return one.key == server.key; });
    ipvs.remove(server.key);
    // On a VIP that is served it would be one more of ours.
    const auto items = node.owned();
    const bool served = std::any_of(items.begin(), items.end(), [&](const net::NetObject& item) {
      return vipOfItem(item) == vip;
    });
    if (!gone && !served) {
      foreignServers.push_back(server);
      ipvs.put(server);
    }
    unseen.ipvs = true;
    return;
  }
  net::NetObject item = net::BoundAddress{vip, "eth1"};
  if (what == Foreign::kRoute) item = net::Route{IpPrefix::host(vip), 254, nodeAddress(0), "eth1"};
  if (what == Foreign::kNeighbour) item = net::ProxyNeighbour{vip, "eth0"};
  const auto owned = node.owned();
  const bool inTheWay = std::any_of(owned.begin(), owned.end(), [&](const net::NetObject& mine) {
    const auto* a = std::get_if<net::Route>(&mine);
    const auto* b = std::get_if<net::Route>(&item);
    return mine == item || (a != nullptr && b != nullptr && a->destination == b->destination &&
                            a->table == b->table);
  });
  if (inTheWay) return;  // the kernel answers EEXIST
  std::erase(foreignObjects, item);
  if (gone) {
    node.remove(item);
  } else {
    foreignObjects.push_back(item);
    node.addForeign(item);
  }
  unseen.node = true;
}

void Machine::connect(Pick number, bool gone) {
  std::vector<std::pair<ipvs::VirtualServerKey, ipvs::RealServerKey>> all;
  for (const ipvs::VirtualServer& server : ipvs.table()) {
    for (const ipvs::RealServer& real : server.realServers) all.emplace_back(server.key, real.key);
  }
  if (all.empty()) return;
  const auto& [server, real] = all.at(number % all.size());
  ipvs.setConnections(server, real, gone ? 0 : 3, 0);
}

void Machine::setCarrier(bool up) {
  net::Device device = node.device("eth0").value();
  if (device.running == up) return;
  device.running = up;
  node.addDevice(std::move(device));
}

bool Machine::holds(const IpAddress& vip) const { return held().contains(vip); }

std::set<IpAddress> Machine::held() const {
  std::set<IpAddress> result;
  for (const net::NetObject& item : foreignObjects) {
    if (const auto* address = std::get_if<net::BoundAddress>(&item))
      result.insert(address->address);
  }
  for (const ipvs::VirtualServer& server : foreignServers) result.insert(server.key.vip);
  return result;
}

bool Machine::foreignAnswers(const IpAddress& vip) const {
  return std::any_of(foreignObjects.begin(), foreignObjects.end(), [&](const net::NetObject& item) {
    return vipOfItem(item) == vip && !std::holds_alternative<net::Route>(item);
  });
}

bool Machine::obstructs(const IpAddress& vip) const {
  return !host &&
         std::any_of(foreignObjects.begin(), foreignObjects.end(), [&](const net::NetObject& item) {
           return vipOfItem(item) == vip && !std::holds_alternative<net::BoundAddress>(item);
         });
}

bool Machine::announces(const IpAddress& vip) const {
  const std::vector<net::NetObject> items = node.owned();
  return std::any_of(items.begin(), items.end(), [&](const net::NetObject& item) {
    return item == net::NetObject(net::ProxyNeighbour{vip, "eth0"}) ||
           item == net::NetObject(net::BoundAddress{vip, "eth0"});
  });
}

bool Machine::isForeign(const ipvs::VirtualServerKey& key) const {
  return std::any_of(foreignServers.begin(), foreignServers.end(),
                     [&](const auto& server) { return server.key == key; });
}

}  // namespace barevip::node::history
