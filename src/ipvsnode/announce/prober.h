// SPDX-License-Identifier: Apache-2.0
// Asks the network who has an address, beside the thread that writes netlink.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <thread>

#include "barevip/base/ip.h"
#include "barevip/net/announcer.h"

#include "ipvsnode/announce/questions.h"

namespace barevip::node {

/// Addresses in the order in which they came, each once.
class QuestionQueue {
 public:
  void add(const IpAddress& address);
  void keepOnly(const std::set<IpAddress>& addresses);
  /// The first; there must be one.
  IpAddress take();
  [[nodiscard]] std::size_t size() const { return order_.size(); }
  [[nodiscard]] bool empty() const { return order_.empty(); }

 private:
  std::deque<IpAddress> order_;
  std::set<IpAddress> members_;
};

/// One thread. Urgent questions go first: a failover waits for no more than the one that is being
/// asked. Otherwise in the order in which they came; what is not awaited any more is not asked, so
/// that no more wait than there are VIPs and nodes. Each waits kWait for an answer, less while many
/// of its kind are queued, so that a thousand new Services are not announced minutes later; a
/// neighbour on the same network answers within a millisecond or two.
class Prober {
 public:
  static constexpr std::chrono::milliseconds kWait{240};
  static constexpr std::chrono::milliseconds kLeastWait{15};

  /// On the prober's thread; must not block. A probe that fails counts as silence: an address that
  /// cannot be asked for must still be served.
  using Answered = std::function<void(const IpAddress&, std::optional<std::string> mac)>;

  /// The announcer is this thread's alone; device: where questions do not name another.
  Prober(net::Announcer& announcer, std::string device, Answered answered);

  void start();
  /// Thread-safe.
  void ask(const Questions& questions);

  /// Questions that nobody was asked yet. Thread-safe.
  [[nodiscard]] std::size_t queued() const;

  /// How long to wait for one answer while so many wait behind it.
  [[nodiscard]] static std::chrono::milliseconds waitFor(std::size_t queued);

 private:
  void run(const std::stop_token& stop);

  net::Announcer& announcer_;
  const std::string device_;
  Answered answered_;
  mutable std::mutex mutex_;
  std::condition_variable_any wake_;
  QuestionQueue urgent_;
  QuestionQueue others_;
  std::map<IpAddress, std::string> devices_;  ///< of those that are queued or open
  std::jthread thread_;
};

}  // namespace barevip::node
