// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "barevip/base/ip.h"
#include "barevip/model/meta.h"

namespace barevip::model {

struct Node {
  kube::ObjectKey key;
  std::string uid;
  StringMap labels;
  std::vector<IpAddress> internalIps;
  std::vector<IpAddress> externalIps;
  std::vector<IpRange> podRanges;  ///< spec.podCIDRs
  bool ready = false;
  bool networkUnavailable = false;
  bool unschedulable = false;  ///< cordoned

  friend bool operator==(const Node&, const Node&) = default;
};

struct Namespace {
  kube::ObjectKey key;
  std::string resourceVersion;
  StringMap labels;
  bool deleting = false;

  friend bool operator==(const Namespace&, const Namespace&) = default;
};

/// The label of the Leases by which node daemons report, whatever its value.
inline constexpr const char* kNodeLeaseLabel = "barevip.dev/node-lease";

/// coordination.k8s.io/v1 Lease. Times are RFC 3339 with microseconds, as the holder wrote them.
struct Lease {
  kube::ObjectKey key;
  std::string resourceVersion;
  StringMap labels;
  StringMap annotations;
  std::string holder;
  std::int32_t durationSeconds = 0;
  std::string renewTime;
  std::string acquireTime;
  std::int32_t transitions = 0;

  friend bool operator==(const Lease&, const Lease&) = default;
};

}  // namespace barevip::model
