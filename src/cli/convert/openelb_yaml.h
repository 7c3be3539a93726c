// SPDX-License-Identifier: Apache-2.0
// OpenELB's objects (before: Porter). See https://openelb.io/docs/ for their fields.
#pragma once

#include <string>

#include "cli/convert/fields_yaml.h"
#include "cli/convert/sources.h"

namespace barevip::cli {

/// An object of the API group network.kubesphere.io. `object` is the whole of it.
void readOpenElb(const std::string& kind, const std::string& name, Fields object,
                 const Origin& origin, Sources& sources, Report& report);

}  // namespace barevip::cli
