// SPDX-License-Identifier: Apache-2.0
// Reading of whole tables.
#pragma once

#include <functional>
#include <string>

#include "barevip/base/result.h"

#include "ipvsnode/netlink/message.h"
#include "ipvsnode/netlink/socket.h"

namespace barevip::netlink {

/// How often an interrupted dump is repeated before it counts as failed.
inline constexpr int kDumpAttempts = 10;

/// One reading of a table.
struct DumpHandlers {
  /// Called before the first message of every attempt: forget what an interrupted one brought.
  std::function<void()> restart;
  /// Called for each entry. An error ends the dump.
  std::function<Result<void>(const Received&)> entry;
};

/// Sends a request with NLM_F_DUMP and reads its answer to the end. The kernel flags a dump during
/// which the table changed (NLM_F_DUMP_INTR): that one is repeated. IPVS never flags.
/// `doing` begins the sentence of an error, e.g. "cannot list routes"; its detail is the errno.
Result<void> dump(Socket& socket, const Message& request, const std::string& doing,
                  const DumpHandlers& handlers);

}  // namespace barevip::netlink
