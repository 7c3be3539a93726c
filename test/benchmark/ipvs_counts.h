// SPDX-License-Identifier: Apache-2.0
// What the kernel's IPVS holds, seen so cheaply that one can look a thousand times a second: by the
// socket options of <linux/ip_vs.h>, IPv4 alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "barevip/base/ip.h"
#include "barevip/base/result.h"

#include "common/base/file_descriptor.h"

namespace barevip::bench {

/// Of one network namespace. One thread.
class IpvsCounts {
 public:
  /// namespacePath empty: the caller's. Needs CAP_NET_ADMIN, and CAP_SYS_ADMIN for another one.
  [[nodiscard]] static Result<IpvsCounts> open(const std::string& namespacePath);

  /// In constant time.
  [[nodiscard]] std::size_t virtualServers() const;
  /// Of all virtual servers; in time that grows with the number of these.
  [[nodiscard]] std::size_t realServers() const;
  /// Addresses of the real servers of a TCP virtual server, of at most `most`; none if it is not
  /// there.
  [[nodiscard]] std::vector<IpAddress> realServersOf(const IpAddress& vip, std::uint16_t port,
                                                     std::size_t most) const;

 private:
  explicit IpvsCounts(FileDescriptor socket) : socket_(std::move(socket)) {}

  FileDescriptor socket_;
};

}  // namespace barevip::bench
