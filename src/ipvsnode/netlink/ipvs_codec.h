// SPDX-License-Identifier: Apache-2.0
// IPVS over generic netlink: messages of <linux/ip_vs.h> from and to values. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "barevip/ipvs/kernel.h"
#include "barevip/ipvs/traffic.h"

#include "ipvsnode/netlink/message.h"

namespace barevip::netlink {

/// Asks the generic netlink controller for the number of a family.
[[nodiscard]] Message encodeFamilyRequest(const std::string& name);
/// The number in the controller's answer; nullopt if there is none in it.
[[nodiscard]] std::optional<std::uint16_t> decodeFamily(const Received& message);

/// One change. Every attribute that some kernel since 4.19 wants is sent; masquerading is the only
/// forwarding method.
[[nodiscard]] Message encodeOp(std::uint16_t family, const ipvs::Op& op);

/// Dump requests: of all virtual servers, and of the real servers of one.
[[nodiscard]] Message encodeVirtualServerDump(std::uint16_t family);
[[nodiscard]] Message encodeRealServerDump(std::uint16_t family, const ipvs::VirtualServerKey& key);

/// Timeouts: a request for them, the change of those that are not 0, and what the kernel answers.
[[nodiscard]] Message encodeTimeoutsRequest(std::uint16_t family);
[[nodiscard]] Message encodeTimeouts(std::uint16_t family, const ipvs::Timeouts& timeouts);
[[nodiscard]] ipvs::Timeouts decodeTimeouts(const Received& message);

/// One entry of a dump, without real servers. nullopt for what is not from barevip and never will
/// be: virtual servers by firewall mark and of protocols without a ServicePort. kInvalid if the
/// message breaks the format. Normalised to what encodeOp sends: flags without IP_VS_SVC_F_HASHED,
/// no timeout without kPersistent.
[[nodiscard]] Result<std::optional<ipvs::VirtualServer>> decodeVirtualServer(
    const Received& message);

/// One entry of a dump of real servers. `family` is that of the virtual server: kernels before 3.18
/// do not name it.
[[nodiscard]] Result<ipvs::RealServer> decodeRealServer(const Received& message, Family family);

/// What the same entries say of traffic, by the 64-bit counters that kernels send since 4.1.
/// Errors, what is left out and `family` as above; kInvalid also without any of the counters.
[[nodiscard]] Result<std::optional<ipvs::VirtualServerTraffic>> decodeVirtualServerTraffic(
    const Received& message);
[[nodiscard]] Result<ipvs::RealServerTraffic> decodeRealServerTraffic(const Received& message,
                                                                      Family family);

}  // namespace barevip::netlink
