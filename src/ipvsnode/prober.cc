// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/prober.h"

#include <algorithm>
#include <utility>

#include "barevip/base/log.h"

namespace barevip::node {

Prober::Prober(net::Announcer& announcer, std::string device, Answered answered)
    : announcer_(announcer), device_(std::move(device)), answered_(std::move(answered)) {}

void Prober::start() {
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void Prober::ask(const std::vector<IpAddress>& addresses) {
  {
    const std::lock_guard lock(mutex_);
    queue_.insert(queue_.end(), addresses.begin(), addresses.end());
  }
  wake_.notify_one();
}

std::chrono::milliseconds Prober::waitFor(std::size_t queued) {
  const auto share = kWait * 4 / static_cast<std::chrono::milliseconds::rep>(queued + 1);
  return std::clamp(share, kLeastWait, kWait);
}

void Prober::run(const std::stop_token& stop) {
  std::string lastFailure;
  while (true) {
    IpAddress address;
    std::size_t behind = 0;
    {
      std::unique_lock lock(mutex_);
      if (!wake_.wait(lock, stop, [this] { return !queue_.empty(); })) return;
      address = queue_.front();
      queue_.pop_front();
      behind = queue_.size();
    }
    auto answer = announcer_.probe(address, device_, waitFor(behind), stop);
    if (stop.stop_requested()) return;
    if (answer) {
      answered_(address, std::move(*answer));
      continue;
    }
    if (std::exchange(lastFailure, answer.error().message) != answer.error().message) {
      log::warn("cannot ask the network who has an address",
                {{"address", address.toString()}, {"reason", answer.error().message}});
    }
    answered_(address, std::nullopt);
  }
}

}  // namespace barevip::node
