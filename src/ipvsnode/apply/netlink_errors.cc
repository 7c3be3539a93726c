// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/apply/netlink_errors.h"

#include <cstring>
#include <string>

namespace barevip::node {

void countNetlinkError(obs::Registry& metrics, int error) {
  const char* const name = error == 0 ? nullptr : strerrorname_np(error);
  metrics
      .counter("barevip_node_netlink_errors_total", "Errors of netlink since the start.",
               {{"errno", name == nullptr ? "none" : name}})
      .add();
}

}  // namespace barevip::node
