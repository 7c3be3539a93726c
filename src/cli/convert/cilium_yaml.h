// SPDX-License-Identifier: Apache-2.0
// Cilium's objects for LB IPAM, L2 announcements and BGP. See
// https://docs.cilium.io/en/stable/network/lb-ipam/ for their fields.
#pragma once

#include <string>

#include "cli/convert/fields_yaml.h"
#include "cli/convert/sources.h"

namespace barevip::cli {

/// An object of the API group cilium.io. `object` is the whole of it.
void readCilium(const std::string& kind, const std::string& name, Fields object,
                const Origin& origin, Sources& sources, Report& report);

}  // namespace barevip::cli
