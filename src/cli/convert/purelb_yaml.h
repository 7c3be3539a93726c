// SPDX-License-Identifier: Apache-2.0
// PureLB's objects, purelb.io/v1 and /v2. See https://purelb.io for their fields.
#pragma once

#include <string>

#include "cli/convert/fields_yaml.h"
#include "cli/convert/sources.h"

namespace barevip::cli {

/// An object of the API group purelb.io. `object` is the whole of it.
void readPureLb(const std::string& kind, const std::string& name, Fields object,
                const Origin& origin, Sources& sources, Report& report);

}  // namespace barevip::cli
