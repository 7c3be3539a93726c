// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "cli/convert/sources.h"

namespace barevip::cli {

/// Adds the objects of a file to the sources: all its documents, and the items of lists. `file` is
/// its name for messages.
void readManifests(const std::string& text, const std::string& file, Sources& sources,
                   Report& report);

}  // namespace barevip::cli
