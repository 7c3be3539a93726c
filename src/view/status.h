// SPDX-License-Identifier: Apache-2.0
// What a person wants to know of barevip at a glance: problems first, then what there is. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "barevip/model/pool.h"

#include "view/cluster.h"
#include "view/vips.h"

namespace barevip::view {

struct Finding {
  enum class Level : std::uint8_t {
    kProblem,  ///< something does not work
    kWarning,  ///< it works, and may soon not
  };
  Level level = Level::kProblem;
  std::string kind;     ///< Operator, Service, Pool, IP, Node or VIP
  std::string object;   ///< "namespace/name", a name or an address
  std::string reason;   ///< CamelCase, as in a condition
  std::string message;  ///< the fact, then the remedy

  friend bool operator==(const Finding&, const Finding&) = default;
};
[[nodiscard]] std::string_view toString(Finding::Level level);

struct PoolRow {
  std::string name;
  bool ready = false;
  model::Pool::Counts capacity;
  model::Pool::Counts allocated;
  model::Pool::Counts available;

  friend bool operator==(const PoolRow&, const PoolRow&) = default;
};

/// An allocated address: one row for each of its IP objects.
struct VipRow {
  std::string ns;
  std::vector<std::string> services;  ///< names; none: a reservation that nobody uses
  std::string address;
  std::string pool;
  std::string node;      ///< that announces it; empty: none
  std::string ipObject;  ///< its name
  std::string since;     ///< RFC 3339; empty: not known

  friend bool operator==(const VipRow&, const VipRow&) = default;
};

struct NodeRow {
  std::string name;
  bool ready = false;
  bool eligible = false;
  std::string daemon;    ///< "eligible", or why it is not
  std::size_t vips = 0;  ///< that it announces

  friend bool operator==(const NodeRow&, const NodeRow&) = default;
};

struct Status {
  std::vector<Finding> findings;  ///< problems before warnings
  std::vector<PoolRow> pools;
  std::vector<VipRow> vips;
  std::vector<NodeRow> nodes;

  [[nodiscard]] bool hasProblem() const;
};

/// ns: the only namespace whose Services, IP objects and VIPs count; empty: all.
[[nodiscard]] Status statusOf(const Cluster& cluster, const std::string& ns);
/// The same; forwarding: of that cluster.
[[nodiscard]] Status statusOf(const Cluster& cluster, const Forwarding& forwarding,
                              const std::string& ns);

}  // namespace barevip::view
