// SPDX-License-Identifier: Apache-2.0
// MetalLB's objects. See https://metallb.io/apis/ for their fields.
#pragma once

#include <string>

#include "cli/convert/fields_yaml.h"
#include "cli/convert/sources.h"

namespace barevip::cli {

/// An object of the API group metallb.io. `object` is the whole of it.
void readMetalLb(const std::string& kind, const std::string& name, Fields object,
                 const Origin& origin, Sources& sources, Report& report);

/// What configured MetalLB before 0.13: the text of `data.config` of its ConfigMap, or the value
/// `configInline` of its Helm chart.
void readMetalLbConfig(Fields config, const Origin& origin, Sources& sources, Report& report);

}  // namespace barevip::cli
