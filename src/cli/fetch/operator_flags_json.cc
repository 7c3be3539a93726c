// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "cli/fetch/operator_flags.h"
#include "common/model/meta_json.h"

namespace barevip::cli {
namespace {

using model::memberOf;
using nlohmann::json;

std::optional<controlplane::Options> readDeployment(const json& deployment) {
  const json& pod = memberOf(memberOf(deployment, "spec"), "template");
  const json& containers = memberOf(memberOf(pod, "spec"), "containers");
  if (!containers.is_array() || containers.empty()) return std::nullopt;
  const std::vector<std::string> texts = model::stringsAt(containers.front(), "args");
  std::vector<const char*> arguments{"barevip-operator"};
  for (const std::string& text : texts) arguments.push_back(text.c_str());
  auto options = controlplane::parseOptions(static_cast<int>(arguments.size()), arguments.data());
  if (!options) return std::nullopt;
  // A pod takes its own namespace, which the parser here does not see.
  const bool named = std::any_of(texts.begin(), texts.end(), [](const std::string& text) {
    return text.starts_with("--lease-namespace");
  });
  if (!named) options->lease.ns = model::stringAt(memberOf(deployment, "metadata"), "namespace");
  return *std::move(options);
}

}  // namespace

Result<std::optional<controlplane::Options>> operatorFlags(kube::Api& api,
                                                           const std::stop_token& stop) {
  std::optional<controlplane::Options> found;
  const auto listed = api.list(
      kube::kDeployments, {{}, kOperatorSelector, {}},
      [&](const json& deployment) {
        if (!found) found = readDeployment(deployment);
      },
      stop);
  if (!listed) return tl::make_unexpected(listed.error());
  return found;
}

}  // namespace barevip::cli
