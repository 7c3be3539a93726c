// SPDX-License-Identifier: Apache-2.0
#include "cli/convert/fitting.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cli/convert/limits.h"
#include "cli/convert/names.h"
#include "common/base/dns_name.h"

namespace barevip::cli {
namespace {

using model::LabelSelector;
using Requirement = LabelSelector::Requirement;

std::string counted(std::size_t count, std::size_t limit) {
  return std::to_string(count) + ", and a Pool takes " + std::to_string(limit);
}

// A Pool in the making, and who is told.
class Fitting {
 public:
  Fitting(const Origin& origin, Report& report) : origin_(origin), report_(report) {}

  // A list of whom a Pool serves or where it announces.
  void cut(std::vector<std::string>& names, std::size_t limit, const std::string& field) {
    if (names.size() <= limit) return;
    report_.lose(origin_, field + " has " + counted(names.size(), limit) +
                              ": only the first are taken; select by a label in common instead");
    names.resize(limit);
  }

  void checkCount(std::size_t count, std::size_t limit, const std::string& field) {
    if (count <= limit) return;
    report_.fault(origin_, field + " has " + counted(count, limit) +
                               ": without the rest it would serve others, so select by fewer");
  }

  void checkNamespaces(const std::vector<std::string>& names, const std::string& field) {
    const std::string rest =
        "\", which cannot be a namespace: write lower case letters, digits and '-', at most " +
        std::to_string(limits::kNamespaceName);
    for (const std::string& name : names) {
      if (isDnsLabel(name)) continue;
      std::string message = field;
      message.append(" has \"").append(name).append(rest);
      report_.fault(origin_, message);
    }
  }

  void checkInterfaces(const std::vector<std::string>& names) {
    for (const std::string& name : names) {
      if (!name.empty() && name.size() <= limits::kInterfaceName) continue;
      report_.fault(origin_, "spec.announce.interfaces has \"" + name +
                                 "\", which cannot be an interface: write 1 to " +
                                 std::to_string(limits::kInterfaceName) + " characters");
    }
  }

  void fit(std::optional<LabelSelector>& selector, const std::string& field) {
    if (!selector) return;
    std::vector<Requirement> requirements;
    while (selector->matchLabels.size() > limits::kMatchLabels) {
      const auto last = std::prev(selector->matchLabels.end());
      requirements.push_back({last->first, "In", {last->second}});
      selector->matchLabels.erase(last);
    }
    for (Requirement& each : selector->matchExpressions) addFitting(each, field, requirements);
    selector->matchExpressions = std::move(requirements);
    checkCount(selector->matchExpressions.size(), limits::kMatchExpressions,
               field + ", matchExpressions,");
    checkTexts(*selector, field);
  }

 private:
  // NotIn of many values is NotIn of some and NotIn of the others.
  void addFitting(Requirement& requirement, const std::string& field,
                  std::vector<Requirement>& requirements) {
    requirement.values = withoutRepeats(requirement.values);
    std::vector<std::string>& values = requirement.values;
    if (requirement.op == "In") {
      cut(values, limits::kValues, field + ", values of \"" + requirement.key + "\",");
    }
    while (values.size() > limits::kValues) {
      const auto end = values.begin() + static_cast<std::ptrdiff_t>(limits::kValues);
      requirements.push_back({requirement.key, requirement.op, {values.begin(), end}});
      values.erase(values.begin(), end);
    }
    requirements.push_back(std::move(requirement));
  }

  void checkTexts(const LabelSelector& selector, const std::string& field) {
    for (const auto& [key, value] : selector.matchLabels) {
      checkLabel(key, field);
      checkValue(value, field);
    }
    for (const Requirement& each : selector.matchExpressions) {
      checkLabel(each.key, field);
      for (const std::string& value : each.values) checkValue(value, field);
    }
  }

  void checkLabel(const std::string& key, const std::string& field) {
    if (!key.empty() && key.size() <= limits::kLabelKey) return;
    report_.fault(origin_, field + " has \"" + key + "\", which cannot be a label: write 1 to " +
                               std::to_string(limits::kLabelKey) + " characters");
  }

  void checkValue(const std::string& value, const std::string& field) {
    if (value.size() <= limits::kLabelValue) return;
    report_.fault(origin_, field + " has \"" + value +
                               "\", which cannot be the value of a label: write at most " +
                               std::to_string(limits::kLabelValue) + " characters");
  }

  const Origin& origin_;
  Report& report_;
};

}  // namespace

void fitToSchema(model::Pool& pool, const Origin& origin, Report& report) {
  Fitting fitting(origin, report);
  fitting.cut(pool.namespaces, limits::kNamespaces, "spec.namespaces of the Pool");
  fitting.checkNamespaces(pool.namespaces, "spec.namespaces of the Pool");
  fitting.checkCount(pool.ignoreNamespaces.size(), limits::kNamespaces,
                     "spec.ignoreNamespaces of the Pool");
  fitting.checkNamespaces(pool.ignoreNamespaces, "spec.ignoreNamespaces of the Pool");
  fitting.fit(pool.namespaceSelector, "spec.namespaceSelector of the Pool");
  fitting.fit(pool.serviceSelector, "spec.serviceSelector of the Pool");
  fitting.cut(pool.announce.interfaces, limits::kInterfaces,
              "spec.announce.interfaces of the Pool");
  fitting.checkInterfaces(pool.announce.interfaces);
  fitting.fit(pool.announce.nodeSelector, "spec.announce.nodeSelector of the Pool");
}

}  // namespace barevip::cli
