// SPDX-License-Identifier: Apache-2.0
#include "unit/cli/convert/yaml_json.h"

#include <cstdlib>
#include <set>
#include <string>

namespace barevip::cli::test {
namespace {

using nlohmann::json;

json scalarToJson(const YAML::Node& node) {
  const std::string& text = node.Scalar();
  if (node.Tag() == "!") return text;
  static const std::set<std::string> kTrue{"y", "Y", "yes", "true", "True", "on", "On", "ON"};
  static const std::set<std::string> kFalse{"n", "N", "no", "false", "False", "off", "Off", "OFF"};
  if (kTrue.contains(text)) return true;
  if (kFalse.contains(text)) return false;
  char* end = nullptr;
  const double number = std::strtod(text.c_str(), &end);
  if (*end != '\0') return text;
  if (text.find_first_not_of("0123456789") == std::string::npos) return std::stoll(text);
  return number;
}

json mapToJson(const YAML::Node& node) {
  json result = json::object();
  for (const auto& entry : node) {
    if (entry.first.Scalar() == "<<") result.update(toJson(entry.second));
  }
  for (const auto& entry : node) {
    if (entry.first.Scalar() != "<<") result[entry.first.Scalar()] = toJson(entry.second);
  }
  return result;
}

}  // namespace

json toJson(const YAML::Node& node) {
  if (node.IsMap()) return mapToJson(node);
  if (node.IsSequence()) {
    json result = json::array();
    for (const YAML::Node& entry : node) result.push_back(toJson(entry));
    return result;
  }
  return node.IsScalar() ? scalarToJson(node) : json();
}

}  // namespace barevip::cli::test
