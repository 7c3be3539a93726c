// SPDX-License-Identifier: Apache-2.0
// The API objects of a Service that has its address and its endpoints, as the operator and the
// controllers of Kubernetes write them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include <nlohmann/json.hpp>

#include "barevip/base/clock.h"
#include "barevip/base/ip.h"
#include "barevip/base/result.h"
#include "barevip/kube/api.h"

namespace barevip::bench {

inline constexpr const char* kNamespace = "bench";
inline constexpr std::uint16_t kPort = 80;
/// Addresses of its kind that no two objects share.
inline constexpr std::size_t kMostServices = 50'000;
/// Numbers beyond, for Services that come when all others are there.
inline constexpr std::size_t kMostLate = 1'000;
inline constexpr std::size_t kMostEndpoints = 64;

/// The VIP of a Service, and the address of one of its pods. `spare` counts other addresses that a
/// pod may move to.
[[nodiscard]] IpAddress vipOf(std::size_t number);
[[nodiscard]] IpAddress podOf(std::size_t number, std::size_t endpoint);
[[nodiscard]] IpAddress sparePod(std::size_t spare);

[[nodiscard]] std::string serviceName(std::size_t number);
/// Of type ClusterIP alone.
[[nodiscard]] std::string clusterServiceName(std::size_t number);

/// A slice of the EndpointSlice controller with pods of another node.
[[nodiscard]] nlohmann::json sliceOf(const std::string& service, const nlohmann::json& endpoints);
/// The first `count` pods of a Service; the last of them at `last`, if there is one.
[[nodiscard]] nlohmann::json endpointsOf(std::size_t number, std::size_t count,
                                         const IpAddress* last = nullptr);

/// Makes a Service of type LoadBalancer, its bound IP object, which that node announces, and its
/// slice; all but the address in its status, by which nodes begin to serve.
Result<void> createUnserved(kube::Api& api, std::size_t number, std::size_t endpoints,
                            const std::string& node, WallTime now);
/// What makes nodes serve it.
Result<void> showAddress(kube::Api& api, std::size_t number, WallTime now);
/// Removes all of it.
Result<void> removeAll(kube::Api& api, std::size_t number);

Result<void> createClusterService(kube::Api& api, std::size_t number);
/// Replaces the endpoints of a slice.
Result<void> patchEndpoints(kube::Api& api, const std::string& service,
                            const nlohmann::json& endpoints);

}  // namespace barevip::bench
