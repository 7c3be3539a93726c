// SPDX-License-Identifier: Apache-2.0
// How the programs of the benchmarks end.
#pragma once

#include <cstdio>
#include <exception>

namespace barevip::bench {

/// What main() returns for run(argc, argv); an exception of a third party is a sentence on stderr.
inline int guardedMain(const char* name, int (*run)(int, char**), int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s: %s\n", name, error.what());
    return 1;
  }
}

}  // namespace barevip::bench
