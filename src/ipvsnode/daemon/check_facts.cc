// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/daemon/check_facts.h"

#include <sys/utsname.h>
#include <unistd.h>

#include <chrono>
#include <utility>

#include "common/base/command.h"
#include "common/base/text_file.h"
#include "common/kube/config.h"
#include "common/kube/transport.h"
#include "ipvsnode/daemon/kernel_handles.h"
#include "ipvsnode/filter/packet_filter_nft.h"
#include "ipvsnode/host/capabilities.h"
#include "ipvsnode/host/namespace_view.h"

namespace barevip::node {
namespace {

std::string kernelRelease() {
  utsname name{};
  return ::uname(&name) == 0 ? name.release : "unknown";
}

std::vector<ModuleFact> lookAtModules(net::Placement placement, const std::string& release) {
  const host::ModuleFiles files(release);
  std::vector<ModuleFact> facts;
  for (host::Module& module : host::modulesOf(placement)) {
    host::ModuleState state = files.stateOf(module.name);
    // What is built in shows in no list of a kernel whose /lib/modules is not here.
    if (module.name == "ip_vs" && host::checkIpvs()) state = host::ModuleState::kLoaded;
    facts.push_back({std::move(module), state});
  }
  return facts;
}

InterfaceFact lookAtInterface(const std::string& name, const host::NamespaceView& view) {
  InterfaceFact fact;
  fact.name = name;
  if (const auto device = view.devices.find(name); device != view.devices.end()) {
    fact.up = device->second.up;
    fact.mtu = device->second.mtu;
    for (const auto& [address, length] : device->second.addresses) {
      fact.addresses += address.isLinkLocal() ? 0U : 1U;
    }
  }
  if (const auto carrier = readTextFile("/sys/class/net/" + name + "/carrier")) {
    fact.carrier = carrier->starts_with("1");
  }
  return fact;
}

Result<std::vector<InterfaceFact>> lookAtInterfaces(const std::vector<std::string>& wanted) {
  const auto names = resolveInterfaces(wanted);
  if (!names) return tl::make_unexpected(names.error());
  const auto view = host::viewNamespace();
  if (!view) return tl::make_unexpected(view.error());
  std::vector<InterfaceFact> facts;
  for (const std::string& name : *names) facts.push_back(lookAtInterface(name, *view));
  return facts;
}

std::vector<SysctlFact> lookAtSysctls(const Options& options,
                                      const std::vector<std::string>& interfaces, bool ipv6) {
  const host::SysctlTree tree;
  std::vector<SysctlFact> facts;
  for (host::Sysctl& entry :
       options.placement == net::Placement::kDirector
           ? host::nodeSysctls(interfaces, ipv6)
           : host::hostPlacementSysctls(interfaces, ipv6, host::KernelVersion::running())) {
    // Those that init sets only in some states are not prerequisites.
    if (!entry.onlyWhile.empty()) continue;
    const auto value = tree.read(entry.name);
    facts.push_back({std::move(entry), value ? std::optional(*value) : std::nullopt});
  }
  return facts;
}

Result<ApiVersion> askForVersion(const std::string& kubeconfig) {
  auto access = kube::loadConfig(kube::processConfigSource(kubeconfig));
  if (!access) return tl::make_unexpected(std::move(access.error()));
  kube::initialize();
  const auto transport = kube::makeTransport(std::move(*access));
  kube::HttpRequest request;
  request.path = "/version";
  const auto answer = transport->send(request, {});
  if (!answer) return tl::make_unexpected(answer.error());
  if (answer->status != 200) {
    return fail(ErrorCode::kUnavailable,
                "GET /version was answered with status " + std::to_string(answer->status));
  }
  return parseApiVersion(answer->body);
}

}  // namespace

CheckFacts gatherFacts(const Options& options, bool askApi) {
  SystemCommandRunner runner;
  const host::SysctlTree sysctls;
  CheckFacts facts;
  facts.placement = options.placement;
  facts.kernelRelease = kernelRelease();
  facts.modules = lookAtModules(options.placement, facts.kernelRelease);
  facts.namespaces = ::access("/proc/self/ns/net", F_OK) == 0;
  facts.mostNamespaces = sysctls.read("user/max_net_namespaces");
  facts.kubeProxy = host::detectKubeProxyMode(runner);
  facts.ipv6 = sysctls.hasIpv6();
  facts.bindInterfaces = lookAtInterfaces(options.bindInterfaces);
  std::vector<std::string> names;
  if (facts.bindInterfaces) {
    for (const InterfaceFact& one : *facts.bindInterfaces) names.push_back(one.name);
  }
  facts.sysctls = lookAtSysctls(options, names, facts.ipv6);
  facts.initCapabilities = host::checkInitCapabilities();
  facts.runCapabilities = host::checkCapabilities(options.placement);
  facts.filter =
      host::checkNft(options.placement == net::Placement::kDirector ? host::FilterRole::kNode
                                                                    : host::FilterRole::kHost,
                     names, runner);
  if (askApi) facts.api = askForVersion(options.kubeconfig);
  return facts;
}

}  // namespace barevip::node
