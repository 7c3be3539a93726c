// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/host/capabilities.h"

#include <sys/capability.h>
#include <sys/prctl.h>

#include <array>
#include <cerrno>
#include <memory>
#include <type_traits>
#include <vector>

#include "common/base/system_error.h"

namespace barevip::host {

namespace {

struct FreeCapabilities {
  void operator()(cap_t caps) const { cap_free(caps); }
};
using Capabilities = std::unique_ptr<std::remove_pointer_t<cap_t>, FreeCapabilities>;

cap_value_t value(Capability capability) {
  switch (capability) {
    case Capability::kNetAdmin:
      return CAP_NET_ADMIN;
    case Capability::kNetRaw:
      return CAP_NET_RAW;
    case Capability::kSysAdmin:
      return CAP_SYS_ADMIN;
  }
  return CAP_SYS_ADMIN;
}

bool holds(cap_t caps, cap_value_t capability, cap_flag_t set) {
  cap_flag_value_t flag = CAP_CLEAR;
  return cap_get_flag(caps, capability, set, &flag) == 0 && flag == CAP_SET;
}

Result<void> require(std::span<const Capability> needed) {
  std::vector<Capability> missing;
  for (const Capability capability : needed) {
    if (!hasCapability(capability)) missing.push_back(capability);
  }
  if (missing.empty()) return {};
  return fail(ErrorCode::kForbidden, missingCapabilities(missing), EPERM);
}

}  // namespace

bool hasCapability(Capability capability) {
  const Capabilities caps(cap_get_proc());
  return caps && holds(caps.get(), value(capability), CAP_EFFECTIVE);
}

std::string missingCapabilities(std::span<const Capability> missing) {
  std::string names;
  std::string reasons;
  for (const Capability capability : missing) {
    const std::string separator = names.empty() ? "" : ", ";
    switch (capability) {
      case Capability::kNetAdmin:
        names += separator + "NET_ADMIN";
        reasons += separator + "NET_ADMIN for IPVS, routes and the packet filter";
        break;
      case Capability::kNetRaw:
        names += separator + "NET_RAW";
        reasons += separator + "NET_RAW for ARP, neighbour discovery and the packet filter";
        break;
      case Capability::kSysAdmin:
        names += separator + "SYS_ADMIN";
        reasons += separator + "SYS_ADMIN to make or enter the balancer namespace";
        break;
    }
  }
  return "missing capabilities: " + reasons + "; run as root, or add [" + names +
         "] to securityContext.capabilities of the container";
}

Result<void> checkCapabilities(net::Placement placement) {
  static constexpr std::array kNeeded{Capability::kNetAdmin, Capability::kNetRaw,
                                      Capability::kSysAdmin};
  return require(std::span(kNeeded).first(placement == net::Placement::kDirector ? 3 : 2));
}

Result<void> checkInitCapabilities() {
  static constexpr std::array kNeeded{Capability::kNetAdmin, Capability::kSysAdmin};
  return require(kNeeded);
}

Result<void> dropCapabilities() {
  const Capabilities now(cap_get_proc());
  const Capabilities wanted(cap_init());
  if (!now || !wanted) return tl::make_unexpected(systemError("cannot read capabilities", errno));
  std::vector<cap_value_t> kept;
  for (const Capability capability : {Capability::kNetAdmin, Capability::kNetRaw}) {
    if (holds(now.get(), value(capability), CAP_PERMITTED)) kept.push_back(value(capability));
  }
  // The bounding set first: its changes need CAP_SETPCAP, which goes with the permitted set. A
  // container without CAP_SETPCAP keeps its bounding set, which its runtime has narrowed already.
  if (holds(now.get(), CAP_SETPCAP, CAP_EFFECTIVE)) {
    for (cap_value_t capability = 0; cap_get_bound(capability) >= 0; ++capability) {
      if (capability == CAP_NET_ADMIN || capability == CAP_NET_RAW) continue;
      if (cap_get_bound(capability) == 1 && cap_drop_bound(capability) != 0) {
        return tl::make_unexpected(systemError("cannot narrow the bounding set", errno));
      }
    }
  }
  for (const cap_flag_t set : {CAP_PERMITTED, CAP_EFFECTIVE, CAP_INHERITABLE}) {
    if (!kept.empty() &&
        cap_set_flag(wanted.get(), set, static_cast<int>(kept.size()), kept.data(), CAP_SET) != 0) {
      return tl::make_unexpected(systemError("cannot choose capabilities", errno));
    }
  }
  if (cap_set_proc(wanted.get()) != 0) {
    return tl::make_unexpected(systemError("cannot drop capabilities", errno));
  }
  // Without CAP_SETPCAP the bounding set stays, from which a program of root's would take all again
  // at exec: this flag limits it to what the thread has (security/commoncap.c).
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
    return tl::make_unexpected(systemError("cannot set no_new_privs", errno));
  }
  // Ambient ones reach programs that a user other than root starts.
  if (cap_reset_ambient() != 0) {
    return tl::make_unexpected(systemError("cannot reset ambient capabilities", errno));
  }
  for (const cap_value_t capability : kept) {
    if (cap_set_ambient(capability, CAP_SET) != 0) {
      return tl::make_unexpected(systemError("cannot set ambient capabilities", errno));
    }
  }
  return {};
}

}  // namespace barevip::host
