// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <yaml-cpp/yaml.h>

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "barevip/model/meta.h"

#include "cli/convert/sources.h"

namespace barevip::cli {

/// One map of the input. The reads are typed; what has another type is a fault that names the field
/// by its path and reads as absent. A field that is null is absent, too.
class Fields {
 public:
  /// `path` with its dot, empty at the top; origin and report outlive this.
  Fields(const YAML::Node& node, std::string path, const Origin& origin, Report& report);

  [[nodiscard]] const std::string& path() const { return path_; }

  /// What else is read with this field is not known to Fields.
  bool has(const char* key);
  std::string text(const char* key);
  bool flag(const char* key, bool fallback);
  std::int64_t integer(const char* key, std::int64_t fallback);
  std::vector<std::string> texts(const char* key);
  /// The same, each with its path.
  std::vector<Written> writtenTexts(const char* key);
  /// None if it is absent.
  std::vector<Written> writtenText(const char* key);
  model::StringMap textMap(const char* key);
  std::vector<model::LabelSelector> selectors(const char* key);
  /// The field is one selector, or absent.
  std::optional<model::LabelSelector> selector(const char* key);

  /// Without fields if it is absent.
  Fields map(const char* key);
  std::vector<Fields> maps(const char* key);
  /// The names of the fields, in their order.
  [[nodiscard]] std::vector<std::string> keys() const;

  /// Notes that a field, if it is there, has no equal; advice: what to do instead.
  void noteNoEqual(const char* key, const std::string& advice);
  /// The same for what takes addresses from a Service, or their announcement from somewhere.
  void loseNoEqual(const char* key, const std::string& advice);
  /// The same for all fields that nobody asked for until now: what they mean is not known.
  void loseOthers();

 private:
  /// The value, or a null node.
  YAML::Node at(const char* key);
  void fault(const char* key, const std::string& sentence);
  [[nodiscard]] std::vector<YAML::Node> entries(const char* key);
  model::LabelSelector asSelector();

  YAML::Node node_;
  std::string path_;
  const Origin* origin_;
  Report* report_;
  std::set<std::string> asked_;
};

}  // namespace barevip::cli
