// SPDX-License-Identifier: Apache-2.0
// Whatever file a person plans: any text is read as Pools, or refused.
#include <cstddef>
#include <cstdint>
#include <string>

#include "cli/files/pool_files.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace barevip::cli;
  const std::string text(reinterpret_cast<const char*>(data), size);
  (void)readPools(text, "in.yaml");
  return 0;
}
