// SPDX-License-Identifier: Apache-2.0
#include "common/model/service_json.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <numeric>
#include <string>
#include <utility>

#include <nlohmann/json.hpp>

#include "common/base/covering.h"
#include "common/base/sloppy_ip.h"
#include "common/model/meta_json.h"

namespace barevip::model {
namespace {

using nlohmann::json;

constexpr std::string_view kOwnAnnotations = "barevip.dev/";
// What --compat may read. All the rest is left out: it would cost memory for each Service.
constexpr std::string_view kOthersAnnotations[] = {
    "metallb.io/address-pool",
    "metallb.io/loadBalancerIPs",
    "metallb.io/allow-shared-ip",
    "metallb.universe.tf/address-pool",
    "metallb.universe.tf/loadBalancerIPs",
    "metallb.universe.tf/allow-shared-ip",
    "kube-vip.io/loadbalancerIPs",
    "lbipam.cilium.io/ips",
    "lbipam.cilium.io/sharing-key",
    "io.cilium/lb-ipam-ips",
    "io.cilium/lb-ipam-sharing-key",
};
constexpr std::int64_t kDefaultAffinitySeconds =
    10800;  // core/v1 DefaultClientIPServiceAffinitySeconds
constexpr std::int64_t kMaxAffinitySeconds = 86400;

bool isRead(std::string_view annotation) {
  return annotation.starts_with(kOwnAnnotations) ||
         std::find(std::begin(kOthersAnnotations), std::end(kOthersAnnotations), annotation) !=
             std::end(kOthersAnnotations);
}

StringMap readAnnotations(const json& object) {
  StringMap result;
  const json& all = memberOf(memberOf(object, "metadata"), "annotations");
  if (!all.is_object()) return result;
  for (const auto& [name, value] : all.items()) {
    if (isRead(name) && value.is_string()) {
      result.emplace(name, value.get_ref<const std::string&>());
    }
  }
  return result;
}

ForwardMode forwardingOf(const StringMap& annotations, ForwardMode byDefault) {
  const auto wish = annotations.find(std::string(kForwardAnnotation));
  if (wish == annotations.end() || wish->second.empty()) return byDefault;
  const auto known = forwardModes().find(wish->second);
  return known == forwardModes().end() ? ForwardMode::kUnknown : known->second;
}

// What the parts take once they are decoded, about: texts up to 15 bytes need no memory of their
// own (libstdc++), a node of a map has 112 bytes.
constexpr std::size_t kMapNode = 112;
constexpr std::size_t kShort = 15;

std::size_t bytesOf(const std::string& text) { return text.size() > kShort ? text.size() : 0; }

std::size_t bytesOf(const json& map) {
  if (!map.is_object()) return 0;
  return std::accumulate(
      map.items().begin(), map.items().end(), std::size_t{0},
      [](std::size_t sum, const auto& entry) {
        const bool text = entry.value().is_string();
        return sum + kMapNode + bytesOf(entry.key()) +
               (text ? bytesOf(entry.value().template get_ref<const std::string&>()) : 0);
      });
}

std::size_t bytesOf(const StringMap& map) {
  return std::accumulate(map.begin(), map.end(), std::size_t{0},
                         [](std::size_t sum, const auto& entry) {
                           return sum + kMapNode + bytesOf(entry.first) + bytesOf(entry.second);
                         });
}

std::size_t bytesOfList(const json& list, std::size_t each) {
  if (!list.is_array()) return 0;
  return std::accumulate(
      list.begin(), list.end(), std::size_t{0}, [&](std::size_t sum, const json& entry) {
        const std::string text =
            entry.is_string() ? entry.get<std::string>() : stringAt(entry, "name");
        return sum + each + bytesOf(text);
      });
}

// Looks at what there is before it is copied.
bool fits(const json& object, const StringMap& annotations, const ServiceParts& parts,
          const kube::ObjectKey& key, TextBudget& budget) {
  const json& spec = memberOf(object, "spec");
  std::size_t bytes =
      bytesOf(annotations) + bytesOfList(memberOf(spec, "ports"), sizeof(ServicePort));
  if (parts.labels) bytes += bytesOf(memberOf(memberOf(object, "metadata"), "labels"));
  if (parts.selectors) bytes += bytesOf(memberOf(spec, "selector"));
  if (parts.sourceRanges) {
    bytes += bytesOfList(memberOf(spec, "loadBalancerSourceRanges"), sizeof(std::string));
  }
  if (bytes <= kMaxServiceBytes) return budget.take(key, bytes);
  budget.release(key);
  return false;
}

// It admits nobody: an answer to one who is too large must not open the Service to all.
constexpr const char* kNoRange = "(left out: the Service is too large)";
// Of a Service that is too large as many are served as of any.
constexpr std::size_t kPortsOfOversized = 1025;

std::vector<ServicePort> decodePorts(const json& spec, std::size_t most) {
  std::vector<ServicePort> result;
  const json& ports = memberOf(spec, "ports");
  if (!ports.is_array()) return result;
  for (const json& port : ports) {
    if (result.size() == most) break;
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

// "None", the mark of a headless Service, is not an address and so drops out.
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

// None of them may be overlooked, and Kubernetes limits neither their number nor their spelling.
std::vector<IpRange> decodeExternalIps(const json& spec) {
  constexpr std::size_t kMost = 4096;
  std::vector<IpAddress> addresses;
  const json& texts = memberOf(spec, "externalIPs");
  if (!texts.is_array()) return {};
  for (const json& text : texts) {
    if (!text.is_string()) continue;
    const auto address = parseSloppyIp(text.get_ref<const std::string&>());
    if (address) addresses.push_back(*address);
  }
  return covering(std::move(addresses), kMost);
}

// What may be read of the spec of one that fits, or as much as is needed of one that does not.
void decodeBalancing(const json& object, const ServiceParts& parts, Service& service) {
  const json& spec = memberOf(object, "spec");
  if (parts.labels && !service.oversized) service.labels = labelsOf(object);
  const bool local = stringAt(spec, "externalTrafficPolicy") == "Local";
  if (parts.selectors && !service.oversized && (local || !parts.loadBalancersOnly)) {
    service.selector = stringMapAt(spec, "selector");
  }
  service.externalTrafficPolicy = local ? TrafficPolicy::kLocal : TrafficPolicy::kCluster;
  service.ports = decodePorts(
      spec, service.oversized ? kPortsOfOversized : std::numeric_limits<std::size_t>::max());
  service.affinitySeconds = decodeAffinity(spec);
  if (!parts.sourceRanges) return;
  if (!service.oversized) {
    service.sourceRanges = stringsAt(spec, "loadBalancerSourceRanges");
  } else if (!memberOf(spec, "loadBalancerSourceRanges").empty()) {
    service.sourceRanges = {kNoRange};
  }
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
  TextBudget alone;
  return decodeServiceParts(object, {}, alone);
}

Result<Service> decodeServiceParts(const json& object, const ServiceParts& parts,
                                   TextBudget& budget) {
  auto meta = decodeMeta(object, "Service", true);
  if (!meta) return tl::make_unexpected(std::move(meta.error()));
  const json& spec = memberOf(object, "spec");
  const json& status = memberOf(object, "status");
  Service service;
  service.key = std::move(meta->key);
  service.uid = meta->uid;
  service.resourceVersion = std::move(meta->resourceVersion);
  service.creationSeconds = meta->creationSeconds;
  service.deleting = meta->deleting;
  service.type = stringAt(spec, "type");
  const json& selector = memberOf(spec, "selector");
  service.selects = selector.is_object() && !selector.empty() && service.type != "ExternalName";
  service.loadBalancerClass = stringAt(spec, "loadBalancerClass");
  service.clusterIps = decodeClusterIps(spec);
  service.externalIps = decodeExternalIps(spec);
  service.ingress = decodeIngress(status);
  service.conditions = conditionsAt(status);
  if (parts.loadBalancersOnly && !service.isLoadBalancer()) {
    budget.release(service.key);
    return service;
  }
  service.annotations = readAnnotations(object);
  service.forward = forwardingOf(service.annotations, parts.forward);
  service.oversized = !fits(object, service.annotations, parts, service.key, budget);
  if (service.oversized) service.annotations.clear();
  service.loadBalancerIp = stringAt(spec, "loadBalancerIP");
  service.ipFamilies = decodeFamilies(spec);
  service.ipFamilyPolicy = decodeFamilyPolicy(spec);
  decodeBalancing(object, parts, service);
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
