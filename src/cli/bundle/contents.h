// SPDX-License-Identifier: Apache-2.0
// What is in a bundle, and what is not. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace barevip::cli {

struct Contents {
  struct File {
    std::string path;
    std::size_t bytes = 0;
  };
  struct Gap {
    std::string path;  ///< that the bundle would have
    std::string why;
  };

  std::string made;     ///< RFC 3339
  std::string version;  ///< of the program that made it
  std::string ns;       ///< where barevip runs
  std::vector<File> files;
  std::vector<Gap> gaps;
};

/// For people.
[[nodiscard]] std::string manifestOf(const Contents& contents);

}  // namespace barevip::cli
