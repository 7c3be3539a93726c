// SPDX-License-Identifier: Apache-2.0
// `barevip-node check`: the prerequisites of a node, judged from facts. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "barevip/base/result.h"
#include "barevip/net/data_path.h"

#include "ipvsnode/host/kernel_modules.h"
#include "ipvsnode/host/kube_proxy_mode.h"
#include "ipvsnode/host/module_files.h"
#include "ipvsnode/host/sysctl.h"

namespace barevip::node {

struct ModuleFact {
  host::Module module;
  host::ModuleState state = host::ModuleState::kUnknown;
};

struct SysctlFact {
  host::Sysctl sysctl;
  std::optional<std::string> value;  ///< nullopt: the kernel does not have it yet
};

struct InterfaceFact {
  std::string name;
  bool up = false;
  std::optional<bool> carrier;  ///< nullopt: cannot be read
  int mtu = 0;
  std::size_t addresses = 0;  ///< of both families, without link-local ones
};

struct ApiVersion {
  unsigned major = 0;
  unsigned minor = 0;
  std::string text;  ///< "v1.32.1"
};

/// What was found on the node; an error says why it could not be looked at.
struct CheckFacts {
  net::Placement placement = net::Placement::kDirector;
  std::string kernelRelease;
  std::vector<ModuleFact> modules;
  bool namespaces = true;                   ///< the kernel has network namespaces
  Result<std::string> mostNamespaces{"1"};  ///< sysctl user/max_net_namespaces
  host::KubeProxyMode kubeProxy = host::KubeProxyMode::kNone;
  std::vector<SysctlFact> sysctls;
  Result<std::vector<InterfaceFact>> bindInterfaces{std::vector<InterfaceFact>(1)};
  bool ipv6 = true;
  Result<void> filter;  ///< whether nft and nf_tables are there
  Result<void> initCapabilities;
  Result<void> runCapabilities;
  std::optional<Result<ApiVersion>> api;  ///< nullopt: was not to be asked
};

struct Finding {
  enum class Level : std::uint8_t { kOk, kWarning, kProblem };
  Level level = Level::kOk;
  std::string what;    ///< what was looked at
  std::string found;   ///< without a full stop
  std::string remedy;  ///< empty: nothing to do

  friend bool operator==(const Finding&, const Finding&) = default;
};

[[nodiscard]] std::string_view toString(Finding::Level level);

/// One line for each thing that was looked at, in a fixed order.
[[nodiscard]] std::vector<Finding> evaluate(const CheckFacts& facts);

[[nodiscard]] bool hasProblem(const std::vector<Finding>& findings);

/// Aligned columns, a line each.
[[nodiscard]] std::string toTable(const std::vector<Finding>& findings);
/// {"findings": [{"level", "check", "found", "remedy"}]}
[[nodiscard]] std::string toJson(const std::vector<Finding>& findings);

/// The body of GET /version.
[[nodiscard]] Result<ApiVersion> parseApiVersion(const std::string& body);

}  // namespace barevip::node
