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
#include "history/reference.h"
#include "history/rules.h"

namespace barevip::history {
namespace {

using nlohmann::json;

constexpr std::chrono::seconds kLongest{11};  // what is delayed without a failure is due by then
constexpr std::size_t kTooMuchWork = 20'000;  // for a handful of objects
constexpr std::size_t kTooManyRounds = 50;

bool waits(const Cluster& cluster, const kube::ObjectKey& service) {
  const model::Service* const found = findService(cluster, service);
  const auto* const condition = found == nullptr ? nullptr : assignedCondition(*found);
  return condition != nullptr && condition->status != "True";
}

}  // namespace

World::World(std::uint32_t schedule) : random_(schedule) {
  if (!prepareCluster(api_)) broken_.emplace_back("the namespaces cannot be made");
  for (auto& replica : replicas_) replica = std::make_unique<Replica>(api_, clock_);
  leader().lead();
}

std::vector<std::string> World::happen(const Event& event) {
  if (!disturb(event.deed)) {
    ++deeds_;
    noteShareKey(event.deed);
    noteForeign(event.deed);
    const auto asking = play(api_, event.deed);
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

std::vector<std::string> World::finish() {
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
    leader().stopLeading();
  } else if (const auto* const crash = std::get_if<Crash>(&deed)) {
    handOver_ = false;
    leader().api().dieAfter(crash->writes);
  } else if (const auto* const change = std::get_if<ChangeLeader>(&deed)) {
    handOver_ = true;
    leader().api().dieAfter(change->writes);
  } else if (const auto* const failure = std::get_if<FailWrite>(&deed)) {
    leader().api().failWrite(failure->after, failure->fault);
  } else {
    return false;
  }
  return true;
}

void World::restart() {
  replicas_.at(leader_) = std::make_unique<Replica>(api_, clock_);
  leader().lead();
}

// The old one lives on: it is the standby now.
void World::changeLeader() {
  leader().stopLeading();
  leader().api().revive();
  leader_ = 1 - leader_;
  leader().lead();
}

void World::startIfStopped() {
  if (stopped()) restart();
}

bool World::workOnce() {
  if (leader().api().dead()) handOver_ ? changeLeader() : restart();
  random_ = random_ * 1664525U + 1013904223U;  // Numerical Recipes
  const bool worked = leader().workOnce(random_ >> 16U);
  if (api_.writeCount() != checkedWrites_) checkShown();
  return worked;
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
    api_.collectGarbage();
    workAll();
    clock_.advance(kLongest);
    const std::size_t work = workAll();
    if (work == 0) return;
    if (work == kTooMuchWork) break;
  }
  broken_.emplace_back("the operator does not come to rest");
}

void World::check() {
  if (stopped()) return;
  settle();
  auto now = readCluster(api_);
  if (!now) {
    broken_.push_back("the cluster cannot be read: " + now.error().message);
    return;
  }
  const auto note = [this](std::vector<std::string> sentences) {
    std::move(sentences.begin(), sentences.end(), std::back_inserter(broken_));
  };
  note(brokenNow(*now));
  if (settled_) note(brokenSince(*settled_, *now, asking_));
  if (settled_ && deeds_ == 0) note(brokenByNewLeader(*settled_, *now));
  if (settled_ && deeds_ == 1) note(brokenChoice(*settled_, *now));
  settled_ = std::move(*now);
  // Who waits still asks for what it asked for.
  std::erase_if(asking_, [this](const auto& key) { return !waits(*settled_, key); });
  deeds_ = 0;
}

// At no time, settled or not, did we give two Services one address, unless they share it. Just
// now one of them may have another key already, since it leaves an address only when it has
// another.
void World::checkShown() {
  checkedWrites_ = api_.writeCount();
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
