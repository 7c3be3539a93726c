// SPDX-License-Identifier: Apache-2.0
#include "history/node/world.h"

#include <algorithm>
#include <utility>

#include "history/node/known_faults.h"
#include "history/node/names.h"

namespace barevip::node::history {
namespace {

using namespace std::chrono_literals;

constexpr auto kBefore = 1s;  ///< the first event
constexpr auto kRenewal = 2s;
constexpr auto kSlowTick = 3s;
constexpr auto kProbe = 240ms;
constexpr auto kHold = 30;  // seconds that a daemon asks for when it ends in order
/// Full read, longest retry, recovery of a node that could not announce, release, drain.
constexpr auto kCalm = 180s;
constexpr int kMostPasses = 60;  // at one moment

}  // namespace

struct World::Deeds {
  World& world;

  Member& at(Pick node) const { return world.members_.at(node % kNodeCount); }
  Machine* machine(Pick node) const { return at(node).machine.get(); }
  void networkChanged(Pick node) const {
    if (at(node).daemon) at(node).daemon->networkChanged();
  }

  void operator()(const PutService& deed) const {
    world.cluster_.services[deed.service % kServiceCount] = deed;
    world.changed();
  }
  void operator()(const DeleteService& deed) const {
    world.cluster_.services.erase(deed.service % kServiceCount);
    world.changed();
  }
  void operator()(const PutPods& deed) const {
    world.cluster_.pods[deed.service % kServiceCount] = deed.pods;
    world.changed();
  }
  void operator()(const LoseRecords& deed) const {
    for (auto& [id, holder] : world.cluster_.records) {
      if (id.first == deed.service % kServiceCount) holder.clear();
    }
    world.changed();
  }
  void operator()(const Exclude& deed) const {
    world.cluster_.excluded.at(deed.node % kNodeCount) = deed.is;
    world.changed();
  }
  void operator()(const Break& deed) const {
    if (machine(deed.node) != nullptr) machine(deed.node)->troubles.push_back(deed);
  }
  void operator()(const Mend& deed) const {
    if (machine(deed.node) != nullptr) machine(deed.node)->troubles.clear();
  }
  void operator()(const HostFindings& deed) const {
    if (machine(deed.node) != nullptr) machine(deed.node)->hostBroken = deed.broken;
  }
  void operator()(const Carrier& deed) const {
    if (machine(deed.node) == nullptr) return;
    machine(deed.node)->setCarrier(!deed.down);
    networkChanged(deed.node);
  }
  void operator()(const Crash& deed) const {
    if (at(deed.node).daemon) machine(deed.node)->writesLeft = deed.writes;
  }
  void operator()(const Stop& deed) const {
    Member& member = at(deed.node);
    if (!member.daemon) return;
    member.daemon.reset();
    if (!deed.inOrder || member.reach != Reach::kNormal) return;
    Written& written = world.leases_[member.number];
    written.lease.durationSeconds = kHold;
    written.lease.renewTime = std::to_string(++world.renewals_);
    written.number = world.renewals_;
  }
  void operator()(const Start& deed) const { world.start(at(deed.node)); }
  void operator()(const PowerLoss& deed) const {
    Member& member = at(deed.node);
    member.daemon.reset();
    member.watch.reset();
    member.machine.reset();
  }
  void operator()(const Api& deed) const {
    at(deed.node).reach = deed.reach;
    at(deed.node).nextTick = world.clock_.now();
  }
  void operator()(const Tamper& deed) const {
    if (machine(deed.node) == nullptr) return;
    machine(deed.node)->tamper(deed.hand, deed.number);
    networkChanged(deed.node);
  }
  void operator()(const PutForeign& deed) const {
    if (machine(deed.node) == nullptr) return;
    // Between two looks of a daemon the VIP may become ours, and with it all virtual servers on it.
    if (deed.what == Foreign::kServer && at(deed.node).daemon) return;
    machine(deed.node)->putForeign(deed.what, vipOf(deed.vip), deed.gone);
    networkChanged(deed.node);
  }
  void operator()(const Stranger& deed) const {
    if (deed.gone) {
      world.strangers_.erase(vipOf(deed.vip));
    } else {
      world.strangers_.insert(vipOf(deed.vip));
    }
  }
  void operator()(const Connect& deed) const {
    if (machine(deed.node) != nullptr) machine(deed.node)->connect(deed.number, deed.gone);
  }
};

World::World(const History& history) : history_(history), begin_(clock_.now() + kBefore) {
  cluster_.host = history.host;
  for (Pick number = 0; number < kNodeCount; ++number) {
    members_.at(number).number = number;
    start(members_.at(number));
  }
  changed();
}

std::vector<std::string> World::play() {
  run(kBefore);
  for (const Event& event : history_.events) {
    std::visit(Deeds{*this}, event.deed);
    run(Duration(kWaits.at(event.wait % kWaits.size())));
    if (!broken_.empty()) return broken_;
  }
  calmDown();
  judgeNodes();
  judgeAnnouncers();
  if (!broken_.empty()) return broken_;
  restartAll();
  judgeAnnouncers();
  if (!broken_.empty()) return broken_;
  endOfStrangers();
  judgeAnnouncers();
  return broken_;
}

void World::run(Duration time) {
  const MonotonicTime end = clock_.now() + time;
  while (broken_.empty()) {
    doAllDue();
    const MonotonicTime next = std::min(nextDue(), end);
    if (clock_.now() >= end) return;
    clock_.advance(std::max<MonotonicTime::duration>(next - clock_.now(), 1ms));
  }
}

void World::doAllDue() {
  const MonotonicTime now = clock_.now();
  for (Member& member : members_) {
    const bool ticks = member.reach == Reach::kSlow && now >= member.nextTick;
    if (ticks) member.nextTick = now + kSlowTick;
    member.talks = member.reach == Reach::kNormal || ticks;
  }
  for (int round = 0; round < kMostPasses; ++round) {
    bool any = false;
    for (Member& member : members_) any = doDue(member) || any;
    if (!any || !broken_.empty()) return;
  }
  broken_.emplace_back("rest: passes follow each other without an end");
}

bool World::doDue(Member& member) {
  if (!member.daemon) return false;
  const MonotonicTime now = clock_.now();
  if (member.talks) renew(member);
  if (member.talks) deliver(member);
  answer(member);
  if (member.daemon->next() > now) {
    record(member);
    return false;
  }
  member.daemon->reconcileOnce();
  if (member.machine->dead) {
    start(member);
    return true;
  }
  for (const IpAddress& address : member.daemon->takeQuestions()) {
    member.asked.emplace(now + kProbe, address);
  }
  member.watch->afterPass();
  record(member);
  return true;
}

MonotonicTime World::nextDue() const {
  MonotonicTime next = clock_.now() + 1h;
  for (const Member& member : members_) {
    if (!member.daemon) continue;
    next = std::min(next, member.daemon->next());
    if (!member.asked.empty()) next = std::min(next, member.asked.begin()->first);
    if (member.reach == Reach::kNormal) next = std::min(next, member.nextRenewal);
    if (member.reach == Reach::kSlow) next = std::min(next, member.nextTick);
  }
  return next;
}

void World::changed() {
  keepRecords(cluster_);
  published_ = std::make_shared<const Cluster>(cluster_);
  objects_ = objectsOf(cluster_);
  ++version_;
}

void World::powerOn(Member& member) {
  const bool lacksMh = history_.lacksMh && member.number == kNodeCount - 1;
  member.machine =
      std::make_unique<Machine>(clock_, nodeAddress(member.number), history_.host, lacksMh);
  member.watch = std::make_unique<Watch>(clock_, begin_, *member.machine, member.number, broken_);
}

void World::start(Member& member) {
  member.daemon.reset();
  if (!member.machine) powerOn(member);
  member.watch->begin();
  member.daemon = std::make_unique<Daemon>(member.number, *member.machine, clock_);
  member.nextRenewal = clock_.now();
  member.delivered = 0;
  member.leasesSeen.clear();
  member.asked.clear();
}

void World::renew(Member& member) {
  const bool news = member.daemon->takeLeaseNews();
  if (!news && clock_.now() < member.nextRenewal) return;
  Written& written = leases_[member.number];
  written.number = ++renewals_;
  written.lease = member.daemon->lease(std::move(written.lease), std::to_string(renewals_));
  member.nextRenewal = clock_.now() + kRenewal;
}

void World::deliver(Member& member) {
  if (member.delivered != version_) {
    member.delivered = version_;
    member.daemon->deliver(objects_);
    member.watch->knows(published_);
  }
  for (const auto& [node, written] : leases_) {
    int& seen = member.leasesSeen[node];
    if (std::exchange(seen, written.number) != written.number) member.daemon->saw(written.lease);
  }
}

void World::answer(Member& member) {
  while (!member.asked.empty() && member.asked.begin()->first <= clock_.now()) {
    const IpAddress address = member.asked.begin()->second;
    member.asked.erase(member.asked.begin());
    member.daemon->gotAnswer(address, whoAnswers(member, address));
  }
}

std::optional<std::string> World::whoAnswers(const Member& asker, const IpAddress& address) const {
  const auto isOnTheNetwork = [](const Member& member) {
    return member.machine && member.machine->node.device("eth0")->running;
  };
  if (!isOnTheNetwork(asker)) return std::nullopt;
  for (const Member& other : members_) {
    if (&other == &asker || !isOnTheNetwork(other)) continue;
    if (address == nodeAddress(other.number) || other.machine->announces(address) ||
        other.machine->foreignAnswers(address)) {
      return "02:00:00:00:00:0" + std::to_string(other.number);
    }
  }
  if (strangers_.contains(address)) return "02:00:00:00:00:ff";
  return std::nullopt;
}

void World::record(Member& member) {
  if (!member.talks) return;
  const std::string self = nodeName(member.number);
  bool any = false;
  for (auto& [id, holder] : cluster_.records) {
    for (const Said& said : member.daemon->said()) {
      if (said.record != recordKey(id.first, id.second) || !said.announced) continue;
      if (holder == self || (!holder.empty() && holder != said.holder)) continue;
      holder = self;
      any = true;
    }
  }
  if (any) changed();
}

void World::calmDown() {
  Member& last = members_.back();
  if (history_.end == End::kNoPower) Deeds{*this}(PowerLoss{last.number});
  if (history_.end == End::kNoDaemon) last.daemon.reset();
  for (Member& member : members_) {
    if (&member == &last && history_.end != End::kWell) continue;
    if (!member.daemon) start(member);
    member.reach = Reach::kNormal;
    member.machine->troubles.clear();
    member.machine->writesLeft.reset();
    member.machine->hostBroken = false;
    member.machine->setCarrier(true);
    for (Pick real = 0; real < 64; ++real) member.machine->connect(real, true);
    member.daemon->networkChanged();
  }
  run(kCalm);
}

// With everything in place nothing is written.
void World::restartAll() {
  std::array<std::size_t, kNodeCount> writes{};
  for (Member& member : members_) {
    if (!member.daemon) continue;
    start(member);
    writes.at(member.number) = member.machine->writes;
  }
  const auto records = cluster_.records;
  run(15s);
  if (kMovesByDeadLeases && history_.end != End::kWell) return;
  for (const Member& member : members_) {
    if (!member.daemon || isObstructed(member)) continue;
    if (member.machine->writes == writes.at(member.number)) continue;
    broken_.push_back("touched: " + nodeName(member.number) +
                      " writes after a restart with everything in place");
  }
  if (records != cluster_.records) broken_.emplace_back("touched: VIPs move by a restart");
}

void World::endOfStrangers() {
  const bool foreign = std::any_of(members_.begin(), members_.end(), [this](const Member& member) {
    const std::size_t own = history_.host ? 1 : 0;  // from the start
    return member.machine && (member.machine->foreignObjects.size() > 1 ||
                              member.machine->foreignServers.size() > own);
  });
  if (!foreign && strangers_.empty()) return;
  strangers_.clear();
  for (Member& member : members_) {
    if (!member.machine) continue;
    for (Pick vip = 0; vip < kVipCount; ++vip) {
      for (const Foreign what :
           {Foreign::kAddress, Foreign::kRoute, Foreign::kNeighbour, Foreign::kServer}) {
        member.machine->putForeign(what, vipOf(vip), true);
      }
    }
    if (member.daemon) member.daemon->networkChanged();
  }
  run(kCalm);
}

bool World::isRecorded(const IpAddress& vip, Pick node) const {
  return std::any_of(cluster_.records.begin(), cluster_.records.end(), [&](const auto& record) {
    return record.first.second == vip && record.second == nodeName(node);
  });
}

bool World::isObstructed(const Member& member) const {
  for (Pick vip = 0; vip < kVipCount; ++vip) {
    if (member.machine->obstructs(vipOf(vip))) return true;
  }
  return false;
}

void World::judgeNodes() {
  for (const Member& member : members_) {
    if (member.daemon && !isObstructed(member)) member.watch->calm();
  }
}

// What a kernel announces whose daemon is gone is nobody's to end.
void World::judgeAnnouncers() {
  Cluster cluster = cluster_;
  for (const Member& member : members_) {
    if (!member.daemon) cluster.excluded.at(member.number) = true;
  }
  for (const IpAddress& vip : vipsOf(cluster)) {
    std::set<Pick> unable;
    std::set<Pick> announcers;
    std::string names;
    bool answered = strangers_.contains(vip);
    for (const Member& member : members_) {
      if (!member.machine) continue;
      const Machine& machine = *member.machine;
      const bool obstructed = machine.obstructs(vip) && !isByKubeProxy(cluster, vip);
      if (machine.holds(vip) || obstructed) unable.insert(member.number);
      answered = answered || machine.foreignAnswers(vip);
      if (!machine.announces(vip)) continue;
      if (!member.daemon) {
        answered = answered || !isRecorded(vip, member.number);
        continue;
      }
      announcers.insert(member.number);
      names += " " + nodeName(member.number);
    }
    const std::set<Pick> may = announcersOf(cluster, vip, unable);
    const bool can = std::any_of(may.begin(), may.end(),
                                 [&](const Pick node) { return !unable.contains(node); });
    if (announcers.size() > 1) {
      broken_.push_back("one: " + vip.toString() + " is announced by" + names);
    } else if (!announcers.empty() && !may.contains(*announcers.begin())) {
      broken_.push_back("one: " + vip.toString() + " is announced by" + names +
                        ", which is not to");
    } else if (announcers.empty() && can && !answered) {
      broken_.push_back("one: nobody announces " + vip.toString());
    }
  }
}

}  // namespace barevip::node::history
