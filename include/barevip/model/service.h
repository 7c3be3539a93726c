// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "barevip/base/ip.h"
#include "barevip/base/text.h"
#include "barevip/model/forwarding.h"
#include "barevip/model/meta.h"

namespace barevip::model {

/// Values are the IP protocol numbers.
enum class Protocol : std::uint8_t { kTcp = 6, kUdp = 17, kSctp = 132 };

/// "TCP", "UDP" or "SCTP".
[[nodiscard]] std::string_view toString(Protocol protocol);

struct ServicePort {
  Text name;
  Protocol protocol = Protocol::kTcp;
  std::uint16_t port = 0;
  std::uint16_t nodePort = 0;

  friend bool operator==(const ServicePort&, const ServicePort&) = default;
};

/// One entry of status.loadBalancer.ingress. `ip` is the text as it stands there.
struct LoadBalancerIngress {
  Text ip;
  Text hostname;
  Text ipMode;

  friend bool operator==(const LoadBalancerIngress&, const LoadBalancerIngress&) = default;
};

enum class TrafficPolicy : std::uint8_t { kCluster, kLocal };
enum class IpFamilyPolicy : std::uint8_t { kSingleStack, kPreferDualStack, kRequireDualStack };

/// What the maps, lists and texts of one Service may take of our memory, in bytes. Kubernetes
/// limits neither labels nor selectors nor ports in number; one of ordinary size takes 2 KiB.
inline constexpr std::size_t kMaxServiceBytes = 256U << 10U;

struct Service {
  kube::ObjectKey key;
  Text uid;
  std::string resourceVersion;
  std::int64_t creationSeconds = 0;  ///< since the epoch; of two that wait the older is first
  StringMap labels;                  ///< of type LoadBalancer only: Pools select by them
  StringMap annotations;  ///< only those of barevip.dev/ and those that --compat may read
  StringMap writtenAs;    ///< ours -> the one of another load balancer that it was read from
  /// Takes too much, alone or beside others of its namespace: labels, annotations, selector and
  /// most ports are left out, and source ranges are one that admits nobody.
  bool oversized = false;
  bool deleting = false;
  bool selects = false;  ///< the control plane keeps its EndpointSlices, by its selector

  Text type;  ///< ClusterIP, NodePort, LoadBalancer, ExternalName
  Text loadBalancerClass;
  Text loadBalancerIp;             ///< spec.loadBalancerIP, deprecated but honoured
  std::vector<Family> ipFamilies;  ///< in the Service's order
  IpFamilyPolicy ipFamilyPolicy = IpFamilyPolicy::kSingleStack;
  std::vector<IpAddress> clusterIps;  ///< empty for headless Services
  std::vector<IpRange> externalIps;   ///< cover spec.externalIPs, which kube-proxy takes here
  std::vector<ServicePort> ports;
  StringMap selector;  ///< of its pods; empty: another controller keeps the EndpointSlices
  TrafficPolicy externalTrafficPolicy = TrafficPolicy::kCluster;
  std::uint32_t affinitySeconds = 0;      ///< sessionAffinity ClientIP; 0: none
  std::vector<std::string> sourceRanges;  ///< loadBalancerSourceRanges, as they stand there
  ForwardMode forward = ForwardMode::kMasquerade;  ///< by its annotation, else by the flag

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
inline constexpr std::string_view kForwardAnnotation = "barevip.dev/forward";
inline constexpr std::string_view kLoadBalancerClass = "barevip.dev/barevip";

/// Which Services are ours to serve, by their spec.loadBalancerClass.
struct ClassRules {
  bool required = false;  ///< false: those without a class, too
  std::vector<std::string> names{std::string(kLoadBalancerClass)};

  /// The type is LoadBalancer and the class fits.
  [[nodiscard]] bool serve(const Service& service) const;

  friend bool operator==(const ClassRules&, const ClassRules&) = default;
};

/// The class as IP objects record it, of which the usual ones need no record: empty for none and
/// for kLoadBalancerClass.
[[nodiscard]] std::string recordedClass(const Service& service);

}  // namespace barevip::model
