// SPDX-License-Identifier: Apache-2.0
// Why a Service has its addresses or none, who announces them and what serves them. Pure.
#pragma once

#include <string>
#include <vector>

#include "barevip/base/result.h"
#include "barevip/kube/object_key.h"

#include "cli/view/client_path.h"
#include "view/cluster.h"

namespace barevip::cli {

struct ServiceExplanation {
  /// Something that was considered, and what came of it.
  struct Step {
    std::string what;
    std::string verdict;

    friend bool operator==(const Step&, const Step&) = default;
  };
  struct Address {
    std::string address;
    std::string pool;
    std::string ipObject;   ///< namespace/name; empty: there is none yet
    bool isNew = false;     ///< it does not have it yet, and would get it now
    std::string announcer;  ///< the node that announces it, by its IP object; empty: none
    std::string owner;      ///< the node that the election chooses; empty: none
    std::vector<Step> nodes;

    friend bool operator==(const Address&, const Address&) = default;
  };
  struct Backends {
    std::string vipPort;  ///< "TCP 192.0.2.1:80"
    std::vector<std::string> endpoints;
    std::string why;  ///< there are none

    friend bool operator==(const Backends&, const Backends&) = default;
  };

  std::string service;             ///< namespace/name
  std::vector<Step> request;       ///< what of the Service the decision depends on
  std::vector<std::string> shows;  ///< addresses in its status
  std::vector<Step> pools;         ///< in the order in which they are tried
  std::vector<Address> addresses;  ///< that it has, or would get now
  std::string reason;              ///< why it does not have what it asks for; empty: it has
  std::string message;             ///< likewise, for people
  std::vector<Backends> backends;
  std::string client;             ///< "192.0.2.7:40000"; empty: of no certain one
  std::vector<ClientPath> paths;  ///< of its new connections
};

/// kNotFound: there is no such Service.
[[nodiscard]] Result<ServiceExplanation> explainService(const view::Cluster& cluster,
                                                        const kube::ObjectKey& service);

}  // namespace barevip::cli
