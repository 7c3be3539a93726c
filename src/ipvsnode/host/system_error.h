// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cerrno>
#include <string>
#include <system_error>

#include "barevip/base/result.h"

#include "ipvsnode/netlink/batch.h"

namespace barevip::host {

/// "cannot do this: No such device", with the errno as detail.
[[nodiscard]] inline Error systemError(const std::string& what, int number) {
  const ErrorCode code = number == EROFS ? ErrorCode::kForbidden : netlink::codeOf(number);
  return {code, what + ": " + std::generic_category().message(number), number, {}};
}

}  // namespace barevip::host
