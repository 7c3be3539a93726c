// SPDX-License-Identifier: Apache-2.0
// Asks the network who has an address, beside the thread that writes netlink.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "barevip/base/ip.h"
#include "barevip/net/announcer.h"

namespace barevip::node {

/// One thread; questions are answered in their order. Each waits kWait for an answer, less while
/// many are queued, so that a thousand new Services are not announced minutes later; a neighbour on
/// the same network answers within a millisecond or two.
class Prober {
 public:
  static constexpr std::chrono::milliseconds kWait{240};
  static constexpr std::chrono::milliseconds kLeastWait{15};

  /// On the prober's thread; must not block. A probe that fails counts as silence: an address that
  /// cannot be asked for must still be served.
  using Answered = std::function<void(const IpAddress&, std::optional<std::string> mac)>;

  /// The announcer is this thread's alone.
  Prober(net::Announcer& announcer, std::string device, Answered answered);

  void start();
  /// Thread-safe.
  void ask(const std::vector<IpAddress>& addresses);

  /// How long to wait for one answer while so many wait behind it.
  [[nodiscard]] static std::chrono::milliseconds waitFor(std::size_t queued);

 private:
  void run(const std::stop_token& stop);

  net::Announcer& announcer_;
  const std::string device_;
  Answered answered_;
  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::deque<IpAddress> queue_;
  std::jthread thread_;
};

}  // namespace barevip::node
