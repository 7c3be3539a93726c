// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include <nlohmann/json.hpp>

#include "ipvsnode/filter/foreign_chains.h"
#include "ipvsnode/filter/ruleset.h"

namespace barevip::host {

namespace {

using nlohmann::json;
using Kind = ForeignRule::Kind;

/// What a rule has but for what changes nothing: counters, and comments of iptables.
std::vector<json> effective(const json& rule) {
  static const json kComment{{"xt", {{"type", "match"}, {"name", "comment"}}}};
  std::vector<json> parts;
  if (!rule.contains("expr") || !rule["expr"].is_array()) return parts;
  for (const json& part : rule["expr"]) {
    if (!part.contains("counter") && part != kComment) parts.push_back(part);
  }
  return parts;
}

bool isWall(const json& part) {
  static const json kReject{{"xt", {{"type", "target"}, {"name", "REJECT"}}}};
  return part.contains("drop") || part.contains("reject") || part == kReject;
}

json device(const char* key) {
  return {
      {"match", {{"op", "=="}, {"left", {{"meta", {{"key", key}}}}}, {"right", nodeDevices()}}}};
}

Kind kindOf(const std::vector<json>& parts) {
  if (parts.size() == 1 && isWall(parts.front())) return Kind::kWall;
  if (parts.size() != 2 || !parts.back().contains("accept")) return Kind::kOther;
  if (parts.front() == device("iifname")) return Kind::kPassIn;
  return parts.front() == device("oifname") ? Kind::kPassOut : Kind::kOther;
}

/// A text in an object; empty if that is not what is there.
std::string textIn(const json& object, const char* key) {
  if (!object.contains(key) || !object[key].is_string()) return {};
  return object[key].get<std::string>();
}

ForeignRule ruleOf(const json& rule) {
  ForeignRule found;
  if (rule.contains("handle") && rule["handle"].is_number_unsigned()) {
    found.handle = rule["handle"].get<std::uint64_t>();
  }
  const std::vector<json> parts = effective(rule);
  found.kind = kindOf(parts);
  if (!parts.empty() && parts.back().contains("jump")) {
    found.jump = textIn(parts.back()["jump"], "target");
  }
  return found;
}

}  // namespace

ForeignRules parseForeignRules(std::string_view text) {
  ForeignRules found;
  const json listing = json::parse(text, nullptr, false);
  if (!listing.is_object() || !listing.contains("nftables")) return found;
  for (const json& object : listing["nftables"]) {
    if (object.contains("chain")) found.policyDrops = textIn(object["chain"], "policy") == "drop";
    if (object.contains("rule")) found.rules.push_back(ruleOf(object["rule"]));
  }
  return found;
}

}  // namespace barevip::host
