// SPDX-License-Identifier: Apache-2.0
#include "cli/convert/selectors.h"

#include <algorithm>
#include <utility>

#include "cli/convert/names.h"
#include "common/base/dns_name.h"

namespace barevip::cli {
namespace {

using model::LabelSelector;
using Requirement = LabelSelector::Requirement;
using Requirements = std::vector<Requirement>;  // all of them must hold

Requirements requirementsOf(const LabelSelector& selector) {
  Requirements result;
  for (const auto& [key, value] : selector.matchLabels) result.push_back({key, "In", {value}});
  for (const Requirement& each : selector.matchExpressions) {
    if (std::find(result.begin(), result.end(), each) == result.end()) result.push_back(each);
  }
  return result;
}

LabelSelector selectorOf(const Requirements& requirements) {
  LabelSelector result;
  for (const Requirement& each : requirements) {
    const bool single = each.op == "In" && each.values.size() == 1;
    if (single && result.matchLabels.emplace(each.key, each.values.front()).second) continue;
    result.matchExpressions.push_back(each);
  }
  return result;
}

bool has(const Requirements& requirements, const Requirement& wanted) {
  return std::find(requirements.begin(), requirements.end(), wanted) != requirements.end();
}

// Whoever fulfils `a` fulfils `b`.
bool implies(const Requirement& a, const Requirement& b) {
  if (a == b) return true;
  if (a.op != "In" || a.key != b.key) return false;
  if (b.op == "Exists") return true;
  return b.op == "In" &&
         std::all_of(a.values.begin(), a.values.end(), [&](const std::string& value) {
           return std::find(b.values.begin(), b.values.end(), value) != b.values.end();
         });
}

bool implies(const Requirements& a, const Requirements& b) {
  return std::all_of(b.begin(), b.end(), [&](const Requirement& wanted) {
    return std::any_of(a.begin(), a.end(),
                       [&](const Requirement& each) { return implies(each, wanted); });
  });
}

bool areOptions(const Requirement& a, const Requirement& b) {
  return a.op == "In" && b.op == "In" && a.key == b.key;
}

// Both as one, if that can be written.
std::optional<Requirements> either(const Requirements& a, const Requirements& b) {
  if (implies(a, b)) return b;
  if (implies(b, a)) return a;
  const auto inAOnly =
      std::find_if(a.begin(), a.end(), [&](const Requirement& each) { return !has(b, each); });
  const auto inBOnly =
      std::find_if(b.begin(), b.end(), [&](const Requirement& each) { return !has(a, each); });
  if (a.size() != b.size() || !areOptions(*inAOnly, *inBOnly)) return std::nullopt;
  Requirements result = a;
  Requirement& options = result[static_cast<std::size_t>(inAOnly - a.begin())];
  options.values.insert(options.values.end(), inBOnly->values.begin(), inBOnly->values.end());
  options.values = withoutRepeats(options.values);
  // With more that differ, values of one would go with values of the other.
  const bool othersAreEqual = std::all_of(b.begin(), b.end(), [&](const Requirement& each) {
    return each == *inBOnly || has(a, each);
  });
  return othersAreEqual ? std::optional(std::move(result)) : std::nullopt;
}

// Adds it to the alternatives, which stay such that no two of them can be joined.
void addAlternative(std::vector<Requirements>& alternatives, Requirements added) {
  for (auto it = alternatives.begin(); it != alternatives.end();) {
    auto both = either(*it, added);
    if (!both) {
      ++it;
      continue;
    }
    added = std::move(*both);
    alternatives.erase(it);
    it = alternatives.begin();
  }
  alternatives.push_back(std::move(added));
}

bool excludeEachOther(const Requirement& a, const Requirement& b) {
  return areOptions(a, b) &&
         std::none_of(a.values.begin(), a.values.end(), [&](const std::string& value) {
           return std::find(b.values.begin(), b.values.end(), value) != b.values.end();
         });
}

bool areDisjoint(const Requirements& a, const Requirements& b) {
  return std::any_of(a.begin(), a.end(), [&](const Requirement& one) {
    return std::any_of(b.begin(), b.end(),
                       [&](const Requirement& other) { return excludeEachOther(one, other); });
  });
}

std::vector<Requirements> alternativesOf(const std::vector<LabelSelector>& selectors) {
  std::vector<Requirements> result;
  result.reserve(std::max<std::size_t>(selectors.size(), 1));
  for (const LabelSelector& selector : selectors) result.push_back(requirementsOf(selector));
  if (result.empty()) result.emplace_back();
  return result;
}

// The names, if it asks for nothing else than one of these.
std::vector<std::string> namesIn(const LabelSelector& selector) {
  const Requirements requirements = requirementsOf(selector);
  if (requirements.size() != 1) return {};
  const Requirement& only = requirements.front();
  const bool names = only.op == "In" && only.key == "kubernetes.io/metadata.name" &&
                     std::all_of(only.values.begin(), only.values.end(), isDnsLabel);
  return names ? only.values : std::vector<std::string>{};
}

}  // namespace

std::optional<LabelSelector> unionOf(const std::vector<LabelSelector>& selectors) {
  if (selectors.empty()) return std::nullopt;
  const LabelSelector& first = selectors.front();
  if (std::count(selectors.begin(), selectors.end(), first) ==
      static_cast<std::ptrdiff_t>(selectors.size())) {
    return first;
  }
  std::vector<Requirements> alternatives;
  for (const LabelSelector& selector : selectors) {
    addAlternative(alternatives, requirementsOf(selector));
  }
  if (alternatives.size() != 1) return std::nullopt;
  return selectorOf(alternatives.front());
}

std::optional<LabelSelector> joined(const std::vector<LabelSelector>& selectors,
                                    const Origin& origin, const std::string& field,
                                    Report& report) {
  if (selectors.empty()) return std::nullopt;
  if (auto all = unionOf(selectors)) return all;
  report.lose(origin, field +
                          " has selectors that cannot be written as one: only the first is taken; "
                          "give what the others match a label in common and select by that");
  return selectors.front();
}

Coverage coverage(const std::vector<LabelSelector>& of, const std::vector<LabelSelector>& by) {
  const std::vector<Requirements> wanted = alternativesOf(of);
  const std::vector<Requirements> offered = alternativesOf(by);
  const auto isCovered = [&](const Requirements& one) {
    return std::any_of(offered.begin(), offered.end(),
                       [&](const Requirements& other) { return implies(one, other); });
  };
  if (std::all_of(wanted.begin(), wanted.end(), isCovered)) return Coverage::kAll;
  const auto isOutside = [&](const Requirements& one) {
    return std::all_of(offered.begin(), offered.end(),
                       [&](const Requirements& other) { return areDisjoint(one, other); });
  };
  return std::all_of(wanted.begin(), wanted.end(), isOutside) ? Coverage::kNone : Coverage::kPart;
}

std::vector<std::string> takeNamespaceNames(std::vector<LabelSelector>& selectors) {
  std::vector<std::string> names;
  std::vector<LabelSelector> others;
  for (LabelSelector& selector : selectors) {
    const std::vector<std::string> found = namesIn(selector);
    if (found.empty()) {
      others.push_back(std::move(selector));
    } else {
      names.insert(names.end(), found.begin(), found.end());
    }
  }
  selectors = std::move(others);
  return names;
}

}  // namespace barevip::cli
