// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/netlink/former_sets.h"

#include <linux/netfilter/ipset/ip_set.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <string>
#include <thread>
#include <utility>

#include "ipvsnode/netlink/batch.h"

namespace barevip::netlink {

namespace {

/// The first that the kernel speaks since 2.6.39; later ones only add to it.
constexpr std::uint8_t kProtocol = 6;
/// A rule that was removed lets go of its set only after a grace period of the kernel's.
constexpr int kAttempts = 20;
constexpr std::chrono::milliseconds kPause{50};

/// NLM_F_EXCL: a set that is not there is an error, as on kernels before 5.13 always.
Message destroying(const std::string& set) {
  nfgenmsg header{};
  header.nfgen_family = AF_INET;
  Message message =
      newMessage(static_cast<std::uint16_t>((NFNL_SUBSYS_IPSET << 8U) | IPSET_CMD_DESTROY),
                 NLM_F_EXCL, bytesOf(header));
  put(*message, IPSET_ATTR_PROTOCOL, kProtocol);
  putString(*message, IPSET_ATTR_SETNAME, set);
  return message;
}

/// Whether it was there.
Result<bool> destroy(Socket& socket, const std::string& set) {
  for (int attempt = 1;; ++attempt) {
    const auto done = sendOne(socket, destroying(set), "cannot remove the ipset " + set);
    if (done) return true;
    if (done.error().detail == ENOENT) return false;
    if (done.error().detail != IPSET_ERR_BUSY || attempt == kAttempts) {
      return tl::make_unexpected(done.error());
    }
    std::this_thread::sleep_for(kPause);
  }
}

}  // namespace

Result<std::size_t> removeFormerSets() {
  if (::access("/sys/module/ip_set", F_OK) != 0) return 0U;
  auto socket = Socket::open({.protocol = NETLINK_NETFILTER});
  if (!socket) return tl::make_unexpected(std::move(socket.error()));
  std::size_t removed = 0;
  for (const char* name : {"allow", "guard", "keep", "services", "vips"}) {
    for (const char* family : {"4", "6"}) {
      const auto there = destroy(*socket, std::string("barevip-") + name + family);
      if (!there) return tl::make_unexpected(there.error());
      removed += *there ? 1U : 0U;
    }
  }
  return removed;
}

}  // namespace barevip::netlink
