// SPDX-License-Identifier: Apache-2.0
// Whatever file a person converts: every reader takes any text, and what is printed is YAML again.
#include <yaml-cpp/yaml.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "cli/convert/convert.h"
#include "cli/convert/manifests_yaml.h"
#include "cli/convert/pools_yaml.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace barevip::cli;
  Sources sources;
  Report report;
  readManifests(std::string(reinterpret_cast<const char*>(data), size), "in.yaml", sources, report);
  const auto pools = convert(sources, report);
  if (!report.faults.empty()) return 0;
  if (YAML::LoadAll(toYaml(pools)).size() != pools.size()) std::abort();
  return 0;
}
