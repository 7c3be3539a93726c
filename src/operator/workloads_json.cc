// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <limits>
#include <utility>

#include <nlohmann/json.hpp>

#include "common/model/meta_json.h"
#include "common/model/node_json.h"
#include "operator/cleanup_mode.h"
#include "operator/workloads.h"

namespace barevip::controlplane {
namespace {

using model::memberOf;
using model::stringAt;
using nlohmann::json;

constexpr const char* kOperatorLease = "barevip-operator";

std::size_t countAt(const json& object, const char* name, std::int64_t fallback) {
  constexpr std::int64_t kMost = std::numeric_limits<std::int32_t>::max();
  return static_cast<std::size_t>(model::integerAt(object, name, 0, kMost, fallback));
}

std::string cleanupContainer(const json& pod) {
  const json& containers = memberOf(memberOf(pod, "spec"), "initContainers");
  if (!containers.is_array()) return {};
  for (const json& container : containers) {
    const std::vector<std::string> arguments = model::stringsAt(container, "args");
    if (std::find(arguments.begin(), arguments.end(), "cleanup") != arguments.end()) {
      return stringAt(container, "name");
    }
  }
  return {};
}

std::string lastLine(const std::string& text) {
  const auto end = text.find_last_not_of(" \r\n\t");
  if (end == std::string::npos) return {};
  const auto begin = text.find_last_of('\n', end);
  return text.substr(begin == std::string::npos ? 0 : begin + 1,
                     end - (begin == std::string::npos ? 0 : begin + 1) + 1);
}

// Its own words, else the kubelet's.
std::string wordsOf(const json& state) {
  const std::string message = lastLine(stringAt(state, "message"));
  return message.empty() ? stringAt(state, "reason") : message;
}

void readCleanup(const json& pod, PodView& view) {
  const std::string name = cleanupContainer(pod);
  const json& statuses = memberOf(memberOf(pod, "status"), "initContainerStatuses");
  if (name.empty() || !statuses.is_array()) return;
  for (const json& status : statuses) {
    if (stringAt(status, "name") != name) continue;
    const json& ended = memberOf(memberOf(status, "state"), "terminated");
    const json& before = memberOf(memberOf(status, "lastState"), "terminated");
    const json& last = ended.is_object() ? ended : before;
    if (ended.is_object() && countAt(ended, "exitCode", 1) == 0) {
      view.cleanup = PodView::Cleanup::kDone;
    } else if (last.is_object()) {
      view.cleanup = PodView::Cleanup::kFailed;
      view.complaint = wordsOf(last);
    } else {
      view.complaint = wordsOf(memberOf(memberOf(status, "state"), "waiting"));
    }
  }
}

}  // namespace

Result<std::size_t> scaleToZero(kube::Api& api, const kube::ObjectKey& deployment,
                                const std::stop_token& stop) {
  const auto live = api.get(kube::kDeployments, deployment, stop);
  if (!live) return tl::make_unexpected(live.error());
  const std::size_t before = countAt(memberOf(*live, "spec"), "replicas", 1);
  if (before == 0) return before;
  const auto patched =
      api.patch(kube::kDeployments, deployment, "", {{"spec", {{"replicas", 0}}}}, stop);
  if (!patched) return tl::make_unexpected(patched.error());
  return before;
}

Result<CleanupMode> enterCleanupMode(kube::Api& api, const kube::ObjectKey& daemonSet,
                                     const std::stop_token& stop) {
  const auto live = api.get(kube::kDaemonSets, daemonSet, stop);
  if (!live) return tl::make_unexpected(live.error());
  CleanupMode mode;
  mode.desiredPods = countAt(memberOf(*live, "status"), "desiredNumberScheduled", 0);
  const auto wanted = inCleanupMode(*live);
  if (!wanted) return tl::make_unexpected(wanted.error());
  if (*wanted == *live) return mode;
  // A merge patch replaces lists as a whole: these are the whole lists.
  const json& spec = wanted->at("spec");
  const json& pod = spec.at("template").at("spec");
  const json patch = {
      {"metadata", {{"resourceVersion", stringAt(memberOf(*live, "metadata"), "resourceVersion")}}},
      {"spec",
       {{"updateStrategy", spec.at("updateStrategy")},
        {"template",
         {{"spec",
           {{"initContainers", pod.at("initContainers")},
            {"containers", pod.at("containers")}}}}}}}};
  const auto patched = api.patch(kube::kDaemonSets, daemonSet, "", patch, stop);
  if (!patched) return tl::make_unexpected(patched.error());
  mode.changed = true;
  return mode;
}

Result<std::vector<PodView>> listPods(kube::Api& api, const std::string& ns,
                                      const std::string& name, const std::stop_token& stop) {
  std::vector<PodView> pods;
  const auto listed = api.list(
      kube::kPods, {ns, "app.kubernetes.io/name=" + name, ""},
      [&](const json& pod) {
        const std::string phase = stringAt(memberOf(pod, "status"), "phase");
        PodView view;
        view.name = stringAt(memberOf(pod, "metadata"), "name");
        view.node = stringAt(memberOf(pod, "spec"), "nodeName");
        view.finished = phase == "Succeeded" || phase == "Failed";
        readCleanup(pod, view);
        pods.push_back(std::move(view));
      },
      stop);
  if (!listed) return tl::make_unexpected(listed.error());
  return pods;
}

Result<std::set<std::string>> listReadyNodes(kube::Api& api, const std::stop_token& stop) {
  std::set<std::string> ready;
  const auto listed = api.list(
      kube::kNodes, {},
      [&](const json& object) {
        const auto node = model::decodeNode(object);
        if (node && node->ready) ready.insert(node->key.name);
      },
      stop);
  if (!listed) return tl::make_unexpected(listed.error());
  return ready;
}

Result<std::size_t> removeLeases(kube::Api& api, const std::string& ns,
                                 const std::stop_token& stop) {
  std::vector<std::string> names;
  const auto listed = api.list(
      kube::kLeases, {ns, {}, {}},
      [&](const json& lease) {
        const json& metadata = model::memberOf(lease, "metadata");
        const std::string name = model::stringAt(metadata, "name");
        const json& labels = model::memberOf(metadata, "labels");
        if (name == kOperatorLease || labels.contains(model::kNodeLeaseLabel)) {
          names.push_back(name);
        }
      },
      stop);
  if (!listed) return tl::make_unexpected(listed.error());
  for (const std::string& name : names) {
    const auto removed = api.remove(kube::kLeases, {ns, name}, {}, stop);
    if (!removed && removed.error().code != ErrorCode::kNotFound) {
      return tl::make_unexpected(removed.error());
    }
  }
  return names.size();
}

}  // namespace barevip::controlplane
