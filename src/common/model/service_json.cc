// SPDX-License-Identifier: Apache-2.0
#include "common/model/service_json.h"

#include <algorithm>
#include <iterator>
#include <numeric>
#include <string>
#include <utility>

#include <nlohmann/json.hpp>

#include "common/model/meta_json.h"

namespace barevip::model {
namespace {

using nlohmann::json;

constexpr std::string_view kOwnAnnotations = "barevip.dev/";
// What --compat=metallb reads. All the rest is left out: it would cost memory for each Service.
constexpr std::string_view kMetalLbPrefixes[] = {"metallb.io/", "metallb.universe.tf/"};
constexpr std::string_view kMetalLbNames[] = {"address-pool", "loadBalancerIPs", "allow-shared-ip"};
constexpr std::int64_t kDefaultAffinitySeconds =
    10800;  // core/v1 DefaultClientIPServiceAffinitySeconds
constexpr std::int64_t kMaxAffinitySeconds = 86400;

bool isRead(std::string_view annotation) {
  if (annotation.starts_with(kOwnAnnotations)) return true;
  for (const std::string_view prefix : kMetalLbPrefixes) {
    if (!annotation.starts_with(prefix)) continue;
    const std::string_view name = annotation.substr(prefix.size());
    return std::find(std::begin(kMetalLbNames), std::end(kMetalLbNames), name) !=
           std::end(kMetalLbNames);
  }
  return false;
}

StringMap readAnnotations(StringMap all) {
  std::erase_if(all, [](const auto& entry) { return !isRead(entry.first); });
  return all;
}

std::size_t sizeOf(const StringMap& map) {
  return std::accumulate(map.begin(), map.end(), std::size_t{0},
                         [](std::size_t sum, const auto& entry) {
                           return sum + entry.first.size() + entry.second.size();
                         });
}

void takeLabelsAndAnnotations(Service& service, Meta& meta) {
  if (service.isLoadBalancer()) service.labels = std::move(meta.labels);
  service.annotations = readAnnotations(std::move(meta.annotations));
  service.oversized = sizeOf(service.labels) + sizeOf(service.annotations) > kMaxServiceText;
  if (!service.oversized) return;
  service.labels.clear();
  service.annotations.clear();
}

std::vector<ServicePort> decodePorts(const json& spec) {
  std::vector<ServicePort> result;
  const json& ports = memberOf(spec, "ports");
  if (!ports.is_array()) return result;
  for (const json& port : ports) {
    const auto protocol = parseProtocol(stringAt(port, "protocol"));
    const auto number = integerAt(port, "port", 1, 65535, 0);
    if (!protocol || number == 0) continue;
    result.push_back({stringAt(port, "name"), *protocol, static_cast<std::uint16_t>(number),
                      static_cast<std::uint16_t>(integerAt(port, "nodePort", 1, 65535, 0))});
  }
  return result;
}

std::vector<Family> decodeFamilies(const json& spec) {
  std::vector<Family> result;
  for (const std::string& text : stringsAt(spec, "ipFamilies")) {
    if (const auto family = parseFamily(text)) result.push_back(*family);
  }
  return result;
}

IpFamilyPolicy decodeFamilyPolicy(const json& spec) {
  const std::string text = stringAt(spec, "ipFamilyPolicy");
  if (text == "PreferDualStack") return IpFamilyPolicy::kPreferDualStack;
  if (text == "RequireDualStack") return IpFamilyPolicy::kRequireDualStack;
  return IpFamilyPolicy::kSingleStack;
}

// "None", the mark of a headless Service, is no address and so drops out.
std::vector<IpAddress> decodeClusterIps(const json& spec) {
  std::vector<std::string> texts = stringsAt(spec, "clusterIPs");
  if (texts.empty()) texts.push_back(stringAt(spec, "clusterIP"));
  std::vector<IpAddress> result;
  for (const std::string& text : texts) {
    if (const auto address = IpAddress::parse(text)) result.push_back(*address);
  }
  return result;
}

std::uint32_t decodeAffinity(const json& spec) {
  if (stringAt(spec, "sessionAffinity") != "ClientIP") return 0;
  const json& config = memberOf(memberOf(spec, "sessionAffinityConfig"), "clientIP");
  return static_cast<std::uint32_t>(
      integerAt(config, "timeoutSeconds", 1, kMaxAffinitySeconds, kDefaultAffinitySeconds));
}

std::vector<LoadBalancerIngress> decodeIngress(const json& status) {
  std::vector<LoadBalancerIngress> result;
  const json& ingress = memberOf(memberOf(status, "loadBalancer"), "ingress");
  if (!ingress.is_array()) return result;
  for (const json& entry : ingress) {
    result.push_back(
        {stringAt(entry, "ip"), stringAt(entry, "hostname"), stringAt(entry, "ipMode")});
  }
  return result;
}

}  // namespace

Result<Service> decodeService(const json& object) {
  auto meta = decodeMeta(object, "Service", true);
  if (!meta) return tl::make_unexpected(std::move(meta.error()));
  const json& spec = memberOf(object, "spec");
  const json& status = memberOf(object, "status");
  Service service;
  service.key = std::move(meta->key);
  service.uid = std::move(meta->uid);
  service.resourceVersion = std::move(meta->resourceVersion);
  service.deleting = meta->deleting;
  service.type = stringAt(spec, "type");
  takeLabelsAndAnnotations(service, *meta);
  service.loadBalancerClass = stringAt(spec, "loadBalancerClass");
  service.loadBalancerIp = stringAt(spec, "loadBalancerIP");
  service.ipFamilies = decodeFamilies(spec);
  service.ipFamilyPolicy = decodeFamilyPolicy(spec);
  service.clusterIps = decodeClusterIps(spec);
  service.ports = decodePorts(spec);
  service.selector = stringMapAt(spec, "selector");
  service.externalTrafficPolicy = stringAt(spec, "externalTrafficPolicy") == "Local"
                                      ? TrafficPolicy::kLocal
                                      : TrafficPolicy::kCluster;
  service.affinitySeconds = decodeAffinity(spec);
  service.sourceRanges = stringsAt(spec, "loadBalancerSourceRanges");
  service.ingress = decodeIngress(status);
  service.conditions = conditionsAt(status);
  return service;
}

std::optional<Protocol> parseProtocol(std::string_view text) {
  if (text.empty() || text == "TCP") return Protocol::kTcp;
  if (text == "UDP") return Protocol::kUdp;
  if (text == "SCTP") return Protocol::kSctp;
  return std::nullopt;
}

std::optional<Family> parseFamily(std::string_view text) {
  if (text == "IPv4") return Family::kIpv4;
  if (text == "IPv6") return Family::kIpv6;
  return std::nullopt;
}

}  // namespace barevip::model
