// SPDX-License-Identifier: Apache-2.0
#include "unit/cli/convert/pool_schema.h"

#include <regex.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <set>

#include "unit/cli/convert/yaml_json.h"

namespace barevip::cli::test {
namespace {

using nlohmann::json;

// GCC 12 warns of std::regex itself in a build with sanitizers. False of a pattern that POSIX does
// not know, too.
bool matches(const std::string& text, const std::string& pattern) {
  regex_t compiled;
  if (::regcomp(&compiled, pattern.c_str(), REG_EXTENDED | REG_NOSUB) != 0) return false;
  const bool found = ::regexec(&compiled, text.c_str(), 0, nullptr, 0) == 0;
  ::regfree(&compiled);
  return found;
}

class Validator {
 public:
  void check(const json& schema, const json& value, const std::string& path) {
    if (!hasType(schema.at("type"), value)) {
      tell(path, "is no " + schema.at("type").get<std::string>());
      return;
    }
    if (schema.contains("enum")) {
      const json& allowed = schema["enum"];
      if (std::find(allowed.begin(), allowed.end(), value) == allowed.end()) tell(path, "is none");
    }
    if (value.is_object()) checkObject(schema, value, path);
    if (value.is_array()) checkArray(schema, value, path);
    if (value.is_string()) checkString(schema, value, path);
    if (value.is_number_integer()) {
      checkLimits(schema, "minimum", "maximum", value.get<std::int64_t>(), path);
    }
  }

  std::vector<std::string> faults;

 private:
  static bool hasType(const std::string& type, const json& value) {
    if (type == "object") return value.is_object();
    if (type == "array") return value.is_array();
    if (type == "boolean") return value.is_boolean();
    if (type == "integer") return value.is_number_integer();
    return type == "string" && value.is_string();
  }

  void tell(const std::string& path, const std::string& what) {
    faults.push_back(path + " " + what);
  }

  void checkLimits(const json& schema, const char* least, const char* most, std::int64_t count,
                   const std::string& path) {
    if (schema.contains(least) && count < schema[least].get<std::int64_t>()) {
      tell(path, std::string("breaks ") + least);
    }
    if (schema.contains(most) && count > schema[most].get<std::int64_t>()) {
      tell(path, std::string("breaks ") + most);
    }
  }

  void checkObject(const json& schema, const json& value, const std::string& path) {
    checkLimits(schema, "minProperties", "maxProperties", static_cast<std::int64_t>(value.size()),
                path);
    for (const json& name : schema.value("required", json::array())) {
      if (!value.contains(name.get<std::string>())) tell(path, "lacks " + name.get<std::string>());
    }
    const json properties = schema.value("properties", json::object());
    for (const auto& [name, field] : value.items()) {
      const std::string below = path + "." + name;
      if (properties.contains(name)) {
        check(properties[name], field, below);
      } else if (schema.contains("additionalProperties")) {
        check(schema["additionalProperties"], field, below);
      } else if (schema.contains("properties")) {
        tell(below, "is unknown");
      }
    }
  }

  void checkArray(const json& schema, const json& value, const std::string& path) {
    checkLimits(schema, "minItems", "maxItems", static_cast<std::int64_t>(value.size()), path);
    if (schema.value("x-kubernetes-list-type", "") == "set" &&
        std::set<json>(value.begin(), value.end()).size() != value.size()) {
      tell(path, "repeats an entry");
    }
    for (std::size_t i = 0; i < value.size(); ++i) {
      check(schema.at("items"), value[i], path + "[" + std::to_string(i) + "]");
    }
  }

  void checkString(const json& schema, const json& value, const std::string& path) {
    const std::string text = value.get<std::string>();
    checkLimits(schema, "minLength", "maxLength", static_cast<std::int64_t>(text.size()), path);
    if (schema.contains("pattern") && !matches(text, schema["pattern"].get<std::string>())) {
      tell(path, "does not match its pattern");
    }
  }
};

}  // namespace

const json& poolSchema() {
  static const json schema =
      toJson(YAML::LoadFile(BAREVIP_POOL_CRD))["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
  return schema;
}

std::vector<std::string> schemaFaults(const json& object) {
  Validator validator;
  validator.check(poolSchema(), object, "Pool");
  return validator.faults;
}

}  // namespace barevip::cli::test
