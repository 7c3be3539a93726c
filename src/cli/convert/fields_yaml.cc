// SPDX-License-Identifier: Apache-2.0
#include "cli/convert/fields_yaml.h"

#include <utility>

namespace barevip::cli {
namespace {

std::string indexed(const std::string& key, std::size_t index) {
  return key + "[" + std::to_string(index) + "]";
}

std::string quoted(const std::string& text) { return "\"" + text + "\""; }

bool wantsValues(const std::string& op) { return op == "In" || op == "NotIn"; }

bool isOperator(const std::string& op) {
  return wantsValues(op) || op == "Exists" || op == "DoesNotExist";
}

}  // namespace

Fields::Fields(const YAML::Node& node, std::string path, const Origin& origin, Report& report)
    : node_(node), path_(std::move(path)), origin_(&origin), report_(&report) {}

YAML::Node Fields::at(const char* key) {
  asked_.insert(key);
  if (!node_.IsMap()) return {};
  // Of a Node that is not const, [] would add the key.
  const YAML::Node& readable = node_;
  const YAML::Node value = readable[key];
  return value ? value : YAML::Node();
}

void Fields::fault(const char* key, const std::string& sentence) {
  report_->fault(*origin_, path_ + key + " " + sentence);
}

bool Fields::has(const char* key) { return !at(key).IsNull(); }

std::string Fields::text(const char* key) {
  const YAML::Node value = at(key);
  if (value.IsNull()) return {};
  if (value.IsScalar()) return value.Scalar();
  fault(key, "is not text: write one value");
  return {};
}

bool Fields::flag(const char* key, bool fallback) {
  const YAML::Node value = at(key);
  if (value.IsNull()) return fallback;
  bool result = fallback;
  if (!value.IsScalar() || !YAML::convert<bool>::decode(value, result)) {
    fault(key, "is not a boolean: write true or false");
  }
  return result;
}

std::int64_t Fields::integer(const char* key, std::int64_t fallback) {
  const YAML::Node value = at(key);
  if (value.IsNull()) return fallback;
  std::int64_t result = fallback;
  if (!value.IsScalar() || !YAML::convert<std::int64_t>::decode(value, result)) {
    fault(key, "is not a whole number: write one like 10");
  }
  return result;
}

std::vector<YAML::Node> Fields::entries(const char* key) {
  const YAML::Node value = at(key);
  if (value.IsNull()) return {};
  if (!value.IsSequence()) {
    fault(key, "is not a list: write its entries in lines that begin with a dash");
    return {};
  }
  return std::vector<YAML::Node>(value.begin(), value.end());
}

std::vector<Written> Fields::writtenTexts(const char* key) {
  std::vector<Written> result;
  const std::vector<YAML::Node> values = entries(key);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::string name = indexed(key, i);
    if (values[i].IsScalar()) {
      result.push_back({path_ + name, values[i].Scalar()});
    } else {
      fault(name.c_str(), "is not text: write one value");
    }
  }
  return result;
}

std::vector<std::string> Fields::texts(const char* key) {
  std::vector<std::string> result;
  for (Written& written : writtenTexts(key)) result.push_back(std::move(written.text));
  return result;
}

std::vector<Written> Fields::writtenText(const char* key) {
  std::string value = text(key);
  if (value.empty()) return {};
  return {{path_ + key, std::move(value)}};
}

model::StringMap Fields::textMap(const char* key) {
  model::StringMap result;
  const YAML::Node value = at(key);
  if (value.IsNull()) return result;
  if (!value.IsMap()) {
    fault(key, "is not a map: write lines like name: value");
    return result;
  }
  for (const auto& entry : value) {
    if (entry.first.IsScalar() && entry.second.IsScalar()) {
      result.emplace(entry.first.Scalar(), entry.second.Scalar());
    } else {
      fault(key, "has an entry that is not text: write lines like name: value");
    }
  }
  return result;
}

Fields Fields::map(const char* key) {
  const YAML::Node value = at(key);
  if (!value.IsNull() && !value.IsMap()) {
    fault(key, "is not a map: write its fields below it, indented");
  }
  return {value.IsMap() ? value : YAML::Node(), path_ + key + ".", *origin_, *report_};
}

std::vector<Fields> Fields::maps(const char* key) {
  std::vector<Fields> result;
  const std::vector<YAML::Node> values = entries(key);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::string name = indexed(key, i);
    if (values[i].IsMap()) {
      result.emplace_back(values[i], path_ + name + ".", *origin_, *report_);
    } else {
      fault(name.c_str(), "is not a map: write its fields below it, indented");
    }
  }
  return result;
}

std::vector<model::LabelSelector> Fields::selectors(const char* key) {
  std::vector<model::LabelSelector> result;
  for (Fields& fields : maps(key)) result.push_back(fields.asSelector());
  return result;
}

std::optional<model::LabelSelector> Fields::selector(const char* key) {
  if (!has(key)) return std::nullopt;
  return map(key).asSelector();
}

// The map as a selector of labels.
model::LabelSelector Fields::asSelector() {
  model::LabelSelector result;
  result.matchLabels = textMap("matchLabels");
  for (Fields& fields : maps("matchExpressions")) {
    model::LabelSelector::Requirement requirement{fields.text("key"), fields.text("operator"),
                                                  fields.texts("values")};
    if (requirement.key.empty()) fields.fault("key", "is missing: write the name of a label");
    if (!isOperator(requirement.op)) {
      fields.fault("operator",
                   quoted(requirement.op) + " is unknown: write In, NotIn, Exists or DoesNotExist");
    } else if (wantsValues(requirement.op) == requirement.values.empty()) {
      fields.fault("values",
                   "do not fit: In and NotIn need values, Exists and DoesNotExist take "
                   "none");
    }
    fields.loseOthers();
    result.matchExpressions.push_back(std::move(requirement));
  }
  loseOthers();
  return result;
}

void Fields::noteNoEqual(const char* key, const std::string& advice) {
  if (!has(key)) return;
  report_->note(*origin_, path_ + key + " has no equal: left out; " + advice);
}

void Fields::loseNoEqual(const char* key, const std::string& advice) {
  if (!has(key)) return;
  report_->lose(*origin_, path_ + key + " has no equal: left out; " + advice);
}

void Fields::loseOthers() {
  for (const std::string& key : keys()) {
    if (asked_.contains(key) || !has(key.c_str())) continue;
    report_->lose(*origin_, path_ + key + " has no equal: left out");
  }
}

std::vector<std::string> Fields::keys() const {
  std::vector<std::string> result;
  if (!node_.IsMap()) return result;
  for (const auto& entry : node_) {
    result.push_back(entry.first.IsScalar() ? entry.first.Scalar() : "");
  }
  return result;
}

}  // namespace barevip::cli
