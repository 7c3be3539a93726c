// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdint>
#include <map>
#include <utility>

#include <nlohmann/json.hpp>

#include "cli/fetch/operator_flags.h"
#include "cli/rollback_writes.h"
#include "cli/saved_services_file.h"
#include "common/kube/list_into.h"
#include "common/model/ip_object_json.h"
#include "common/model/meta_json.h"

namespace barevip::cli {
namespace {

using model::listAt;
using model::memberOf;
using model::stringAt;
using nlohmann::json;

constexpr const char* kConditions = "barevip.dev/";
// Whoever writes a Service so often in a row does not stop.
constexpr int kAttempts = 5;

std::string nameIn(const json& object) {
  const json& metadata = memberOf(object, "metadata");
  return stringAt(metadata, "namespace") + "/" + stringAt(metadata, "name");
}

const json& conditionsOf(const json& service) {
  return listAt(memberOf(service, "status"), "conditions");
}

bool isBarevips(const json& condition) {
  return stringAt(condition, "type").starts_with(kConditions);
}

// Who has status.loadBalancer among the managed fields, the last one of several.
std::string writerOfAddresses(const json& metadata) {
  std::string writer;
  std::string last;
  for (const json& each : listAt(metadata, "managedFields")) {
    const json& status = memberOf(memberOf(each, "fieldsV1"), "f:status");
    std::string time = stringAt(each, "time");
    if (!memberOf(status, "f:loadBalancer").is_object() || time < last) continue;
    writer = stringAt(each, "manager");
    last = std::move(time);
  }
  return writer;
}

LiveService liveService(const json& service) {
  const json& metadata = memberOf(service, "metadata");
  const json& conditions = conditionsOf(service);
  return {savedService(service),
          stringAt(metadata, "uid"),
          std::any_of(conditions.begin(), conditions.end(), isBarevips),
          {},
          writerOfAddresses(metadata)};
}

json encoded(const std::vector<model::LoadBalancerIngress>& ingress) {
  if (ingress.empty()) return nullptr;
  return ingressList(ingress);
}

json requestsPatch(const RollbackStep& step) {
  json patch = json::object();
  for (const auto& [name, value] : step.annotations) {
    patch["metadata"]["annotations"][name] = value ? json(*value) : json();
  }
  if (step.loadBalancerIp) {
    patch["spec"]["loadBalancerIP"] =
        step.loadBalancerIp->empty() ? json() : json(*step.loadBalancerIp);
  }
  return patch;
}

json statusPatch(const RollbackStep& step, const json& service) {
  json others = json::array();
  for (const json& each : conditionsOf(service)) {
    if (!isBarevips(each)) others.push_back(each);
  }
  return {{"status",
           {{"loadBalancer", {{"ingress", encoded(*step.ingress)}}},
            {"conditions", others.empty() ? json() : others}}}};
}

// On condition that the Service is as it was seen. Returns it as it is then.
Result<json> patchIfSame(kube::Api& api, const kube::ObjectKey& key, const char* subresource,
                         json patch, const json& service, const std::stop_token& stop) {
  patch["metadata"]["resourceVersion"] = stringAt(memberOf(service, "metadata"), "resourceVersion");
  return api.patch(kube::kServices, key, subresource, patch, stop);
}

// The status after what asks for addresses: whoever sees it sees both.
Result<void> write(kube::Api& api, const RollbackStep& step, json service,
                   const std::stop_token& stop) {
  if (!step.annotations.empty() || step.loadBalancerIp) {
    auto patched = patchIfSame(api, step.service, "", requestsPatch(step), service, stop);
    if (!patched) return tl::make_unexpected(patched.error());
    service = *std::move(patched);
  }
  if (step.ingress) {
    const auto patched =
        patchIfSame(api, step.service, "status", statusPatch(step, service), service, stop);
    if (!patched) return tl::make_unexpected(patched.error());
  }
  // Last: a node keeps serving what they record, and without them nothing leads here again.
  for (const kube::ObjectKey& record : step.records) {
    const auto removed = api.remove(kube::kIps, record, "", stop);
    if (!removed && removed.error().code != ErrorCode::kNotFound) return removed;
  }
  return {};
}

}  // namespace

Result<std::string> runningOperator(kube::Api& api, const std::stop_token& stop) {
  std::string found;
  const kube::Selection own{{}, kOperatorSelector, {}};
  const auto deployments = api.list(
      kube::kDeployments, own,
      [&](const json& each) {
        const bool wanted =
            model::integerAt(memberOf(each, "spec"), "replicas", 0, INT32_MAX, 1) > 0;
        if (wanted) found = "Deployment " + nameIn(each);
      },
      stop);
  if (!deployments) return tl::make_unexpected(deployments.error());
  if (!found.empty()) return found;
  const auto pods = api.list(
      kube::kPods, own,
      [&](const json& each) {
        const std::string phase = stringAt(memberOf(each, "status"), "phase");
        if (phase != "Succeeded" && phase != "Failed") found = "Pod " + nameIn(each);
      },
      stop);
  if (!pods) return tl::make_unexpected(pods.error());
  return found;
}

Result<std::vector<LiveService>> listLiveServices(kube::Api& api, const std::stop_token& stop) {
  // IP objects first: the Services that they name must not be missing.
  std::map<std::string, std::vector<kube::ObjectKey>> records;
  const auto ipObjects = kube::listEach(
      api, kube::kIps, {}, model::decodeIpObject,
      [&](const model::IpObject& ipObject) {
        if (ipObject.serviceOwner) records[ipObject.serviceOwner->uid].push_back(ipObject.key);
      },
      stop);
  // Without their definition there are none.
  if (!ipObjects && ipObjects.error().code != ErrorCode::kNotFound) {
    return tl::make_unexpected(ipObjects.error());
  }
  std::vector<LiveService> services;
  const auto listed = api.list(
      kube::kServices, {},
      [&](const json& service) {
        if (stringAt(memberOf(service, "spec"), "type") != "LoadBalancer") return;
        services.push_back(liveService(service));
        const auto found = records.find(services.back().uid);
        if (found != records.end()) services.back().records = found->second;
      },
      stop);
  if (!listed) return tl::make_unexpected(listed.error());
  return services;
}

Result<RollbackStep> rollBack(kube::Api& api, const SavedService* saved, const LiveService& seen,
                              const std::stop_token& stop) {
  for (int attempt = 1;; ++attempt) {
    const auto service = api.get(kube::kServices, seen.now.key, stop);
    if (!service) return tl::make_unexpected(service.error());
    LiveService live = liveService(*service);
    if (live.uid != seen.uid) {
      return fail(ErrorCode::kConflict, "it was created again meanwhile: run the command again");
    }
    live.records = seen.records;
    RollbackStep step = stepBack(saved, live);
    const auto written = write(api, step, *service, stop);
    if (written) return step;
    if (written.error().code != ErrorCode::kConflict || attempt == kAttempts) {
      return tl::make_unexpected(written.error());
    }
  }
}

}  // namespace barevip::cli
