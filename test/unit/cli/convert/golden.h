// SPDX-License-Identifier: Apache-2.0
// A conversion as one value: what goes in, which Pools come out, and what the person is told.
#pragma once

#include <ostream>
#include <string>
#include <vector>

#include "cli/convert/sources.h"

namespace barevip::cli::test {

struct Golden {
  const char* name;
  std::string input;                     ///< begins with a line break, for the eye
  std::string pools;                     ///< begins with a line break, too
  std::vector<std::string> notes;        ///< without the name of the file
  std::vector<std::string> losses = {};  ///< likewise
};

inline void PrintTo(const Golden& each, std::ostream* out) { *out << each.name; }

/// Expects just these Pools and notes, and that crds/pool.yaml takes the Pools as they are printed
/// and the operator can work with them: they decode to what was converted, and none has a fault.
void expectGolden(const Golden& golden);

/// What is told about the input.
[[nodiscard]] Report reportOn(const std::string& input);

}  // namespace barevip::cli::test
