// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "cli/bundle/redact.h"
#include "cli/bundle/reduce.h"
#include "common/model/meta_json.h"

namespace barevip::cli {
namespace {

using model::memberOf;
using nlohmann::json;

// Prefixes of annotations that Kubernetes' own programs write (its reference "Well-Known Labels,
// Annotations and Taints"). Others use names that end as these do.
constexpr std::array<std::string_view, 14> kOfKubernetes{"kubernetes.io",
                                                         "k8s.io",
                                                         "apps.kubernetes.io",
                                                         "batch.kubernetes.io",
                                                         "control-plane.alpha.kubernetes.io",
                                                         "deployment.kubernetes.io",
                                                         "endpoints.kubernetes.io",
                                                         "endpointslice.kubernetes.io",
                                                         "kubeadm.alpha.kubernetes.io",
                                                         "kubectl.kubernetes.io",
                                                         "node.alpha.kubernetes.io",
                                                         "node.kubernetes.io",
                                                         "service.kubernetes.io",
                                                         "volumes.kubernetes.io"};

bool isKept(const std::string& annotation) {
  const auto slash = annotation.find('/');
  if (slash == std::string::npos) return false;
  if (annotation == "kubectl.kubernetes.io/last-applied-configuration") return false;
  const std::string domain = annotation.substr(0, slash);
  return ("." + domain).ends_with(".barevip.dev") ||
         std::find(kOfKubernetes.begin(), kOfKubernetes.end(), domain) != kOfKubernetes.end();
}

void reduceMetadata(json& metadata) {
  metadata.erase("managedFields");
  const auto annotations = metadata.find("annotations");
  if (annotations == metadata.end() || !annotations->is_object()) return;
  for (auto each = annotations->begin(); each != annotations->end();) {
    each = isKept(each.key()) ? std::next(each) : annotations->erase(each);
  }
}

void hideValues(json& variables) {
  for (json& variable : variables) {
    if (variable.is_object() && variable.contains("value")) variable["value"] = kRedacted;
  }
}

void clean(json& value) {
  if (value.is_string()) {
    value = redacted(value.get_ref<const std::string&>());
    return;
  }
  if (value.is_object()) {
    for (auto& [name, member] : value.items()) {
      if (name == "metadata" && member.is_object()) reduceMetadata(member);
      if (name == "env" && member.is_array()) hideValues(member);
    }
  }
  if (value.is_structured()) {
    for (json& each : value) clean(each);
  }
}

template <std::size_t N>
json only(const json& object, const std::array<const char*, N>& names) {
  json kept = json::object();
  for (const char* const name : names) {
    if (const json& member = memberOf(object, name); !member.is_null()) kept[name] = member;
  }
  return kept;
}

}  // namespace

json reduced(const json& object) {
  json result = object;
  clean(result);
  return result;
}

json reducedNode(const json& node) {
  json result = only(node, std::array{"apiVersion", "kind", "metadata"});
  result["spec"] =
      only(memberOf(node, "spec"), std::array{"podCIDR", "podCIDRs", "taints", "unschedulable"});
  const json& status = memberOf(node, "status");
  result["status"] = only(status, std::array{"addresses", "conditions"});
  result["status"]["nodeInfo"] =
      only(memberOf(status, "nodeInfo"),
           std::array{"architecture", "containerRuntimeVersion", "kernelVersion",
                      "kubeProxyVersion", "kubeletVersion", "operatingSystem", "osImage"});
  return reduced(result);
}

json reducedDefinition(const json& definition) {
  json result = only(definition, std::array{"apiVersion", "kind", "metadata", "status"});
  json versions = json::array();
  if (const json& all = memberOf(memberOf(definition, "spec"), "versions"); all.is_array()) {
    for (const json& each : all) {
      versions.push_back(only(each, std::array{"name", "served", "storage", "deprecated"}));
    }
  }
  result["spec"]["versions"] = std::move(versions);
  return reduced(result);
}

}  // namespace barevip::cli
