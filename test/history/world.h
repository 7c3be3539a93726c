// SPDX-License-Identifier: Apache-2.0
// A history played in memory: an API server, two processes of the operator, one thing
// at a time, no real time. The same history gives the same world.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "fakes/fake_api.h"
#include "fakes/manual_clock.h"
#include "history/cluster.h"
#include "history/history.h"
#include "history/reference.h"
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
  void endOverlap();
  void setWorkers(std::size_t workers);
  bool workOnce();
  bool work(std::uint32_t order);
  /// Returns how much there was to do.
  std::size_t workAll();
  void settle();
  bool changesLater();
  void check();
  void checkShown();
  void checkSettled();
  [[nodiscard]] bool isTwoThings(const Deed& deed) const;
  void noteShareKey(const Deed& deed);
  void noteForeign(const Deed& deed);
  void noteRestored(const Deed& deed);
  void noteHostile(const Deed& deed);
  [[nodiscard]] std::optional<Error> refusal(kube::FakeApi::Verb verb,
                                             const kube::Resource& resource,
                                             const kube::ObjectKey& key) const;
  bool haveSharedAKey(const std::string& a, const std::string& b);
  [[nodiscard]] Replica& leader() { return *replicas_.at(leader_); }
  [[nodiscard]] bool stopped() { return !leader().leads(); }
  std::vector<std::string> takeBroken();

  kube::FakeApi api_;
  ManualClock clock_;
  std::size_t leader_ = 0;
  std::optional<std::size_t> former_;  ///< it led, and has not finished
  /// Two led at the same time since everything was settled.
  bool overlapped_ = false;
  std::size_t workers_ = 1;
  /// When the leader is dead, the other one leads, and it sends so many late writes.
  std::optional<Pick> handOver_;
  std::uint32_t random_;
  std::size_t checkedWrites_ = 0;
  std::map<std::string, std::set<std::string>> shareKeys_;  ///< of Services, all that they ever had
  /// Services and addresses that somebody else made them show.
  std::set<std::pair<std::string, std::string>> foreign_;

  std::optional<Cluster> settled_;  ///< as it was when it was checked last
  std::size_t deeds_ = 0;           ///< what people did since
  Refusals refusals_;
  bool peopleAct_ = false;
  std::set<kube::ObjectKey> asking_;
  /// The last deed, if it was that somebody restored a Service while somebody led.
  std::optional<std::pair<kube::ObjectKey, IpAddress>> restored_;
  std::vector<std::string> broken_;
  /// The last member: what they have under way goes on with the others until they are gone.
  std::array<std::unique_ptr<Replica>, 2> replicas_;
};

}  // namespace barevip::history
