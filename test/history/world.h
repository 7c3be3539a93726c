// SPDX-License-Identifier: Apache-2.0
// A history played in memory: an API server, two processes of the operator, no threads, no real
// time. The same history gives the same world.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "fakes/fake_api.h"
#include "fakes/manual_clock.h"
#include "history/cluster.h"
#include "history/history.h"
#include "history/replica.h"

namespace barevip::history {

class World {
 public:
  explicit World(std::uint32_t schedule);

  /// Does what the event says, then as much work as it allows; when there is nothing left to do,
  /// the promises are checked. Returns the broken ones.
  std::vector<std::string> happen(const Event& event);
  /// Somebody leads, all work is done, the promises are checked.
  std::vector<std::string> finish();

  /// Every object of the API server, for comparison.
  [[nodiscard]] std::string everything() const;

 private:
  /// What happens to processes; false: the event is about the API's objects.
  bool disturb(const Deed& deed);
  void startIfStopped();
  void restart();
  void changeLeader();
  bool workOnce();
  /// Returns how much there was to do.
  std::size_t workAll();
  void settle();
  void check();
  void checkShown();
  void noteShareKey(const Deed& deed);
  bool haveSharedAKey(const std::string& a, const std::string& b);
  [[nodiscard]] Replica& leader() { return *replicas_.at(leader_); }
  [[nodiscard]] bool stopped() { return !leader().leads(); }
  std::vector<std::string> takeBroken();

  kube::FakeApi api_;
  ManualClock clock_;
  std::array<std::unique_ptr<Replica>, 2> replicas_;
  std::size_t leader_ = 0;
  bool handOver_ = false;  ///< when the leader is dead, the other one leads
  std::uint32_t random_;
  std::size_t checkedWrites_ = 0;
  std::map<std::string, std::set<std::string>> shareKeys_;  ///< of Services, all that they ever had

  std::optional<Cluster> settled_;  ///< as it was when it was checked last
  std::size_t deeds_ = 0;           ///< what people did since
  std::set<kube::ObjectKey> asking_;
  std::vector<std::string> broken_;
};

}  // namespace barevip::history
