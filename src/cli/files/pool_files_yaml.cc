// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <utility>

#include "cli/files/documents_yaml.h"
#include "cli/files/pool_files.h"

namespace barevip::cli {
namespace {

// Aliases may make a short text endless, and lead to what they stand in.
constexpr std::size_t kMaxText = 4U << 20U;
constexpr std::size_t kDeepest = 100;

std::string inQuotes(const std::string& text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    if (c == '\n') {
      quoted += "\\n";
    } else if (static_cast<unsigned char>(c) >= ' ') {
      quoted += c;
    }
  }
  return quoted + "\"";
}

// The scalars of YAML 1.2's core schema that Pools have.
std::string scalar(const YAML::Node& node) {
  const bool quoted = node.Tag() == "!";
  if (!quoted && (node.Scalar() == "true" || node.Scalar() == "false")) return node.Scalar();
  std::int64_t number = 0;
  const bool isNumber = !quoted && YAML::convert<std::int64_t>::decode(node, number);
  return isNumber ? std::to_string(number) : inQuotes(node.Scalar());
}

void append(const YAML::Node& node, std::string& text, std::size_t depth = 0) {
  if (text.size() > kMaxText) throw YAML::ParserException(node.Mark(), "it is longer than 4 MiB");
  if (depth > kDeepest) {
    throw YAML::ParserException(node.Mark(),
                                "it is nested more than 100 deep, or an alias leads to itself");
  }
  if (node.IsMap()) {
    char before = '{';
    for (const auto& entry : node) {
      text += std::exchange(before, ',') + inQuotes(entry.first.Scalar()) + ":";
      append(entry.second, text, depth + 1);
    }
    text += before == '{' ? "{}" : "}";
  } else if (node.IsSequence()) {
    char before = '[';
    for (const YAML::Node& entry : node) {
      text += std::exchange(before, ',');
      append(entry, text, depth + 1);
    }
    text += before == '[' ? "[]" : "]";
  } else {
    text += node.IsScalar() ? scalar(node) : "null";
  }
}

}  // namespace

Result<std::vector<std::string>> jsonDocuments(const std::string& text, const std::string& source) {
  try {
    std::vector<std::string> documents;
    for (const YAML::Node& node : documentsIn(text)) {
      if (node.IsNull()) continue;
      documents.emplace_back();
      append(node, documents.back());
    }
    return documents;
  } catch (const YAML::Exception& problem) {
    return fail(ErrorCode::kInvalid, source + " is not valid YAML: " + describe(problem));
  }
}

}  // namespace barevip::cli
