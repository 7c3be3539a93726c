// SPDX-License-Identifier: Apache-2.0
// An announcer whose neighbours the test decides.
#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "barevip/net/announcer.h"

namespace barevip::fakes {

/// Answers probes at once. Beyond net::Announcer's contract it is thread-safe.
class FakeAnnouncer final : public net::Announcer {
 public:
  struct Announcement {
    IpAddress address;
    std::string device;

    friend bool operator==(const Announcement&, const Announcement&) = default;
  };

  net::AnnounceOutcome announce(const std::vector<IpAddress>& addresses,
                                const std::string& device) override;
  Result<std::optional<std::string>> probe(const IpAddress& address, const std::string& device,
                                           std::chrono::milliseconds wait,
                                           std::stop_token stop) override;

  /// From now on probes for the address find this hardware address; nullopt: nobody.
  void setHolder(const IpAddress& address, std::optional<std::string> mac);
  /// announce and probe fail with this until told nullopt; nothing is sent then.
  void setError(std::optional<Error> error);
  /// All since the last call of this function, in order.
  [[nodiscard]] std::vector<Announcement> takeAnnouncements();
  [[nodiscard]] std::size_t probeCount() const;

 private:
  mutable std::mutex mutex_;
  std::map<IpAddress, std::string> holders_;
  std::vector<Announcement> announcements_;
  std::size_t probes_ = 0;
  std::optional<Error> error_;
};

}  // namespace barevip::fakes
