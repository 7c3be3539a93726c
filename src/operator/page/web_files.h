// SPDX-License-Identifier: Apache-2.0
// The files of the status page, as they stand in the folder web.
#pragma once

#include <array>
#include <string_view>

namespace barevip::controlplane {

struct WebFile {
  std::string_view path;
  std::string_view contentType;
  std::string_view text;
};

[[nodiscard]] const std::array<WebFile, 4>& webFiles();

}  // namespace barevip::controlplane
