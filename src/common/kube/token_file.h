// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "barevip/base/result.h"

namespace barevip::kube {

/// Whether a text may stand in a header as a token: not empty, no spaces, no control characters.
[[nodiscard]] bool isToken(std::string_view text);

/// A source of bearer tokens that reads the file on each call: the kubelet puts a new token there
/// before the old one ends. kForbidden, naming the file, if there is none. Thread-safe.
[[nodiscard]] std::function<Result<std::string>()> tokenFile(std::string path);

}  // namespace barevip::kube
