// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "barevip/base/result.h"

namespace barevip {

/// The whole file. kInvalid, with a sentence that names it, if it cannot be read.
[[nodiscard]] Result<std::string> readTextFile(const std::string& file);

}  // namespace barevip
