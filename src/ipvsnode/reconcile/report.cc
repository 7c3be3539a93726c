// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/reconcile/report.h"

namespace barevip::node {

std::string brokenMessage(const std::string& vip, const std::string& node,
                          const std::string& cause) {
  return vip + " does not get through node " + node + " (" + cause +
         "): other nodes take it over; the log of barevip-node there names the setting";
}

}  // namespace barevip::node
