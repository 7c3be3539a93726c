// SPDX-License-Identifier: Apache-2.0
#include "cli/print/text_json.h"

#include <cstddef>
#include <sstream>
#include <string>

#include <nlohmann/json.hpp>

namespace barevip::cli {
namespace {

using nlohmann::json;

constexpr std::size_t kIndent = 2;

bool isScalar(const json& value) { return !value.is_structured() || value.empty(); }

std::string scalar(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

// The cursor stands where the value begins; lines that follow are indented by `indent`.
void print(const json& value, std::size_t indent, std::ostream& out) {
  if (isScalar(value)) {
    out << scalar(value) << "\n";
    return;
  }
  bool first = true;
  for (const auto& [key, member] : value.items()) {
    if (!first) out << std::string(indent, ' ');
    first = false;
    if (value.is_array()) {
      out << "- ";
      print(member, indent + kIndent, out);
      continue;
    }
    out << key << ":" << (isScalar(member) ? " " : "\n");
    if (!isScalar(member)) out << std::string(indent + kIndent, ' ');
    print(member, indent + kIndent, out);
  }
}

}  // namespace

std::string jsonText(const json& value) {
  return value.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

std::string yamlText(const json& value) {
  std::ostringstream out;
  print(value, 0, out);
  return out.str();
}

}  // namespace barevip::cli
