// SPDX-License-Identifier: Apache-2.0
// What other load balancers' objects say, reduced to what a Pool can have, and what a person has to
// be told about the rest.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "barevip/model/meta.h"

namespace barevip::cli {

/// Where an object of the input stands.
struct Origin {
  std::string file;          ///< as it was named
  std::size_t document = 0;  ///< counted from 1
  std::size_t item = 0;      ///< of a list, counted from 1; 0: the document is no list
  std::string object;        ///< kind, namespace and name; empty as long as they are not known

  [[nodiscard]] std::string toString() const;
};

/// Sentences for the person who converts, in the order in which they came up. Each begins with its
/// origin and is one line.
struct Report {
  std::vector<std::string> notes;   ///< what has no equal here or changes its meaning
  std::vector<std::string> faults;  ///< what is malformed: nothing is converted then

  void note(const Origin& origin, const std::string& sentence);
  void fault(const Origin& origin, const std::string& sentence);
};

/// Addresses that another load balancer gives.
struct PoolSource {
  /// Whose rules hold for it.
  enum class Rules : std::uint8_t {
    /// Wrong ranges are refused; Services of different namespaces may share an address.
    kMetalLb,
    /// inwinstack.com: wrong ranges mean no address; filters are single addresses; none is shared.
    kOriginal,
  };
  enum class Announced : std::uint8_t { kByAdvertisements, kL2, kBgp };

  Origin origin;
  std::string path;  ///< of the fields within the object, with its dot, for messages
  std::string name;
  model::StringMap labels;
  Rules rules = Rules::kMetalLb;
  std::vector<std::string> addresses;
  std::vector<std::string> filters;
  bool avoidBuggyIps = false;
  bool avoidGatewayIps = false;
  bool autoAssign = true;
  bool allocation = false;    ///< there is a serviceAllocation
  std::int64_t priority = 0;  ///< lower goes first; 0 goes last
  std::vector<std::string> namespaces;
  std::vector<model::LabelSelector> namespaceSelectors;  ///< one of them must match
  std::vector<model::LabelSelector> serviceSelectors;    ///< one of them must match
  std::vector<std::string> ignoreNamespaces;
  Announced announced = Announced::kByAdvertisements;
};

/// Which Pools are announced where. Without names and selectors of Pools: all.
struct Advertisement {
  enum class Protocol : std::uint8_t { kL2, kBgp };

  Origin origin;
  Protocol protocol = Protocol::kL2;
  std::vector<std::string> pools;
  std::vector<model::LabelSelector> poolSelectors;
  std::vector<model::LabelSelector> nodeSelectors;  ///< one of them must match; none: all nodes
  std::vector<std::string> interfaces;
};

/// All that was read, in the order of the input.
struct Sources {
  std::vector<PoolSource> pools;
  std::vector<Advertisement> advertisements;
};

}  // namespace barevip::cli
