// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstddef>
#include <set>
#include <utility>

#include <nlohmann/json.hpp>

#include "barevip/model/node.h"

#include "cli/bundle/collect.h"
#include "cli/bundle/redact.h"
#include "cli/bundle/reduce.h"
#include "common/model/meta_json.h"

namespace barevip::cli {
namespace {

using model::listAt;
using model::memberOf;
using model::stringAt;
using nlohmann::json;

constexpr int kLogLines = 5000;
constexpr std::size_t kLogBytes = std::size_t{2} << 20U;
constexpr std::size_t kAllLogBytes = std::size_t{256} << 20U;
constexpr int kMaxPort = 65535;
constexpr const char* kPartOf = "app.kubernetes.io/part-of=barevip";
constexpr const char* kOperator = "barevip-operator";
constexpr const char* kNode = "barevip-node";
constexpr const char* kServiceLabel = "kubernetes.io/service-name";
constexpr const char* kDefaultNamespace = "barevip-system";

constexpr kube::Resource kPolicies{"admissionregistration.k8s.io", "v1",
                                   "validatingadmissionpolicies", "ValidatingAdmissionPolicy",
                                   false};
constexpr kube::Resource kBindings{"admissionregistration.k8s.io", "v1",
                                   "validatingadmissionpolicybindings",
                                   "ValidatingAdmissionPolicyBinding", false};
constexpr kube::Resource kDefinitions{"apiextensions.k8s.io", "v1", "customresourcedefinitions",
                                      "CustomResourceDefinition", false};

using Keep = std::function<bool(const json& object)>;
using Reduce = json (*)(const json& object);

std::string textOf(const json& value) {
  return value.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

std::string namespaceOf(const json& object) {
  return stringAt(memberOf(object, "metadata"), "namespace");
}

std::string nameOf(const json& object) { return stringAt(memberOf(object, "metadata"), "name"); }

// Whoever makes pods may give them any label. Names of ReplicaSets end with a hash of their
// template.
bool isOwnPod(const json& pod) {
  const json& owners = listAt(memberOf(pod, "metadata"), "ownerReferences");
  return std::any_of(owners.begin(), owners.end(), [](const json& owner) {
    const std::string kind = stringAt(owner, "kind");
    const std::string name = stringAt(owner, "name");
    if (kind == "DaemonSet") return name == kNode;
    if (kind == "ReplicaSet") return name.starts_with(std::string(kOperator) + "-");
    return kind == "Job" && name.starts_with("barevip-");
  });
}

// Of a container that was started again there is the log before that, too.
std::set<std::string> restartedIn(const json& pod) {
  std::set<std::string> names;
  for (const char* const list : {"containerStatuses", "initContainerStatuses"}) {
    for (const json& each : listAt(memberOf(pod, "status"), list)) {
      if (model::integerAt(each, "restartCount", 1, INT32_MAX, 0) > 0) {
        names.insert(stringAt(each, "name"));
      }
    }
  }
  return names;
}

/// One collection: its files in order, until one cannot be written.
class Collector {
 public:
  Collector(kube::Api& api, kube::Texts& texts, const Collection& collection,
            const std::stop_token& stop)
      : api_(api), texts_(texts), collection_(collection), stop_(stop) {}

  Result<std::string> run() {
    if (auto asked = readVersion(); !asked) return tl::make_unexpected(asked.error());
    if (auto done = inOrder(); !done) return tl::make_unexpected(done.error());
    return *namespaces_.begin();
  }

 private:
  Result<void> inOrder() {
    const Keep own = [&](const json& object) {
      if (nameOf(object) != kOperator && nameOf(object) != kNode) return false;
      namespaces_.insert(namespaceOf(object));
      return true;
    };
    if (auto ok = list("deployments.json", kube::kDeployments, own, kPartOf); !ok) return ok;
    if (auto ok = list("daemonsets.json", kube::kDaemonSets, own, kPartOf); !ok) return ok;
    // Without the right to read workloads their pods say where they are.
    const bool known = !namespaces_.empty();
    std::vector<json> pods;
    const Keep pod = [&](const json& object) {
      if (!isOwnPod(object) || (known && !namespaces_.contains(namespaceOf(object)))) return false;
      namespaces_.insert(namespaceOf(object));
      pods.push_back(object);
      return true;
    };
    if (auto ok = list("pods.json", kube::kPods, pod, kPartOf); !ok) return ok;
    if (namespaces_.empty()) namespaces_.insert(kDefaultNamespace);
    if (auto ok = listObjects(); !ok) return ok;
    for (const json& each : pods) {
      if (auto ok = readMetrics(each); !ok) return ok;
      if (auto ok = readLogs(each); !ok) return ok;
    }
    return {};
  }

  Result<void> listObjects() {
    const Keep all = [](const json&) { return true; };
    if (auto ok = list("pools.json", kube::kPools, all); !ok) return ok;
    if (auto ok = list("ips.json", kube::kIps, all); !ok) return ok;
    std::set<std::pair<std::string, std::string>> services;
    const Keep balanced = [&](const json& service) {
      if (stringAt(memberOf(service, "spec"), "type") != "LoadBalancer") return false;
      services.emplace(namespaceOf(service), nameOf(service));
      return true;
    };
    if (auto ok = list("services.json", kube::kServices, balanced); !ok) return ok;
    const Keep theirs = [&](const json& slice) {
      return services.contains({namespaceOf(slice), model::labelOf(slice, kServiceLabel)});
    };
    if (auto ok = list("endpointslices.json", kube::kEndpointSlices, theirs); !ok) return ok;
    if (auto ok = list("nodes.json", kube::kNodes, all, "", reducedNode); !ok) return ok;
    const Keep lease = [&](const json& object) {
      return namespaces_.contains(namespaceOf(object)) ||
             model::labelsOf(object).contains(model::kNodeLeaseLabel);
    };
    if (auto ok = list("leases.json", kube::kLeases, lease); !ok) return ok;
    const Keep event = [&](const json& object) {
      return namespaces_.contains(namespaceOf(object)) ||
             stringAt(object, "reportingController").starts_with("barevip.dev/");
    };
    if (auto ok = list("events.json", kube::kEvents, event); !ok) return ok;
    if (auto ok = list("policies.json", kPolicies, all, kPartOf); !ok) return ok;
    if (auto ok = list("policy-bindings.json", kBindings, all, kPartOf); !ok) return ok;
    const Keep definition = [](const json& object) {
      return nameOf(object).ends_with(".barevip.dev");
    };
    return list("definitions.json", kDefinitions, definition, "", reducedDefinition);
  }

  // Whoever may not ask for this may ask for something else; who gets no answer may not.
  Result<void> readVersion() {
    collection_.onStep("read the version of the API server");
    const auto version = texts_.read(kube::kVersionPath, stop_);
    if (version) return collection_.onFile("kubernetes-version.json", redacted(*version));
    if (version.error().code != ErrorCode::kForbidden) {
      return tl::make_unexpected(version.error());
    }
    return miss("kubernetes-version.json", version.error());
  }

  // What comes after an interruption would be missing as well.
  Result<void> miss(const std::string& path, const Error& error) {
    if (stop_.stop_requested()) return tl::make_unexpected(error);
    collection_.onGap(path, error.message);
    return {};
  }

  Result<void> list(const std::string& path, const kube::Resource& resource, const Keep& keep,
                    const std::string& labels = {}, Reduce reduce = reduced) {
    collection_.onStep("list " + std::string(resource.plural));
    json items = json::array();
    const auto listed = api_.list(
        resource, {{}, labels, {}},
        [&](const json& object) {
          if (!object.is_object() || !keep(object)) return;
          items.push_back(reduce(object));
          items.back()["apiVersion"] = resource.apiVersion();
          items.back()["kind"] = resource.kind;
        },
        stop_);
    if (!listed) return miss(path, listed.error());
    const json whole = {{"apiVersion", "v1"}, {"kind", "List"}, {"items", std::move(items)}};
    return collection_.onFile(path, textOf(whole));
  }

  Result<void> readText(const std::string& path, const std::string& from) {
    collection_.onStep("read " + path);
    const auto text = texts_.read(from, stop_);
    if (!text) return miss(path, text.error());
    logBytes_ += text->size();
    return collection_.onFile(path, redacted(*text));
  }

  // A port that is declared listens on more than loopback.
  Result<void> readMetrics(const json& pod) {
    const kube::ObjectKey key{namespaceOf(pod), nameOf(pod)};
    for (const json& container : listAt(memberOf(pod, "spec"), "containers")) {
      for (const json& port : listAt(container, "ports")) {
        if (stringAt(port, "name") != "metrics") continue;
        const auto number = model::integerAt(port, "containerPort", 1, kMaxPort, 0);
        if (number == 0) continue;
        return readText("metrics/" + key.toString() + ".txt",
                        kube::podProxyPath(key, static_cast<int>(number), "/metrics"));
      }
    }
    return {};
  }

  Result<void> readLogs(const json& pod) {
    const std::set<std::string> restarted = restartedIn(pod);
    const kube::ObjectKey key{namespaceOf(pod), nameOf(pod)};
    for (const char* const list : {"initContainers", "containers"}) {
      for (const json& container : listAt(memberOf(pod, "spec"), list)) {
        const std::string name = stringAt(container, "name");
        if (auto ok = readLog(key, name, false); !ok) return ok;
        if (!restarted.contains(name)) continue;
        if (auto ok = readLog(key, name, true); !ok) return ok;
      }
    }
    return {};
  }

  Result<void> readLog(const kube::ObjectKey& pod, const std::string& container, bool previous) {
    const std::string path =
        "logs/" + pod.toString() + "/" + container + (previous ? ".previous.log" : ".log");
    if (logBytes_ > kAllLogBytes) {
      collection_.onGap(path, "left out, since the bundle has 256 MiB of logs already");
      return {};
    }
    return readText(path, kube::logPath(pod, container, previous, kLogLines, kLogBytes));
  }

  kube::Api& api_;
  kube::Texts& texts_;
  const Collection& collection_;
  const std::stop_token& stop_;
  std::set<std::string> namespaces_;  ///< in which parts of barevip are
  std::size_t logBytes_ = 0;
};

}  // namespace

Result<std::string> collect(kube::Api& api, kube::Texts& texts, const Collection& collection,
                            const std::stop_token& stop) {
  return Collector(api, texts, collection, stop).run();
}

}  // namespace barevip::cli
