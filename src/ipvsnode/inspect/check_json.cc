// SPDX-License-Identifier: Apache-2.0
#include <charconv>

#include <nlohmann/json.hpp>

#include "common/model/meta_json.h"
#include "ipvsnode/inspect/check.h"

namespace barevip::node {
namespace {

using nlohmann::json;

// "32", or "32+" of a distribution; 0 if it is not a number.
unsigned leadingNumber(const std::string& text) {
  unsigned value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

}  // namespace

std::string toJson(const std::vector<Finding>& findings) {
  json list = json::array();
  for (const Finding& finding : findings) {
    list.push_back({{"level", toString(finding.level)},
                    {"check", finding.what},
                    {"found", finding.found},
                    {"remedy", finding.remedy}});
  }
  return json{{"findings", list}}.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

Result<ApiVersion> parseApiVersion(const std::string& body) {
  const json answer = json::parse(body, nullptr, false);
  ApiVersion version;
  version.text = model::stringAt(answer, "gitVersion");
  version.major = leadingNumber(model::stringAt(answer, "major"));
  version.minor = leadingNumber(model::stringAt(answer, "minor"));
  if (version.major == 0 || version.text.empty()) {
    return fail(ErrorCode::kInvalid, "the server does not report its version at /version");
  }
  return version;
}

}  // namespace barevip::node
