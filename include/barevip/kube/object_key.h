// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "barevip/base/text.h"

namespace barevip::kube {

/// Namespace and name; the namespace of a cluster-scoped object is empty.
struct ObjectKey {
  Text ns;
  Text name;

  [[nodiscard]] std::string toString() const { return ns.empty() ? name.str() : ns + "/" + name; }

  friend bool operator==(const ObjectKey&, const ObjectKey&) = default;
  friend auto operator<=>(const ObjectKey&, const ObjectKey&) = default;
};

/// One kind of object as the API server's paths name it.
struct Resource {
  std::string_view group;  ///< empty: the core group
  std::string_view version;
  std::string_view plural;
  std::string_view kind;
  bool namespaced = true;

  [[nodiscard]] std::string apiVersion() const {
    return group.empty() ? std::string(version) : std::string(group) + "/" + std::string(version);
  }
  friend bool operator==(const Resource&, const Resource&) = default;
};

inline constexpr Resource kServices{"", "v1", "services", "Service", true};
inline constexpr Resource kNodes{"", "v1", "nodes", "Node", false};
inline constexpr Resource kNamespaces{"", "v1", "namespaces", "Namespace", false};
inline constexpr Resource kEvents{"events.k8s.io", "v1", "events", "Event", true};
inline constexpr Resource kEndpointSlices{"discovery.k8s.io", "v1", "endpointslices",
                                          "EndpointSlice", true};
inline constexpr Resource kLeases{"coordination.k8s.io", "v1", "leases", "Lease", true};
inline constexpr Resource kPods{"", "v1", "pods", "Pod", true};
inline constexpr Resource kDeployments{"apps", "v1", "deployments", "Deployment", true};
inline constexpr Resource kDaemonSets{"apps", "v1", "daemonsets", "DaemonSet", true};
inline constexpr Resource kPools{"barevip.dev", "v1alpha1", "pools", "Pool", false};
inline constexpr Resource kIps{"barevip.dev", "v1alpha1", "ips", "IP", true};

}  // namespace barevip::kube

template <>
struct std::hash<barevip::kube::ObjectKey> {
  std::size_t operator()(const barevip::kube::ObjectKey& key) const noexcept {
    const std::hash<barevip::Text> text;
    return text(key.name) ^ (text(key.ns) * 0x9e3779b97f4a7c15ULL);
  }
};
