// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/netlink/ipvs_family.h"

#include <linux/ip_vs.h>

#include <cerrno>

#include "ipvsnode/netlink/batch.h"
#include "ipvsnode/netlink/ipvs_codec.h"

namespace barevip::netlink {

Result<std::uint16_t> resolveIpvsFamily(Socket& socket) {
  std::optional<std::uint16_t> family;
  const auto asked =
      sendOne(socket, encodeFamilyRequest(IPVS_GENL_NAME), "cannot look IPVS up in this kernel",
              [&](const Received& message) { family = decodeFamily(message); });
  if (!asked && asked.error().detail == ENOENT) {
    return fail(ErrorCode::kUnsupported,
                "this kernel has no IPVS: load its module on the node with `modprobe ip_vs`, and "
                "install the module if the kernel's package leaves it out",
                ENOENT);
  }
  if (!asked) return tl::make_unexpected(asked.error());
  if (!family) {
    return fail(ErrorCode::kInternal, "the kernel's answer about IPVS lacks its family number",
                EBADMSG);
  }
  return *family;
}

}  // namespace barevip::netlink
