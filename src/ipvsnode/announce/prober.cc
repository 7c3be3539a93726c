// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/announce/prober.h"

#include <algorithm>
#include <utility>

#include "barevip/base/log.h"

namespace barevip::node {

void QuestionQueue::add(const IpAddress& address) {
  if (members_.insert(address).second) order_.push_back(address);
}

void QuestionQueue::keepOnly(const std::set<IpAddress>& addresses) {
  const auto unwanted = [&](const IpAddress& one) { return !addresses.contains(one); };
  std::erase_if(order_, unwanted);
  std::erase_if(members_, unwanted);
}

IpAddress QuestionQueue::take() {
  const IpAddress first = order_.front();
  order_.pop_front();
  members_.erase(first);
  return first;
}

Prober::Prober(net::Announcer& announcer, std::string device, Answered answered)
    : announcer_(announcer), device_(std::move(device)), answered_(std::move(answered)) {}

void Prober::start() {
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void Prober::ask(const Questions& questions) {
  {
    const std::lock_guard lock(mutex_);
    urgent_.keepOnly(questions.open);
    others_.keepOnly(questions.open);
    for (const IpAddress& address : questions.ask) {
      (questions.urgent.contains(address) ? urgent_ : others_).add(address);
      devices_.erase(address);
    }
    std::erase_if(devices_, [&](const auto& one) { return !questions.open.contains(one.first); });
    devices_.insert(questions.devices.begin(), questions.devices.end());
  }
  wake_.notify_one();
}

std::size_t Prober::queued() const {
  const std::lock_guard lock(mutex_);
  return urgent_.size() + others_.size();
}

std::chrono::milliseconds Prober::waitFor(std::size_t queued) {
  const auto share = kWait * 4 / static_cast<std::chrono::milliseconds::rep>(queued + 1);
  return std::clamp(share, kLeastWait, kWait);
}

void Prober::run(const std::stop_token& stop) {
  std::string lastFailure;
  while (true) {
    IpAddress address;
    std::string device;
    std::size_t behind = 0;
    {
      std::unique_lock lock(mutex_);
      const auto asked = [this] { return !urgent_.empty() || !others_.empty(); };
      if (!wake_.wait(lock, stop, asked)) return;
      QuestionQueue& queue = urgent_.empty() ? others_ : urgent_;
      address = queue.take();
      behind = queue.size();
      const auto other = devices_.find(address);
      device = other == devices_.end() ? device_ : other->second;
    }
    auto answer = announcer_.probe(address, device, waitFor(behind), stop);
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
