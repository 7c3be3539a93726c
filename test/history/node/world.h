// SPDX-License-Identifier: Apache-2.0
// The nodes of a cluster, their network and their API server, with a clock that jumps from one
// thing that is due to the next.
#pragma once

#include <array>
#include <chrono>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "fakes/manual_clock.h"
#include "history/node/cluster.h"
#include "history/node/daemon.h"
#include "history/node/machine.h"
#include "history/node/watch.h"

namespace barevip::node::history {

class World {
 public:
  explicit World(const History& history);

  /// Plays it and lets all calm down; the first broken rules, a sentence each.
  std::vector<std::string> play();

 private:
  using Duration = std::chrono::milliseconds;

  struct Member {
    Pick number = 0;
    std::unique_ptr<Machine> machine;  ///< null: no power
    std::unique_ptr<Watch> watch;
    std::unique_ptr<Daemon> daemon;  ///< null: none runs
    Reach reach = Reach::kNormal;
    MonotonicTime nextTick;  ///< when a slow API server answers next
    MonotonicTime nextRenewal;
    bool talks = false;  ///< with the API server, at this moment
    std::uint64_t delivered = 0;
    std::map<Pick, int> leasesSeen;
    std::multimap<MonotonicTime, IpAddress> asked;
  };
  struct Deeds;

  void run(Duration time);
  void doAllDue();
  bool doDue(Member& member);
  [[nodiscard]] MonotonicTime nextDue() const;
  void changed();
  void start(Member& member);
  void powerOn(Member& member);
  void renew(Member& member);
  void deliver(Member& member);
  void answer(Member& member);
  void record(Member& member);
  [[nodiscard]] std::optional<std::string> whoAnswers(const Member& asker,
                                                      const IpAddress& address) const;

  void calmDown();
  void endOfStrangers();
  void restartAll();
  /// At most one node announces each VIP; exactly one if `all` is well and any may.
  void judgeAnnouncers();
  void judgeNodes();
  [[nodiscard]] bool isRecorded(const IpAddress& vip, Pick node) const;
  [[nodiscard]] bool isObstructed(const Member& member) const;

  const History& history_;
  ManualClock clock_;
  const MonotonicTime begin_;  ///< of the events
  std::vector<std::string> broken_;
  std::array<Member, kNodeCount> members_;
  Cluster cluster_;
  std::shared_ptr<const Cluster> published_;  ///< what the API server says
  Objects objects_;                           ///< of it
  std::uint64_t version_ = 0;
  struct Written {
    model::Lease lease;
    int number = 0;
  };
  std::map<Pick, Written> leases_;
  int renewals_ = 0;
  std::set<IpAddress> strangers_;
};

}  // namespace barevip::node::history
