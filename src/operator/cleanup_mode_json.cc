// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <string>

#include <nlohmann/json.hpp>

#include "common/model/meta_json.h"
#include "operator/cleanup_mode.h"

namespace barevip::controlplane {
namespace {

using model::memberOf;
using nlohmann::json;

// The place of the word in the arguments that names the command; flags may stand before it.
std::size_t commandAt(const json& container) {
  const std::vector<std::string> arguments = model::stringsAt(container, "args");
  const auto found = std::find_if(arguments.begin(), arguments.end(), [](const auto& argument) {
    return argument == "init" || argument == "cleanup";
  });
  return static_cast<std::size_t>(found - arguments.begin());
}

bool runsInit(const json& container) {
  return commandAt(container) < memberOf(container, "args").size();
}

void stayOnly(json& container) {
  container["args"] = json::array({"stay"});
  container["securityContext"] = {{"allowPrivilegeEscalation", false},
                                  {"readOnlyRootFilesystem", true},
                                  {"capabilities", {{"drop", json::array({"ALL"})}}}};
  for (const char* probe : {"livenessProbe", "readinessProbe", "startupProbe", "lifecycle"}) {
    container.erase(probe);
  }
}

}  // namespace

Result<json> inCleanupMode(json daemonSet) {
  const json& seen = memberOf(memberOf(memberOf(daemonSet, "spec"), "template"), "spec");
  if (!memberOf(seen, "initContainers").is_array() || !memberOf(seen, "containers").is_array()) {
    return fail(ErrorCode::kInvalid, "its pods have no init container");
  }
  json& spec = daemonSet["spec"];
  json& pod = spec["template"]["spec"];
  json& inits = pod["initContainers"];
  json& containers = pod["containers"];

  const auto init = std::find_if(inits.begin(), inits.end(), runsInit);
  if (init == inits.end()) {
    return fail(ErrorCode::kInvalid, "none of its init containers runs `barevip-node init`");
  }
  (*init)["args"][commandAt(*init)] = "cleanup";
  // So that the status of a pod that fails quotes the program's own sentence.
  (*init)["terminationMessagePolicy"] = "FallbackToLogsOnError";

  const auto node = std::find_if(containers.begin(), containers.end(), [](const json& container) {
    return model::stringAt(container, "name") == "node";
  });
  if (node == containers.end()) {
    return fail(ErrorCode::kInvalid, "its pods have no container \"node\"");
  }
  stayOnly(*node);
  spec["updateStrategy"] = {{"type", "RollingUpdate"},
                            {"rollingUpdate", {{"maxSurge", 0}, {"maxUnavailable", "100%"}}}};
  return daemonSet;
}

}  // namespace barevip::controlplane
