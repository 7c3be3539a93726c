// SPDX-License-Identifier: Apache-2.0
// `barevip-operator selftest`: whether an installation serves a Service, seen from a pod.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>

#include "barevip/base/clock.h"
#include "barevip/base/ip.h"
#include "barevip/base/result.h"
#include "barevip/kube/api.h"

namespace barevip::controlplane {

struct SelftestOptions {
  std::string ns = "barevip-system";                ///< of the Service and of the pod
  std::string pod;                                  ///< its name, with which the backend answers
  std::string podUid;                               ///< if known, the pod owns the Service
  std::string labelKey = "app.kubernetes.io/name";  ///< the label of the pod
  std::string labelValue = "barevip-selftest";
  std::string loadBalancerClass;               ///< empty: none
  std::uint16_t port = 8080;                   ///< where the backend listens
  std::chrono::milliseconds timeout{120'000};  ///< of everything together
};

/// Body of GET http://address:port/.
using Fetch = std::function<Result<std::string>(const IpAddress& address, std::uint16_t port,
                                                const std::stop_token& stop)>;

/// Creates the Service barevip-selftest for the pod, waits for its addresses and for a node that
/// announces each, fetches the pod's own name from each three times, deletes the Service and waits
/// until its IP objects are gone. `say` gets a line for each step. The Service is deleted on
/// failure and after a stop, too; one that a killed run left behind goes first. The error is one
/// sentence with the Service's own condition, if that is the cause, and what to do.
///
/// The caller serves the pod's name on `port`. Permissions: in the namespace services get, create
/// and delete, ips list; in the cluster pools list.
[[nodiscard]] Result<void> selftest(kube::Api& api, const Clock& clock,
                                    const SelftestOptions& options, const Fetch& fetch,
                                    const std::function<void(const std::string& line)>& say,
                                    const std::stop_token& stop);

}  // namespace barevip::controlplane
