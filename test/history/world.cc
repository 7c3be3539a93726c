// SPDX-License-Identifier: Apache-2.0
#include "history/world.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <map>
#include <utility>

#include <nlohmann/json.hpp>

#include "history/objects.h"
#include "history/player.h"
#include "history/rules.h"

namespace barevip::history {
namespace {

using nlohmann::json;

constexpr std::chrono::seconds kLongest{11};  // what is delayed without a failure is due by then
constexpr std::size_t kTooMuchWork = 20'000;  // for a handful of objects
constexpr std::size_t kTooManyRounds = 50;
constexpr std::chrono::minutes kLongestPause{11};  // of a repair in a fight, and a little
constexpr std::size_t kSeveral = 2;

std::uint32_t next(std::uint32_t random) {
  return random * 1664525U + 1013904223U;  // Numerical Recipes
}

}  // namespace

World::World(std::uint32_t schedule) : random_(schedule) {
  if (!prepareCluster(api_)) broken_.emplace_back("the namespaces cannot be made");
  for (auto& replica : replicas_) replica = std::make_unique<Replica>(api_, clock_);
  leader().lead();
  api_.setInterceptor([this](auto verb, const auto& resource, const auto& key) {
    return refusal(verb, resource, key);
  });
}

// What a namespace takes that is being deleted or is not there, and what is refused to the
// operator.
std::optional<Error> World::refusal(kube::FakeApi::Verb verb, const kube::Resource& resource,
                                    const kube::ObjectKey& key) const {
  using Verb = kube::FakeApi::Verb;
  if (verb == Verb::kCreate && resource.namespaced) {
    const auto ns = api_.object(kube::kNamespaces, {"", key.ns});
    if (!ns) {
      return Error{ErrorCode::kNotFound, "namespaces \"" + key.ns + "\" not found", 404, {}};
    }
    if ((*ns)["metadata"].contains("deletionTimestamp")) {
      return Error{ErrorCode::kForbidden, "namespace " + key.ns + " is being terminated", 403, {}};
    }
  }
  const bool refused =
      (verb == Verb::kCreate && resource == kube::kIps && refusals_.ips.contains(key.ns)) ||
      (verb == Verb::kPatchStatus && resource == kube::kServices &&
       refusals_.statuses.contains(key.ns));
  if (peopleAct_ || !refused) return std::nullopt;
  return Error{ErrorCode::kForbidden, "exceeded quota", 403, {}};
}

std::vector<std::string> World::happen(const Event& event) {
  if (!disturb(event.deed)) {
    ++deeds_;
    if (isTwoThings(event.deed)) ++deeds_;
    noteShareKey(event.deed);
    noteForeign(event.deed);
    noteHostile(event.deed);
    peopleAct_ = true;
    const auto asking = play(api_, event.deed);
    peopleAct_ = false;
    noteRestored(event.deed);
    if (asking) {
      asking_.insert(asking->begin(), asking->end());
    } else {
      broken_.push_back("the event itself failed: " + asking.error().message);
    }
  }
  if (event.steps == 0) {
    check();
  } else {
    for (Pick step = 0; step < event.steps && !stopped(); ++step) workOnce();
  }
  return takeBroken();
}

// The Service is there already, so that its namespace's label may do something of its own.
bool World::isTwoThings(const Deed& deed) const {
  const auto* const put = std::get_if<PutService>(&deed);
  return put != nullptr && put->team != 0 &&
         api_.object(kube::kServices, serviceKey(put->service)).has_value();
}

void World::noteShareKey(const Deed& deed) {
  const auto* const put = std::get_if<PutService>(&deed);
  if (put == nullptr) return;
  const json key = serviceObject(*put)["metadata"]["annotations"]["barevip.dev/share"];
  if (key.is_string()) shareKeys_[serviceKey(put->service).toString()].insert(key);
}

void World::noteForeign(const Deed& deed) {
  const auto* const show = std::get_if<ShowForeign>(&deed);
  if (show == nullptr) return;
  const json status = foreignStatus(*show);
  for (const json& entry : status["status"]["loadBalancer"]["ingress"]) {
    foreign_.emplace(serviceKey(show->service).toString(), entry["ip"].get<std::string>());
  }
}

// Until it is repaired its status may show what another one has. The Service is there before its
// status: who leads may have given it an address meanwhile.
void World::noteRestored(const Deed& deed) {
  restored_.reset();
  const auto* const restore = std::get_if<RestoreService>(&deed);
  if (restore == nullptr) return;
  const kube::ObjectKey key = serviceKey(restore->service);
  const IpAddress address = allAddresses().at(restore->address % allAddresses().size());
  foreign_.emplace(key.toString(), address.toString());
  const auto made = api_.object(kube::kServices, key);
  if (stopped() || !made || (*made)["metadata"].contains("deletionTimestamp")) return;
  restored_.emplace(key, address);
}

// Who tampers makes the Service show what another one has, and decides what it may be given.
void World::noteHostile(const Deed& deed) {
  if (const auto* const tamper = std::get_if<TamperService>(&deed)) {
    const json status = tamperedStatus(*tamper);
    const json ingress =
        status.value(json::json_pointer("/status/loadBalancer/ingress"), json::array());
    for (const json& entry : ingress) {
      foreign_.emplace(serviceKey(tamper->service).toString(), entry["ip"].get<std::string>());
    }
  } else if (const auto* const refuse = std::get_if<Refuse>(&deed)) {
    const std::string& ns = allNamespaces().at(refuse->ns % allNamespaces().size());
    (refuse->statuses ? refusals_.statuses : refusals_.ips).insert(ns);
  } else if (std::holds_alternative<Permit>(deed)) {
    refusals_ = {};
  } else if (!std::holds_alternative<TamperIp>(deed) &&
             !std::holds_alternative<ForgeRecord>(deed)) {
    return;
  }
  deeds_ += kSeveral;
}

std::vector<std::string> World::finish() {
  if (!std::exchange(refusals_, {}).empty()) deeds_ += kSeveral;
  startIfStopped();
  check();
  return takeBroken();
}

std::string World::everything() const {
  std::string text;
  for (const kube::Resource& resource :
       {kube::kPools, kube::kServices, kube::kIps, kube::kNamespaces}) {
    for (const json& object : api_.objects(resource)) text += object.dump() + "\n";
  }
  return text;
}

bool World::disturb(const Deed& deed) {
  if (std::holds_alternative<Restart>(deed)) {
    restart();
  } else if (std::holds_alternative<Stop>(deed)) {
    endOverlap();
    leader().stopLeading();
  } else if (const auto* const crash = std::get_if<Crash>(&deed)) {
    handOver_.reset();
    leader().api().dieAfter(crash->writes);
  } else if (const auto* const change = std::get_if<ChangeLeader>(&deed)) {
    handOver_ = change->late;
    leader().api().dieAfter(change->writes);
  } else if (const auto* const workers = std::get_if<Workers>(&deed)) {
    setWorkers(workers->count);
  } else if (const auto* const failure = std::get_if<FailWrite>(&deed)) {
    leader().api().failWrite(failure->after, failure->fault);
  } else {
    return false;
  }
  return true;
}

void World::restart() {
  replicas_.at(leader_) = std::make_unique<Replica>(api_, clock_);
  leader().setWorkers(workers_);
  leader().lead();
}

// The old one lives on: it is the standby when it has finished.
void World::changeLeader() {
  endOverlap();
  overlapped_ = true;
  leader().api().dieAfter(*std::exchange(handOver_, std::nullopt));
  former_ = leader_;
  leader_ = 1 - leader_;
  leader().lead();
}

// The fence of the one that led is closed, and what it sent has arrived.
void World::endOverlap() {
  if (!former_) return;
  Replica& former = *replicas_.at(*std::exchange(former_, std::nullopt));
  former.api().dieAfter(0);
  former.stopLeading();
  former.api().revive();
}

void World::setWorkers(std::size_t workers) {
  workers_ = workers;
  for (const auto& replica : replicas_) replica->setWorkers(workers);
}

void World::startIfStopped() {
  if (stopped()) restart();
}

bool World::workOnce() {
  if (leader().api().dead()) handOver_ ? changeLeader() : restart();
  random_ = next(random_);
  const bool worked = work(random_ >> 16U);
  if (api_.writeCount() != checkedWrites_) checkShown();
  return worked;
}

// While two of them work, either may be the next one.
bool World::work(std::uint32_t order) {
  if (!former_) return leader().workOnce(order);
  Replica& former = *replicas_.at(*former_);
  if (former.api().dead() && !former.isBusy()) endOverlap();
  const bool formerFirst = order % 2 == 0;
  if (!former_ || !formerFirst) {
    if (leader().workOnce(order / 2)) return true;
    return former_ && former.workOnce(order / 2);
  }
  return former.workOnce(order / 2) || leader().workOnce(order / 2);
}

std::size_t World::workAll() {
  std::size_t work = 0;
  while (workOnce()) {
    if (++work == kTooMuchWork) break;
  }
  return work;
}

// Until time brings nothing new, either.
void World::settle() {
  for (std::size_t round = 0; round < kTooManyRounds; ++round) {
    workAll();
    endOverlap();
    workAll();
    api_.collectGarbage();
    workAll();
    clock_.advance(kLongest);
    const std::size_t work = workAll();
    if (work == 0 && !changesLater()) return;
    if (work == kTooMuchWork) break;
  }
  broken_.emplace_back("the operator does not come to rest");
}

// What failed, or is fought about, is tried again after a pause. That may go on for ever, to no
// effect.
bool World::changesLater() {
  const auto version = [this] {
    return api_.list(kube::kNamespaces, {}, [](const json&) {}, {}).value_or("");
  };
  const auto before = version();
  for (int tries = 0; tries < 2; ++tries) {  // one may be lost
    clock_.advance(kLongestPause);
    workAll();
  }
  return version() != before;
}

void World::check() {
  if (stopped()) return;
  settle();
  overlapped_ = false;
  checkSettled();
}

void World::checkSettled() {
  auto now = readCluster(api_);
  if (!now) {
    broken_.push_back("the cluster cannot be read: " + now.error().message);
    return;
  }
  const auto note = [this](std::vector<std::string> sentences) {
    std::move(sentences.begin(), sentences.end(), std::back_inserter(broken_));
  };
  note(brokenNow(*now, refusals_));
  if (settled_) note(brokenSince(*settled_, *now, asking_, refusals_));
  if (settled_ && deeds_ == 0) note(brokenByNewLeader(*settled_, *now));
  if (settled_ && deeds_ == 1) note(brokenChoice(*settled_, *now));
  if (settled_ && deeds_ == 1 && restored_) {
    note(brokenRestored(*settled_, *now, restored_->first, restored_->second));
  }
  settled_ = std::move(*now);
  asking_ = stillAsking(asking_, *settled_, refusals_);
  deeds_ = refusals_.empty() ? 0 : kSeveral;
}

// At no time, settled or not, did we give two Services one address, unless they share it. Just
// now one of them may have another key already, since it leaves an address only when it has
// another. Only a late write of who led may show an address for a moment that is another's by now.
void World::checkShown() {
  checkedWrites_ = api_.writeCount();
  if (overlapped_) return;
  std::map<std::string, std::vector<std::string>> holders;
  for (const json& service : api_.objects(kube::kServices)) {
    const std::string name = service["metadata"]["namespace"].get<std::string>() + "/" +
                             service["metadata"]["name"].get<std::string>();
    const json ingress =
        service.value(json::json_pointer("/status/loadBalancer/ingress"), json::array());
    for (const json& entry : ingress) {
      const std::string address = entry.value("ip", "");
      if (foreign_.contains({name, address})) continue;
      for (const std::string& other : holders[address]) {
        if (haveSharedAKey(name, other)) continue;
        broken_.push_back(address + " is shown by " + other + " and " + name + " at the same time");
      }
      holders[address].push_back(name);
    }
  }
}

bool World::haveSharedAKey(const std::string& a, const std::string& b) {
  const auto& keys = shareKeys_[b];
  return std::any_of(shareKeys_[a].begin(), shareKeys_[a].end(),
                     [&](const std::string& key) { return keys.contains(key); });
}

std::vector<std::string> World::takeBroken() { return std::exchange(broken_, {}); }

}  // namespace barevip::history
