// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "cli/fetch/kernel_reading.h"
#include "common/model/meta_json.h"
#include "common/model/service_json.h"

namespace barevip::cli {
namespace {

using model::listAt;
using model::memberOf;
using model::stringAt;
using nlohmann::json;

constexpr const char* kDaemons = "app.kubernetes.io/name=barevip-node";

/// A pod in which the daemon runs.
struct DaemonPod {
  std::string ns;
  std::string name;
  std::vector<std::string> arguments;
};

// The daemon is its first container. What the kubelet puts in for $(NAME), a program that is
// started there does not get.
std::optional<DaemonPod> readPod(const json& pod) {
  const json& containers = memberOf(memberOf(pod, "spec"), "containers");
  if (stringAt(memberOf(pod, "status"), "phase") != "Running") return std::nullopt;
  if (!containers.is_array() || containers.empty()) return std::nullopt;
  const json& metadata = memberOf(pod, "metadata");
  DaemonPod found{stringAt(metadata, "namespace"), stringAt(metadata, "name"), {}};
  for (std::string& argument : model::stringsAt(containers.front(), "args")) {
    if (argument.find("$(") == std::string::npos) found.arguments.push_back(std::move(argument));
  }
  return found;
}

Result<DaemonPod> findDaemon(kube::Api& api, const std::string& node, const std::stop_token& stop) {
  std::optional<DaemonPod> found;
  const auto listed = api.list(
      kube::kPods, {{}, kDaemons, "spec.nodeName=" + node},
      [&](const json& pod) {
        if (!found) found = readPod(pod);
      },
      stop);
  if (!listed) return tl::make_unexpected(listed.error());
  if (!found) return fail(ErrorCode::kNotFound, "no barevip-node runs on node " + node);
  return *std::move(found);
}

std::uint16_t portAt(const json& object) {
  return static_cast<std::uint16_t>(
      model::integerAt(object, "port", 0, std::numeric_limits<std::uint16_t>::max(), 0));
}

std::uint32_t countAt(const json& object, const char* name) {
  return static_cast<std::uint32_t>(
      model::integerAt(object, name, 0, std::numeric_limits<std::uint32_t>::max(), 0));
}

// As the kernel has it; nullopt: only the daemon wants it.
std::optional<ipvs::VirtualServer> readServer(const json& each) {
  const auto vip = IpAddress::parse(stringAt(each, "address"));
  const auto protocol = model::parseProtocol(stringAt(each, "protocol"));
  if (!vip || !protocol || !memberOf(each, "kernel").is_object()) return std::nullopt;
  ipvs::VirtualServer server{{*vip, portAt(each), *protocol}, {}, {}};
  server.options.scheduler = stringAt(memberOf(each, "kernel"), "scheduler");
  for (const json& real : listAt(each, "realServers")) {
    const auto address = IpAddress::parse(stringAt(real, "address"));
    const json& there = memberOf(real, "kernel");
    if (!address || !there.is_object()) continue;
    server.realServers.push_back({{*address, portAt(real)}, countAt(there, "weight")});
  }
  return server;
}

Result<NodeKernel> readDump(const std::string& text, const std::string& node) {
  const json dump = json::parse(text, nullptr, false);
  if (!dump.is_object()) {
    return fail(ErrorCode::kInvalid, "barevip-node --dump of node " + node + " printed no JSON");
  }
  NodeKernel kernel{node, {}};
  for (const json& each : listAt(dump, "virtualServers")) {
    if (auto server = readServer(each)) kernel.virtualServers.push_back(*std::move(server));
  }
  return kernel;
}

}  // namespace

Result<NodeKernel> readKernel(kube::Api& api, CommandRunner& runner, Command kubectl,
                              const std::string& node, const std::stop_token& stop) {
  auto daemon = findDaemon(api, node, stop);
  if (!daemon) return tl::make_unexpected(std::move(daemon.error()));
  for (const std::string& word : {std::string("exec"), "--namespace=" + daemon->ns, daemon->name,
                                  std::string("--"), std::string("barevip-node")}) {
    kubectl.arguments.push_back(word);
  }
  for (std::string& each : daemon->arguments) kubectl.arguments.push_back(std::move(each));
  kubectl.arguments.emplace_back("--dump");
  kubectl.arguments.emplace_back("--output=json");
  const auto printed = runSuccessfully(runner, kubectl, stop);
  if (!printed) return tl::make_unexpected(printed.error());
  return readDump(printed->output, node);
}

}  // namespace barevip::cli
