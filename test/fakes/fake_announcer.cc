// SPDX-License-Identifier: Apache-2.0
#include "fakes/fake_announcer.h"

namespace barevip::fakes {

net::AnnounceOutcome FakeAnnouncer::announce(const std::vector<IpAddress>& addresses,
                                             const std::string& device) {
  const std::lock_guard lock(mutex_);
  if (error_) return {addresses, error_};
  for (const IpAddress& address : addresses) announcements_.push_back({address, device});
  return {};
}

Result<std::optional<std::string>> FakeAnnouncer::probe(const IpAddress& address,
                                                        const std::string& /*device*/,
                                                        std::chrono::milliseconds /*wait*/,
                                                        std::stop_token stop) {
  const std::lock_guard lock(mutex_);
  ++probes_;
  if (error_) return tl::make_unexpected(*error_);
  if (stop.stop_requested()) return fail(ErrorCode::kStopped, "stopped while probing");
  const auto holder = holders_.find(address);
  if (holder == holders_.end()) return std::nullopt;
  return holder->second;
}

void FakeAnnouncer::setHolder(const IpAddress& address, std::optional<std::string> mac) {
  const std::lock_guard lock(mutex_);
  if (mac) {
    holders_[address] = *std::move(mac);
  } else {
    holders_.erase(address);
  }
}

void FakeAnnouncer::setError(std::optional<Error> error) {
  const std::lock_guard lock(mutex_);
  error_ = std::move(error);
}

std::vector<FakeAnnouncer::Announcement> FakeAnnouncer::takeAnnouncements() {
  const std::lock_guard lock(mutex_);
  return std::exchange(announcements_, {});
}

std::size_t FakeAnnouncer::probeCount() const {
  const std::lock_guard lock(mutex_);
  return probes_;
}

}  // namespace barevip::fakes
