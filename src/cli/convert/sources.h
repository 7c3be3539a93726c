// SPDX-License-Identifier: Apache-2.0
// What other load balancers' objects say, reduced to what a Pool can have.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "barevip/model/meta.h"
#include "barevip/model/pool.h"

#include "cli/convert/report.h"

namespace barevip::cli {

/// A text of the input and where it stands in its object.
struct Written {
  std::string path;  ///< for example spec.addresses[0]
  std::string text;
};

/// Addresses that another load balancer gives. The defaults are what most of them do.
struct PoolSource {
  enum class Announced : std::uint8_t {
    kByAdvertisements,  ///< MetalLB's
    kByPolicies,        ///< Cilium's
    kL2,
    kBgp
  };

  Origin origin;
  std::string name;
  model::StringMap labels;

  std::vector<Written> addresses;
  bool bareAddresses = false;        ///< one without a prefix length is right there
  bool wrongRangesAreEmpty = false;  ///< they mean no address there; else they are refused
  bool firstAndLast = true;          ///< of a prefix are given
  std::vector<Written> filters;      ///< single addresses that are left out
  bool avoidBuggyIps = false;
  bool avoidGatewayIps = false;

  bool autoAssign = true;
  model::AllowSharing allowSharing = model::AllowSharing::kCluster;
  std::string path;                      ///< of the next five fields, with its dot, for messages
  std::optional<std::int64_t> priority;  ///< lower goes first; without one last
  std::vector<std::string> namespaces;
  std::vector<model::LabelSelector> namespaceSelectors;  ///< one of them must match
  std::vector<model::LabelSelector> serviceSelectors;    ///< one of them must match
  std::vector<std::string> ignoreNamespaces;
  /// The selectors of Services as they are written there, to compare advertisements with.
  std::vector<model::LabelSelector> servicesThere;

  Announced announced = Announced::kByAdvertisements;
  std::vector<Written> interfaces;  ///< with kL2: where; none: everywhere
};

/// It is switched off there by this field, which has no equal: Services get its addresses on
/// request only, and a note says so.
void serveOnRequestOnly(PoolSource& pool, const std::string& field, Report& report);

/// What is announced where. Without names and selectors of Pools: all Pools of its kind.
struct Advertisement {
  enum class Protocol : std::uint8_t { kL2, kBgp };

  Origin origin;
  Protocol protocol = Protocol::kL2;
  PoolSource::Announced announces = PoolSource::Announced::kByAdvertisements;  ///< Pools with it
  std::vector<std::string> pools;
  std::vector<model::LabelSelector> poolSelectors;
  std::vector<model::LabelSelector> serviceSelectors;  ///< one of them must match; none: all
  std::vector<model::LabelSelector> nodeSelectors;     ///< one of them must match; none: all nodes
  std::vector<Written> interfaces;
};

/// All that was read, in the order of the input.
struct Sources {
  std::vector<PoolSource> pools;
  std::vector<Advertisement> advertisements;
};

}  // namespace barevip::cli
