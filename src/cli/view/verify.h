// SPDX-License-Identifier: Apache-2.0
// What became of the addresses of Services in a migration. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cli/view/saved_services.h"
#include "view/cluster.h"

namespace barevip::cli {

/// A part of another load balancer that runs in the cluster.
struct OtherBalancer {
  std::string product;  ///< "MetalLB"
  std::string object;   ///< "Deployment metallb-system/controller"
};

struct ServiceVerdict {
  enum class Kind : std::uint8_t {
    kKept,        ///< barevip serves the addresses of before, if there were any
    kMoved,       ///< barevip serves others
    kLost,        ///< there is no address, or no Service
    kOther,       ///< the addresses are not those of barevip
    kTwoWriters,  ///< as kKept, and another load balancer runs that may write them, too
  };

  std::string service;  ///< "namespace/name"
  std::vector<std::string> before;
  std::vector<std::string> now;
  Kind kind = Kind::kKept;
  std::string why;  ///< empty: there is nothing to add

  friend bool operator==(const ServiceVerdict&, const ServiceVerdict&) = default;
};

struct Verification {
  std::vector<ServiceVerdict> services;  ///< in the order in which they were saved
  std::vector<OtherBalancer> others;

  [[nodiscard]] bool hasProblem() const;
};

/// "kept", "moved", "lost", "other", "two writers".
[[nodiscard]] const char* nameOf(ServiceVerdict::Kind kind);

[[nodiscard]] Verification verifyMigration(const SavedServices& saved, const view::Cluster& cluster,
                                           std::vector<OtherBalancer> others);

}  // namespace barevip::cli
