// SPDX-License-Identifier: Apache-2.0
// What the users of a socket to IPVS have in common.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "barevip/base/result.h"

#include "ipvsnode/netlink/dump.h"
#include "ipvsnode/netlink/message.h"
#include "ipvsnode/netlink/socket.h"

namespace barevip::netlink {

/// The number that generic netlink has for IPVS. kUnsupported if this kernel has no ip_vs.
[[nodiscard]] Result<std::uint16_t> resolveIpvsFamily(Socket& socket);

/// A whole dump by the keys of its entries: a dump of IPVS repeats entries while another program
/// writes. decode: from Received to Result<std::optional<Entry>>; nullopt leaves an entry out.
template <class Entry, class Decode>
Result<std::map<decltype(Entry::key), Entry>> dumpByKey(Socket& socket, const Message& request,
                                                        const std::string& doing,
                                                        const Decode& decode) {
  std::map<decltype(Entry::key), Entry> found;
  const auto listed = dump(socket, request, doing,
                           {.restart = [&] { found.clear(); },
                            .entry = [&](const Received& message) -> Result<void> {
                              Result<std::optional<Entry>> entry = decode(message);
                              if (!entry) return tl::make_unexpected(std::move(entry.error()));
                              if (*entry) found.insert_or_assign((*entry)->key, std::move(**entry));
                              return {};
                            }});
  if (!listed) return tl::make_unexpected(listed.error());
  return found;
}

}  // namespace barevip::netlink
