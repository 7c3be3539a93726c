// SPDX-License-Identifier: Apache-2.0
// Runs of random histories. RC_PARAMS="seed=N" plays a run again; BAREVIP_HISTORIES is how many
// histories a run has.
#pragma once

#include <rapidcheck.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

namespace barevip::history {

[[nodiscard]] inline int histories() {
  constexpr int kDefault = 10'000;
  const char* const text = std::getenv("BAREVIP_HISTORIES");
  return text == nullptr ? kDefault : std::max(1, std::atoi(text));
}

/// True if the property holds for so many cases; says which seed it was.
template <class Property>
[[nodiscard]] bool holds(const std::string& promise, int count, Property property) {
  rc::detail::TestParams params = rc::detail::configuration().testParams;
  if (params.maxSuccess == rc::detail::TestParams().maxSuccess) params.maxSuccess = count;
  rc::detail::TestMetadata metadata;
  metadata.id = promise;
  metadata.description = promise;
  const auto result = rc::detail::checkTestable(std::move(property), metadata, params);
  rc::detail::printResultMessage(result, std::cerr);
  std::cerr << " (seed=" << params.seed << ")\n";
  return result.template is<rc::detail::SuccessResult>();
}

/// A sentence a line.
[[nodiscard]] inline std::string together(const std::vector<std::string>& sentences) {
  std::string text;
  for (const std::string& sentence : sentences) text += "\n  " + sentence;
  return text;
}

}  // namespace barevip::history
