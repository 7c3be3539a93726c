// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "cli/other_balancers.h"
#include "common/model/meta_json.h"

namespace barevip::cli {
namespace {

using model::listAt;
using model::memberOf;
using model::stringAt;
using nlohmann::json;

struct Product {
  std::string_view name;
  std::string_view label;                  ///< value of app or app.kubernetes.io/name; empty: none
  std::array<std::string_view, 2> images;  ///< how the names of its images end
};

// By the manifests and charts of each.
constexpr std::array kProducts{
    Product{"MetalLB", "metallb", {"/metallb/controller", "/metallb/speaker"}},
    Product{"kube-vip", "", {"/kube-vip", "/kube-vip-cloud-provider"}},
    Product{"PureLB", "purelb", {"/purelb/allocator", "/purelb/lbnodeagent"}},
    Product{"OpenELB", "openelb", {"/openelb-controller", "/openelb-speaker"}}};

constexpr kube::Resource ciliumPools(std::string_view version) {
  return {"cilium.io", version, "ciliumloadbalancerippools", "CiliumLoadBalancerIPPool", false};
}

// Without a tag or digest.
std::string_view repositoryOf(std::string_view image) {
  image = image.substr(0, image.find('@'));
  const auto colon = image.rfind(':');
  const bool isTag =
      colon != std::string_view::npos && image.find('/', colon) == std::string_view::npos;
  return isTag ? image.substr(0, colon) : image;
}

const json& containersOf(const json& workload) {
  return listAt(memberOf(memberOf(memberOf(workload, "spec"), "template"), "spec"), "containers");
}

bool hasImage(const json& workload, const Product& product) {
  const json& containers = containersOf(workload);
  return std::any_of(containers.begin(), containers.end(), [&](const json& container) {
    const std::string image = "/" + stringAt(container, "image");
    const std::string_view repository = repositoryOf(image);
    return std::any_of(product.images.begin(), product.images.end(),
                       [&](std::string_view end) { return repository.ends_with(end); });
  });
}

bool isOf(const json& workload, const Product& product) {
  const auto named = [&](const char* label) {
    return !product.label.empty() && model::labelOf(workload, label) == product.label;
  };
  return named("app") || named("app.kubernetes.io/name") || hasImage(workload, product);
}

// Its DaemonSet may be there for the control plane alone.
bool leavesServices(const json& workload, const Product& product) {
  if (product.name != "kube-vip") return false;
  for (const json& container : containersOf(workload)) {
    const json& variables = memberOf(container, "env");
    if (!variables.is_array()) continue;
    for (const json& each : variables) {
      if (stringAt(each, "name") == "svc_enable") return stringAt(each, "value") != "true";
    }
  }
  return stringAt(workload, "kind") == "DaemonSet";
}

bool hasPods(const json& workload) {
  const json& status = memberOf(workload, "status");
  const auto count = [](const json& object, const char* name) {
    return model::integerAt(object, name, 0, INT32_MAX, 0);
  };
  return count(status, "replicas") > 0 || count(status, "desiredNumberScheduled") > 0 ||
         count(status, "currentNumberScheduled") > 0;
}

Result<void> addWorkloads(kube::Api& api, const kube::Resource& resource,
                          std::vector<OtherBalancer>& found, const std::stop_token& stop) {
  const auto listed = api.list(
      resource, {},
      [&](json workload) {
        if (!hasPods(workload)) return;
        workload["kind"] = resource.kind;
        for (const Product& product : kProducts) {
          if (!isOf(workload, product) || leavesServices(workload, product)) continue;
          const json& metadata = memberOf(workload, "metadata");
          found.push_back({std::string(product.name), std::string(resource.kind) + " " +
                                                          stringAt(metadata, "namespace") + "/" +
                                                          stringAt(metadata, "name")});
          break;
        }
      },
      stop);
  if (!listed) return tl::make_unexpected(listed.error());
  return {};
}

// True: the API server knows pools of that version.
Result<bool> addPools(kube::Api& api, const kube::Resource& resource,
                      std::vector<OtherBalancer>& found, const std::stop_token& stop) {
  const auto listed = api.list(
      resource, {},
      [&](const json& pool) {
        if (model::boolAt(memberOf(pool, "spec"), "disabled", false)) return;
        found.push_back({"Cilium LB-IPAM", std::string(resource.kind) + " " +
                                               stringAt(memberOf(pool, "metadata"), "name")});
      },
      stop);
  if (listed) return true;
  if (listed.error().code == ErrorCode::kNotFound) return false;
  return tl::make_unexpected(listed.error());
}

}  // namespace

Result<std::vector<OtherBalancer>> otherBalancers(kube::Api& api, const std::stop_token& stop) {
  std::vector<OtherBalancer> found;
  for (const kube::Resource& resource : {kube::kDeployments, kube::kDaemonSets}) {
    if (auto added = addWorkloads(api, resource, found, stop); !added) {
      return tl::make_unexpected(added.error());
    }
  }
  for (const char* const version : {"v2", "v2alpha1"}) {
    const auto known = addPools(api, ciliumPools(version), found, stop);
    if (!known) return tl::make_unexpected(known.error());
    if (*known) break;
  }
  return found;
}

}  // namespace barevip::cli
