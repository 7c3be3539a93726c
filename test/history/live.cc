// SPDX-License-Identifier: Apache-2.0
#include "history/live.h"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <iterator>
#include <thread>
#include <utility>

#include "history/player.h"
#include "history/reference.h"

namespace barevip::history {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

constexpr auto kPatience = 60s;  // a Lease of a leader that was killed runs out in 15 s
constexpr auto kLook = 50ms;
constexpr auto kMoment = 4ms;  // about the time of one write

// Processes and the API server cannot be steered from here; a namespace takes its time to go, and
// so does the repair of a status that somebody overwrites again and again.
bool isForMemoryOnly(const Deed& deed) {
  return std::holds_alternative<FailWrite>(deed) || std::holds_alternative<Workers>(deed) ||
         std::holds_alternative<Refuse>(deed) || std::holds_alternative<Permit>(deed) ||
         std::holds_alternative<DeleteNamespace>(deed) ||
         std::holds_alternative<TamperService>(deed);
}

}  // namespace

Result<void> Live::begin() {
  const auto prepared = prepareCluster(api_);
  if (!prepared) return prepared;
  const auto started = operators_.start();
  if (!started) return started;
  return clear();
}

Result<std::vector<std::string>> Live::happen(const Event& event) {
  const auto disturbed = disturb(event.deed);
  if (!disturbed) return tl::make_unexpected(disturbed.error());
  if (!*disturbed) {
    const auto asking = play(api_, event.deed);
    if (!asking) return tl::make_unexpected(asking.error());
    asking_.insert(asking->begin(), asking->end());
    if (death_) {
      std::this_thread::sleep_for(kMoment * death_->moment);
      const auto ended = endLeader(std::exchange(death_, std::nullopt)->signal);
      if (!ended) return tl::make_unexpected(ended.error());
    }
  }
  if (event.steps != 0 || stopped_) return std::vector<std::string>{};
  return check();
}

Result<std::vector<std::string>> Live::finish() {
  stopped_ = false;
  const auto started = operators_.start();
  if (!started) return tl::make_unexpected(started.error());
  return check();
}

// Finalizers of a history go with it. Services first: the operator holds a Pool as long as somebody
// has an address of it.
Result<void> Live::clear() {
  const auto deadline = steady_clock::now() + kPatience;
  while (true) {
    const auto cluster = readCluster(api_);
    if (!cluster) return tl::make_unexpected(cluster.error());
    std::size_t left = 0;
    const auto remove = [&](const kube::Resource& resource, const auto& objects) {
      for (const auto& object : objects) {
        ++left;
        if (!(resource == kube::kPools)) (void)letGo(api_, resource, object.key);
        if (!object.deleting) (void)api_.remove(resource, object.key, "", {});
      }
    };
    remove(kube::kServices, cluster->services);
    remove(kube::kIps, cluster->ips);
    remove(kube::kPools, cluster->pools);
    if (left == 0) break;
    if (steady_clock::now() > deadline) {
      return fail(ErrorCode::kUnavailable, std::to_string(left) + " objects do not go away");
    }
    std::this_thread::sleep_for(kLook);
  }
  settled_.reset();
  asking_.clear();
  return {};
}

Result<bool> Live::disturb(const Deed& deed) {
  if (std::holds_alternative<Restart>(deed)) {
    stopped_ = false;
    const auto ended = endLeader(SIGKILL);
    if (!ended) return tl::make_unexpected(ended.error());
  } else if (std::holds_alternative<Stop>(deed)) {
    stopped_ = true;
    operators_.killAll();
  } else if (const auto* const crash = std::get_if<Crash>(&deed)) {
    death_ = Death{SIGKILL, crash->writes};
  } else if (const auto* const change = std::get_if<ChangeLeader>(&deed)) {
    death_ = Death{SIGTERM, change->writes};
  } else {
    return isForMemoryOnly(deed);
  }
  return true;
}

Result<void> Live::endLeader(int signal) {
  operators_.endLeader(api_, signal);
  if (stopped_) return {};
  return operators_.start();
}

Result<std::vector<std::string>> Live::check() {
  const auto deadline = steady_clock::now() + kPatience;
  std::vector<std::string> broken;
  while (true) {
    auto now = readCluster(api_);
    if (!now) return tl::make_unexpected(now.error());
    broken = brokenNow(*now);
    if (settled_) {
      auto lost = brokenSince(*settled_, *now, asking_);
      std::move(lost.begin(), lost.end(), std::back_inserter(broken));
    }
    if (broken.empty()) {
      settled_ = std::move(*now);
      asking_ = stillAsking(asking_, *settled_);
      break;
    }
    if (steady_clock::now() > deadline) break;
    std::this_thread::sleep_for(kLook);
  }
  if (operators_.crashed() != 0) broken.emplace_back("the operator crashed: see its log");
  return broken;
}

}  // namespace barevip::history
