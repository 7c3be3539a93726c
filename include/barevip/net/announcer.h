// SPDX-License-Identifier: Apache-2.0
// Announces to the neighbours of a network where an address is.
#pragma once

#include <chrono>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "barevip/base/ip.h"
#include "barevip/base/result.h"

namespace barevip::net {

/// What became of an announcement.
struct AnnounceOutcome {
  std::vector<IpAddress> unsent;  ///< worth another try: no buffer was free, or the device is down
  std::optional<Error> failure;   ///< the first, also of what is not worth one
};

/// Not thread-safe.
class Announcer {
 public:
  virtual ~Announcer() = default;

  /// One gratuitous ARP request and reply (RFC 5227, 3) or unsolicited neighbour advertisement with
  /// the override flag (RFC 4861, 7.2.6) for each address, on the device.
  virtual AnnounceOutcome announce(const std::vector<IpAddress>& addresses,
                                   const std::string& device) = 0;

  /// Asks the network who has the address (ARP probe of RFC 5227, 2.1.1, or the neighbour
  /// solicitation of RFC 4862, 5.4.2) and waits for an answer. Returns the answering hardware
  /// address as text, or nothing if nobody answered in time.
  virtual Result<std::optional<std::string>> probe(const IpAddress& address,
                                                   const std::string& device,
                                                   std::chrono::milliseconds wait,
                                                   std::stop_token stop) = 0;
};

}  // namespace barevip::net
