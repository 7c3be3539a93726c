// SPDX-License-Identifier: Apache-2.0
#include "cli/selectors.h"

#include <algorithm>
#include <utility>

namespace barevip::cli {
namespace {

using Requirement = model::LabelSelector::Requirement;

bool matchesAll(const model::LabelSelector& selector) {
  return selector.matchLabels.empty() && selector.matchExpressions.empty();
}

// The selector as `key In values`, if it says no more than that.
std::optional<Requirement> valuesOfOneKey(const model::LabelSelector& selector) {
  if (selector.matchLabels.size() + selector.matchExpressions.size() != 1) return std::nullopt;
  if (!selector.matchLabels.empty()) {
    const auto& [key, value] = *selector.matchLabels.begin();
    return Requirement{key, "In", {value}};
  }
  const Requirement& only = selector.matchExpressions.front();
  return only.op == "In" ? std::optional(only) : std::nullopt;
}

}  // namespace

std::optional<model::LabelSelector> unionOf(const std::vector<model::LabelSelector>& selectors) {
  if (selectors.empty()) return std::nullopt;
  const model::LabelSelector& first = selectors.front();
  if (std::any_of(selectors.begin(), selectors.end(), matchesAll)) return model::LabelSelector{};
  if (std::count(selectors.begin(), selectors.end(), first) ==
      static_cast<std::ptrdiff_t>(selectors.size())) {
    return first;
  }
  std::optional<Requirement> all;
  for (const model::LabelSelector& selector : selectors) {
    auto one = valuesOfOneKey(selector);
    if (!one || (all && all->key != one->key)) return std::nullopt;
    if (!all) {
      all = Requirement{one->key, "In", {}};
    }
    for (std::string& value : one->values) {
      auto& values = all->values;
      if (std::find(values.begin(), values.end(), value) == values.end()) {
        values.push_back(std::move(value));
      }
    }
  }
  return model::LabelSelector{{}, {std::move(*all)}};
}

std::optional<model::LabelSelector> joined(const std::vector<model::LabelSelector>& selectors,
                                           const Origin& origin, const std::string& field,
                                           Report& report) {
  if (selectors.empty()) return std::nullopt;
  if (auto all = unionOf(selectors)) return all;
  report.note(origin, field +
                          " has selectors that cannot be written as one: only the first is taken; "
                          "give what the others match a label in common and select by that");
  return selectors.front();
}

}  // namespace barevip::cli
