// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "barevip/base/ip.h"
#include "barevip/model/meta.h"

namespace barevip::model {

/// Values are the IP protocol numbers.
enum class Protocol : std::uint8_t { kTcp = 6, kUdp = 17, kSctp = 132 };

/// "TCP", "UDP" or "SCTP".
[[nodiscard]] std::string_view toString(Protocol protocol);

struct ServicePort {
  std::string name;
  Protocol protocol = Protocol::kTcp;
  std::uint16_t port = 0;
  std::uint16_t nodePort = 0;

  friend bool operator==(const ServicePort&, const ServicePort&) = default;
};

/// One entry of status.loadBalancer.ingress. `ip` is the text as it stands there.
struct LoadBalancerIngress {
  std::string ip;
  std::string hostname;
  std::string ipMode;

  friend bool operator==(const LoadBalancerIngress&, const LoadBalancerIngress&) = default;
};

enum class TrafficPolicy : std::uint8_t { kCluster, kLocal };
enum class IpFamilyPolicy : std::uint8_t { kSingleStack, kPreferDualStack, kRequireDualStack };

/// Longest labels and annotations of a Service, together, in bytes. Kubernetes does not limit the
/// number of labels, and this program keeps those of every Service that may wait for an address.
inline constexpr std::size_t kMaxServiceText = 64U << 10U;

struct Service {
  kube::ObjectKey key;
  std::string uid;
  std::string resourceVersion;
  StringMap labels;        ///< of type LoadBalancer only: Pools select by them
  StringMap annotations;   ///< only those of barevip.dev/ and those that --compat may read
  StringMap writtenAs;     ///< ours -> the one of another load balancer that it was read from
  bool oversized = false;  ///< labels and annotations are left out: they exceed kMaxServiceText
  bool deleting = false;

  std::string type;  ///< ClusterIP, NodePort, LoadBalancer, ExternalName
  std::string loadBalancerClass;
  std::string loadBalancerIp;      ///< spec.loadBalancerIP, deprecated but honoured
  std::vector<Family> ipFamilies;  ///< in the Service's order
  IpFamilyPolicy ipFamilyPolicy = IpFamilyPolicy::kSingleStack;
  std::vector<IpAddress> clusterIps;  ///< empty for headless Services
  std::vector<ServicePort> ports;
  StringMap selector;  ///< of its pods; empty: somebody else keeps the EndpointSlices
  TrafficPolicy externalTrafficPolicy = TrafficPolicy::kCluster;
  std::uint32_t affinitySeconds = 0;      ///< sessionAffinity ClientIP; 0: none
  std::vector<std::string> sourceRanges;  ///< loadBalancerSourceRanges, as they stand there

  std::vector<LoadBalancerIngress> ingress;
  Conditions conditions;

  [[nodiscard]] bool isLoadBalancer() const { return type == "LoadBalancer"; }

  friend bool operator==(const Service&, const Service&) = default;
};

/// Annotations that people set on Services.
inline constexpr std::string_view kPoolAnnotation = "barevip.dev/pool";
inline constexpr std::string_view kAddressAnnotation = "barevip.dev/address";
inline constexpr std::string_view kIpAnnotation = "barevip.dev/ip";
inline constexpr std::string_view kShareAnnotation = "barevip.dev/share";
inline constexpr std::string_view kSchedulerAnnotation = "barevip.dev/scheduler";
inline constexpr std::string_view kLoadBalancerClass = "barevip.dev/barevip";

/// True if this Service is ours to serve: type LoadBalancer and either our class or, unless
/// requireClass, none.
[[nodiscard]] bool isOurs(const Service& service, bool requireClass);

}  // namespace barevip::model
