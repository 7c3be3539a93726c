// SPDX-License-Identifier: Apache-2.0
// Announcer by a packet socket for ARP and a raw ICMPv6 socket for neighbour discovery.
#pragma once

#include <chrono>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "barevip/net/announcer.h"

#include "common/base/file_descriptor.h"

namespace barevip::host {

/// Needs CAP_NET_RAW when made; its sockets belong to the maker's network namespace.
///
/// probe() asks three times within the wait. ARP questions go out alternately as probes (sender
/// 0.0.0.0) and with the device's own address as sender: Linux does not answer probes for addresses
/// that it proxies (net/ipv4/arp.c, arp_process), and that is how another node of barevip would
/// hold the VIP.
class RawAnnouncer final : public net::Announcer {
 public:
  /// Without IPv6 in the kernel, IPv6 addresses are kUnsupported later.
  [[nodiscard]] static Result<RawAnnouncer> open();

  net::AnnounceOutcome announce(const std::vector<IpAddress>& addresses,
                                const std::string& device) override;
  Result<std::optional<std::string>> probe(const IpAddress& address, const std::string& device,
                                           std::chrono::milliseconds wait,
                                           std::stop_token stop) override;

 private:
  RawAnnouncer(FileDescriptor control, FileDescriptor packet, FileDescriptor icmp6);

  FileDescriptor control_;  ///< for ioctls
  FileDescriptor packet_;   ///< sends ARP; receives nothing
  FileDescriptor icmp6_;    ///< sends advertisements; filters out all it receives
};

}  // namespace barevip::host
