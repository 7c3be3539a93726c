// SPDX-License-Identifier: Apache-2.0
// Objects of inwinstack.com/v1, the project that barevip descends from.
#pragma once

#include <string>

#include "cli/convert/fields_yaml.h"
#include "cli/convert/sources.h"

namespace barevip::cli {

/// `object` is the whole of it.
void readOriginal(const std::string& kind, const std::string& name, Fields object,
                  const Origin& origin, Sources& sources, Report& report);

}  // namespace barevip::cli
