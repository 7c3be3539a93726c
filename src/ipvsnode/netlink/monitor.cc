// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/netlink/monitor.h"

#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <system_error>
#include <utility>

#include "barevip/base/log.h"

#include "ipvsnode/netlink/message.h"

namespace barevip::netlink {
namespace {

constexpr std::array<int, 8> kGroups = {
    RTNLGRP_LINK,       RTNLGRP_NEIGH,      RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR,
    RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE, RTNLGRP_IPV4_RULE,   RTNLGRP_IPV6_RULE};

/// Real neighbours change with the traffic; only proxy entries concern us.
bool isOtherNeighbour(const Received& message) {
  const auto type = message.header().nlmsg_type;
  if (type != RTM_NEWNEIGH && type != RTM_DELNEIGH) return false;
  const auto header = message.familyHeader<ndmsg>();
  return !header || (header->ndm_flags & NTF_PROXY) == 0;
}

}  // namespace

Result<std::unique_ptr<Monitor>> Monitor::start(const MonitorOptions& options, Changed changed) {
  auto socket = Socket::open({.protocol = NETLINK_ROUTE,
                              .namespaceFd = options.namespaceFd,
                              .bufferBytes = options.bufferBytes});
  if (!socket) return tl::make_unexpected(socket.error());
  if (auto subscribed = socket->subscribe(kGroups); !subscribed) {
    return tl::make_unexpected(subscribed.error());
  }
  return start(std::move(*socket), options, std::move(changed));
}

Result<std::unique_ptr<Monitor>> Monitor::start(Socket socket, const MonitorOptions& options,
                                                Changed changed) {
  FileDescriptor wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake.valid()) {
    const int error = errno;
    return fail(ErrorCode::kUnavailable,
                "cannot make an eventfd: " + std::system_category().message(error), error);
  }
  return std::unique_ptr<Monitor>(
      new Monitor(std::move(socket), options, std::move(wake), std::move(changed)));
}

Monitor::Monitor(Socket socket, const MonitorOptions& options, FileDescriptor wake, Changed changed)
    : socket_(std::move(socket)),
      options_(options),
      wake_(std::move(wake)),
      changed_(std::move(changed)),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

Monitor::~Monitor() = default;

void Monitor::run(const std::stop_token& stop) {
  const std::stop_callback wakeUp(stop, [this] {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(wake_.get(), &one, sizeof one);
  });
  while (!stop.stop_requested() && !broken_) {
    if (!waitFor(socket_.fd(), std::chrono::milliseconds(-1))) continue;
    if (!readAll()) continue;
    // The rest of a burst belongs to the same change.
    waitFor(-1, options_.coalesce);
    readAll();
    if (stop.stop_requested()) return;
    changed_(std::exchange(overrun_, false));
  }
}

bool Monitor::waitFor(int fd, std::chrono::milliseconds limit) {
  // poll skips negative descriptors. The eventfd is readable from the stop on, for ever.
  std::array<pollfd, 2> waits{pollfd{.fd = fd, .events = POLLIN, .revents = 0},
                              pollfd{.fd = wake_.get(), .events = POLLIN, .revents = 0}};
  ::poll(waits.data(), waits.size(), static_cast<int>(limit.count()));
  return waits[0].revents != 0;
}

bool Monitor::readAll() {
  bool foreign = false;
  for (;;) {
    const auto datagram = socket_.tryReceive();
    if (!datagram) {
      if (datagram.error().detail != ENOBUFS) {
        broken_ = true;
        log::error("listening for network changes failed; changes are found by the period only",
                   {{"error", datagram.error().message}});
      }
      overrun_ = foreign = true;
      if (broken_) return foreign;
      continue;
    }
    if (datagram->empty()) return foreign;
    forEachMessage(*datagram, [&](const Received& message) {
      const auto port = message.header().nlmsg_pid;
      const bool ours = port != 0 && options_.ownPorts.contains(port);
      if (!ours && !isOtherNeighbour(message)) foreign = true;
    });
  }
}

}  // namespace barevip::netlink
