// SPDX-License-Identifier: Apache-2.0
// Asks an API server for what a maintainer needs.
#pragma once

#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include "barevip/base/result.h"
#include "barevip/kube/api.h"

#include "cli/bundle/contents.h"
#include "common/kube/texts.h"

namespace barevip::cli {

/// What becomes of what was read. An error ends the collection.
struct Collection {
  std::function<void(const std::string& step)> onStep;  ///< before each, as "list Services"
  std::function<Result<void>(const std::string& path, const std::string& text)> onFile;
  std::function<void(const std::string& path, const std::string& why)> onGap;
};

/// Reads only. What may not be read is a gap. An error: the API server does not answer at all, or
/// that of onFile. Returns the namespace in which barevip runs.
[[nodiscard]] Result<std::string> collect(kube::Api& api, kube::Texts& texts,
                                          const Collection& collection,
                                          const std::stop_token& stop);

}  // namespace barevip::cli
