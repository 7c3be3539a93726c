// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>

#include "cli/saved_services_file.h"
#include "common/base/file_descriptor.h"
#include "common/base/system_error.h"
#include "common/model/meta_json.h"

namespace barevip::cli {
namespace {

using model::listAt;
using model::memberOf;
using model::stringAt;
using nlohmann::json;

constexpr const char* kKind = "BarevipMigration";
constexpr int kVersion = 1;

// Annotations by which other load balancers are asked for addresses. What those write for
// themselves is theirs.
constexpr std::array<std::string_view, 20> kRequests{"metallb.io/address-pool",
                                                     "metallb.io/loadBalancerIPs",
                                                     "metallb.io/allow-shared-ip",
                                                     "metallb.universe.tf/address-pool",
                                                     "metallb.universe.tf/loadBalancerIPs",
                                                     "metallb.universe.tf/allow-shared-ip",
                                                     "kube-vip.io/loadbalancerIPs",
                                                     "purelb.io/service-group",
                                                     "purelb.io/addresses",
                                                     "purelb.io/allow-shared-ip",
                                                     "lb.kubesphere.io/v1alpha1",
                                                     "eip.openelb.kubesphere.io/v1alpha1",
                                                     "eip.openelb.kubesphere.io/v1alpha2",
                                                     "protocol.openelb.kubesphere.io/v1alpha1",
                                                     "lbipam.cilium.io/ips",
                                                     "lbipam.cilium.io/sharing-key",
                                                     "lbipam.cilium.io/sharing-cross-namespace",
                                                     "io.cilium/lb-ipam-ips",
                                                     "io.cilium/lb-ipam-sharing-key",
                                                     "io.cilium/lb-ipam-sharing-cross-namespace"};

bool isRequest(const std::string& annotation) {
  return std::find(kRequests.begin(), kRequests.end(), annotation) != kRequests.end();
}

std::vector<model::LoadBalancerIngress> ingressIn(const json& list) {
  std::vector<model::LoadBalancerIngress> ingress;
  for (const json& each : list) {
    ingress.push_back({stringAt(each, "ip"), stringAt(each, "hostname"), stringAt(each, "ipMode")});
  }
  return ingress;
}

}  // namespace

json ingressList(const std::vector<model::LoadBalancerIngress>& ingress) {
  json list = json::array();
  for (const model::LoadBalancerIngress& each : ingress) {
    json entry = json::object();
    if (!each.ip.empty()) entry["ip"] = each.ip.str();
    if (!each.hostname.empty()) entry["hostname"] = each.hostname.str();
    if (!each.ipMode.empty()) entry["ipMode"] = each.ipMode.str();
    list.push_back(std::move(entry));
  }
  return list;
}

SavedService savedService(const json& service) {
  const json& metadata = memberOf(service, "metadata");
  const json& spec = memberOf(service, "spec");
  SavedService saved;
  saved.key = {stringAt(metadata, "namespace"), stringAt(metadata, "name")};
  saved.loadBalancerClass = stringAt(spec, "loadBalancerClass");
  saved.loadBalancerIp = stringAt(spec, "loadBalancerIP");
  for (auto& [name, value] : model::annotationsOf(service)) {
    if (isRequest(name)) saved.requests.emplace(name, value);
  }
  saved.ingress =
      ingressIn(listAt(memberOf(memberOf(service, "status"), "loadBalancer"), "ingress"));
  return saved;
}

Result<SavedServices> listServices(kube::Api& api, const std::stop_token& stop) {
  SavedServices saved;
  const auto listed = api.list(
      kube::kServices, {},
      [&](const json& service) {
        if (stringAt(memberOf(service, "spec"), "type") != "LoadBalancer") return;
        saved.services.push_back(savedService(service));
      },
      stop);
  if (!listed) return tl::make_unexpected(listed.error());
  std::sort(saved.services.begin(), saved.services.end(),
            [](const auto& a, const auto& b) { return a.key < b.key; });
  return saved;
}

std::string textOf(const SavedServices& saved) {
  json services = json::array();
  for (const SavedService& each : saved.services) {
    services.push_back({{"namespace", each.key.ns.str()},
                        {"name", each.key.name.str()},
                        {"loadBalancerClass", each.loadBalancerClass},
                        {"loadBalancerIP", each.loadBalancerIp},
                        {"annotations", each.requests},
                        {"ingress", ingressList(each.ingress)}});
  }
  const json whole = {
      {"kind", kKind}, {"version", kVersion}, {"time", saved.time}, {"services", services}};
  return whole.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

Result<SavedServices> parseSaved(const std::string& text, const std::string& file) {
  const auto fault = [&](const std::string& what) {
    return fail(ErrorCode::kInvalid, file + " " + what +
                                         ": name the file that verify --save wrote before the "
                                         "migration");
  };
  const json whole = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!whole.is_object() || stringAt(whole, "kind") != kKind) {
    return fault("does not have the addresses of Services");
  }
  if (model::integerAt(whole, "version", 0, INT32_MAX, -1) != kVersion) {
    return fault("is of another version of kubectl-barevip");
  }
  if (!memberOf(whole, "services").is_array()) return fault("has no list of Services");
  SavedServices saved{stringAt(whole, "time"), {}};
  for (const json& each : listAt(whole, "services")) {
    SavedService service;
    service.key = {stringAt(each, "namespace"), stringAt(each, "name")};
    if (service.key.ns.empty() || service.key.name.empty()) {
      return fault("has a Service without a name");
    }
    service.loadBalancerClass = stringAt(each, "loadBalancerClass");
    service.loadBalancerIp = stringAt(each, "loadBalancerIP");
    service.requests = model::stringMapAt(each, "annotations");
    service.ingress = ingressIn(listAt(each, "ingress"));
    saved.services.push_back(std::move(service));
  }
  return saved;
}

Result<void> writeNewFile(const std::string& file, const std::string& text) {
  const FileDescriptor fd(::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!fd.valid()) {
    if (errno == EEXIST) {
      return fail(
          ErrorCode::kAlreadyExists,
          file + " exists already and may have the addresses of before: write another name");
    }
    return tl::make_unexpected(systemError("cannot write " + file, errno));
  }
  std::string_view left = text;
  while (!left.empty()) {
    const ssize_t written = ::write(fd.get(), left.data(), left.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) {
      const int why = errno;
      ::unlink(file.c_str());
      return tl::make_unexpected(systemError("cannot write " + file, why));
    }
    left.remove_prefix(static_cast<std::size_t>(written));
  }
  if (::fsync(fd.get()) == 0) return {};
  const int why = errno;
  ::unlink(file.c_str());
  return tl::make_unexpected(systemError("cannot write " + file, why));
}

}  // namespace barevip::cli
