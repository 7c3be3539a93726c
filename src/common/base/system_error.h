// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "barevip/base/result.h"

namespace barevip {

/// An errno as the error that a caller can act upon.
[[nodiscard]] ErrorCode errnoCode(int error);

/// "cannot do this: No such device", with the errno as detail.
[[nodiscard]] Error systemError(const std::string& what, int number);

}  // namespace barevip
