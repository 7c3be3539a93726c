// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/apply/netlink_errors.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <string>

namespace barevip::node {
namespace {

// What ip_vs, rtnetlink and their sockets answer with.
constexpr std::array kUsual{0,      EPERM,  ENOENT,   ESRCH,         EAGAIN,      ENOMEM,
                            EBUSY,  EEXIST, ENODEV,   EINVAL,        ENOBUFS,     EOPNOTSUPP,
                            ENOSPC, ERANGE, EMSGSIZE, EADDRNOTAVAIL, ENETUNREACH, ETIMEDOUT};

obs::Counter& errors(obs::Registry& metrics, int error) {
  const char* const name = error == 0 ? nullptr : strerrorname_np(error);
  return metrics.counter("barevip_node_netlink_errors_total", "Errors of netlink since the start.",
                         {{"errno", name == nullptr ? "none" : name}});
}

}  // namespace

void countNetlinkError(obs::Registry& metrics, int error) { errors(metrics, error).add(); }

void beginNetlinkErrors(obs::Registry& metrics) {
  for (const int error : kUsual) static_cast<void>(errors(metrics, error));
}

}  // namespace barevip::node
