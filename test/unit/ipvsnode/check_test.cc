// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/inspect/check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace barevip::node {
namespace {

using host::ModuleState;
using testing::AllOf;
using testing::Each;
using testing::Field;
using testing::HasSubstr;
using testing::Not;
using Level = Finding::Level;
using Demand = host::Sysctl::Demand;

/// A node on which all is well.
CheckFacts goodFacts() {
  CheckFacts facts;
  facts.kernelRelease = "6.1.0-18-amd64";
  facts.modules = {{{"ip_vs", true, "virtual servers"}, ModuleState::kLoadable},
                   {{"veth", false, "the devices"}, ModuleState::kLoaded},
                   {{"ip_vs_wlc", false, "a scheduler"}, ModuleState::kBuiltIn}};
  facts.kubeProxy = host::KubeProxyMode::kIptables;
  facts.sysctls = {
      {{"net/ipv4/ip_forward", "1", "packets are forwarded"}, "1"},
      {{"net/ipv4/conf/all/rp_filter", "1", "strict filtering drops; set it to 2", Demand::kRefuse},
       "2"}};
  facts.bindInterfaces = std::vector<InterfaceFact>{{"eth0", true, true, 1500, 2}};
  facts.api = ApiVersion{1, 32, "v1.32.1"};
  return facts;
}

Finding lineOf(const std::vector<Finding>& findings, const std::string& what) {
  const auto found = std::find_if(findings.begin(), findings.end(),
                                  [&](const Finding& finding) { return finding.what == what; });
  EXPECT_NE(found, findings.end()) << what << " in\n" << toTable(findings);
  return found == findings.end() ? Finding{} : *found;
}

TEST(Check, ANodeOnWhichAllIsWellHasOnlyOkLines) {
  const auto findings = evaluate(goodFacts());
  EXPECT_THAT(findings, Each(Field(&Finding::level, Level::kOk)));
  EXPECT_THAT(findings, Each(Field(&Finding::remedy, "")));
  EXPECT_FALSE(hasProblem(findings));
}

struct Case {
  const char* name;
  std::function<void(CheckFacts&)> change;
  Level level;
  const char* what;
  const char* found;
  const char* remedy;
};

class CheckLines : public testing::TestWithParam<Case> {};

TEST_P(CheckLines, SayWhatWasFoundAndWhatToDo) {
  const Case& param = GetParam();
  CheckFacts facts = goodFacts();
  param.change(facts);
  const auto findings = evaluate(facts);
  const Finding line = lineOf(findings, param.what);
  EXPECT_EQ(line.level, param.level);
  EXPECT_THAT(line.found, HasSubstr(param.found));
  EXPECT_THAT(line.remedy, HasSubstr(param.remedy));
  EXPECT_EQ(hasProblem(findings), param.level == Level::kProblem);
}

Error error(const char* message) { return {ErrorCode::kForbidden, message, 0, {}}; }

template <class T>
Result<T> failing(const char* message) {
  return tl::make_unexpected(error(message));
}

const Case kCases[] = {
    {"Kernel", [](auto& f) { f.kernelRelease = "5.8.18"; }, Level::kProblem, "kernel",
     "5.8.18 is older than 5.9", "Upgrade the node"},
    {"KernelOfNoVersion", [](auto& f) { f.kernelRelease = "mine"; }, Level::kProblem, "kernel",
     "mine", "5.9 or newer"},
    {"ModuleMissing", [](auto& f) { f.modules[1].state = ModuleState::kMissing; }, Level::kProblem,
     "module veth", "does not have it (the devices)", "linux-modules-extra-6.1.0-18-amd64"},
    {"SchedulerMissing", [](auto& f) { f.modules[2].state = ModuleState::kMissing; },
     Level::kWarning, "schedulers", "ip_vs_wlc", "barevip.dev/scheduler"},
    {"ModulesToLoad", [](auto&) {}, Level::kOk, "modules", "3 there, of which init loads 1", ""},
    {"IpvsLoaded", [](auto& f) { f.modules[0].state = ModuleState::kLoaded; }, Level::kOk, "IPVS",
     "usable", ""},
    {"IpvsLoadable", [](auto&) {}, Level::kOk, "IPVS", "init loads ip_vs", ""},
    {"IpvsMissing", [](auto& f) { f.modules[0].state = ModuleState::kMissing; }, Level::kProblem,
     "IPVS", "does not have it", "CONFIG_IP_VS"},
    {"IpvsUnknown", [](auto& f) { f.modules[0].state = ModuleState::kUnknown; }, Level::kWarning,
     "IPVS", "not checked, because", "modprobe ip_vs"},
    {"NoNamespaces", [](auto& f) { f.namespaces = false; }, Level::kProblem, "network namespaces",
     "does not have them", "CONFIG_NET_NS"},
    {"NamespacesForbidden", [](auto& f) { f.mostNamespaces = "0"; }, Level::kProblem,
     "network namespaces", "user.max_net_namespaces is 0", "sysctl -w"},
    {"NamespacesUnknown", [](auto& f) { f.mostNamespaces = failing<std::string>("it is hidden"); },
     Level::kWarning, "network namespaces", "not checked, because it is hidden", ""},
    {"KubeProxyIpvs", [](auto& f) { f.kubeProxy = host::KubeProxyMode::kIpvs; }, Level::kOk,
     "kube-proxy", "runs in ipvs mode", ""},
    {"KubeProxyNone", [](auto& f) { f.kubeProxy = host::KubeProxyMode::kNone; }, Level::kOk,
     "kube-proxy", "none was found", ""},
    {"KubeProxyBesideHost",
     [](auto& f) {
       f.placement = net::Placement::kHost;
       f.kubeProxy = host::KubeProxyMode::kNftables;
     },
     Level::kProblem, "kube-proxy", "nftables mode, beside which --placement=host is not safe",
     "--placement=director"},
    {"KubeProxyUnknownBesideHost",
     [](auto& f) {
       f.placement = net::Placement::kHost;
       f.kubeProxy = host::KubeProxyMode::kUnknown;
     },
     Level::kProblem, "kube-proxy", "its mode is not known", "iptables mode"},
    {"SysctlThatInitSets", [](auto& f) { f.sysctls[0].value = "0"; }, Level::kOk, "sysctls",
     "init sets net/ipv4/ip_forward=1", ""},
    {"SysctlThatIsNotThereYet", [](auto& f) { f.sysctls[0].value.reset(); }, Level::kOk, "sysctls",
     "as they must be", ""},
    {"SysctlThatIsRefused", [](auto& f) { f.sysctls[1].value = "1"; }, Level::kProblem,
     "sysctl net/ipv4/conf/all/rp_filter", "is 1", "set it to 2"},
    {"InterfaceMissing",
     [](auto& f) {
       f.bindInterfaces = failing<std::vector<InterfaceFact>>("there is no such interface");
     },
     Level::kProblem, "bind interface", "there is no such interface", "--bind-iface"},
    {"InterfaceDown", [](auto& f) { f.bindInterfaces->front().up = false; }, Level::kProblem,
     "bind interface", "eth0 is down", "ip link set eth0 up"},
    {"InterfaceWithoutAddress", [](auto& f) { f.bindInterfaces->front().addresses = 0; },
     Level::kProblem, "bind interface", "no address", "--bind-iface"},
    {"InterfaceOfSmallMtu", [](auto& f) { f.bindInterfaces->front().mtu = 1000; }, Level::kProblem,
     "bind interface", "MTU 1000", "mtu 1500"},
    {"InterfaceWithoutCarrier", [](auto& f) { f.bindInterfaces->front().carrier = false; },
     Level::kWarning, "bind interface", "no carrier", "cable"},
    {"InterfaceOfUnknownCarrier", [](auto& f) { f.bindInterfaces->front().carrier.reset(); },
     Level::kOk, "bind interface", "eth0, MTU 1500, 2 addresses", ""},
    {"Ipv6Off", [](auto& f) { f.ipv6 = false; }, Level::kWarning, "IPv6", "disabled",
     "disable_ipv6"},
    {"FilterThere", [](auto& /*f*/) {}, Level::kOk, "packet filter", "nftables", ""},
    {"FilterMissing", [](auto& f) { f.filter = failing<void>("not supported"); }, Level::kProblem,
     "packet filter", "not supported", "CONFIG_NF_TABLES_INET"},
    {"FilterWithoutPrivilege",
     [](auto& f) {
       f.filter = failing<void>("not supported");
       f.initCapabilities = failing<void>("missing");
     },
     Level::kWarning, "packet filter", "not checked, because that needs NET_ADMIN", ""},
    {"InitCapabilities", [](auto& f) { f.initCapabilities = failing<void>("missing"); },
     Level::kWarning, "capabilities of init", "not checked", "DaemonSet"},
    {"RunCapabilities", [](auto& f) { f.runCapabilities = failing<void>("missing"); },
     Level::kWarning, "capabilities of run", "not checked", "DaemonSet"},
    {"ApiNotAsked", [](auto& f) { f.api.reset(); }, Level::kWarning, "Kubernetes API",
     "not checked, because --without-api was given", ""},
    {"ApiSilent", [](auto& f) { f.api = failing<ApiVersion>("cannot connect"); }, Level::kProblem,
     "Kubernetes API", "cannot connect", "--kubeconfig"},
    {"ApiOld",
     [](auto& f) {
       f.api = ApiVersion{1, 31, "v1.31.9"};
     },
     Level::kProblem, "Kubernetes API", "v1.31.9 is older than 1.32", "Upgrade the control plane"},
    {"ApiOfTheFuture",
     [](auto& f) {
       f.api = ApiVersion{2, 0, "v2.0.0"};
     },
     Level::kOk, "Kubernetes API", "v2.0.0", ""},
};

INSTANTIATE_TEST_SUITE_P(Each, CheckLines, testing::ValuesIn(kCases),
                         [](const auto& each) { return std::string(each.param.name); });

TEST(Check, ModulesThatCannotBeListedAreNotCheckedButTheLoadedOnesCount) {
  CheckFacts facts = goodFacts();
  for (ModuleFact& fact : facts.modules) fact.state = ModuleState::kUnknown;
  EXPECT_EQ(lineOf(evaluate(facts), "modules").level, Level::kWarning);
  EXPECT_THAT(lineOf(evaluate(facts), "modules").found,
              AllOf(HasSubstr("ip_vs, veth, ip_vs_wlc: not checked"),
                    HasSubstr("/lib/modules/6.1.0-18-amd64")));
}

TEST(Check, TheHostPlacementNeedsNoNamespace) {
  CheckFacts facts = goodFacts();
  facts.placement = net::Placement::kHost;
  EXPECT_THAT(evaluate(facts), Each(Field(&Finding::what, Not("network namespaces"))));
}

TEST(Check, TheTableIsAligned) {
  EXPECT_EQ(toTable({{Level::kOk, "kernel", "6.1", ""},
                     {Level::kWarning, "IPv6", "disabled", "Enable it"},
                     {Level::kProblem, "bind interface", "eth0 is down", "Run this"}}),
            "ok       kernel          6.1\n"
            "warning  IPv6            disabled. Enable it\n"
            "problem  bind interface  eth0 is down. Run this\n");
}

TEST(Check, TheJsonHasTheSame) {
  const auto json = nlohmann::json::parse(toJson({{Level::kProblem, "x", "\xff y", "z"}}));
  EXPECT_EQ(json["findings"][0]["level"], "problem");
  EXPECT_EQ(json["findings"][0]["check"], "x");
  EXPECT_EQ(json["findings"][0]["remedy"], "z");
}

TEST(Check, VersionsOfDistributionsAreRead) {
  const auto version =
      parseApiVersion(R"({"major": "1", "minor": "33+", "gitVersion": "v1.33.0-eks-1"})");
  ASSERT_TRUE(version);
  EXPECT_EQ(version->minor, 33U);
  EXPECT_EQ(version->text, "v1.33.0-eks-1");
  for (const char* body : {"", "<html>", "[]", "{}", R"({"major": 1})"}) {
    EXPECT_FALSE(parseApiVersion(body)) << body;
  }
}

}  // namespace
}  // namespace barevip::node
