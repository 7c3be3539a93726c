// SPDX-License-Identifier: Apache-2.0
// What becomes of the VIPs of a node that stops announcing. Pure.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "barevip/model/ip_object.h"
#include "barevip/model/meta.h"

#include "ipvsnode/announce/candidacy.h"
#include "view/cluster.h"

namespace barevip::cli {

using node::kExcludeLabel;

/// Its value where `drain` set it: whoever sets another value, or none, keeps it.
inline constexpr const char* kDrainValue = "barevip-drain";

enum class Exclusion {
  kNone,
  kDrained,  ///< by `drain`
  kForeign,  ///< by a person, or by another program
};
[[nodiscard]] Exclusion exclusionOf(const model::StringMap& labels);

using IpObjects = std::vector<std::shared_ptr<const model::IpObject>>;

/// VIPs, and the node that their IP objects record as the announcer; empty: none.
using Announcers = std::map<std::string, std::string>;
[[nodiscard]] Announcers announcersOf(const IpObjects& ipObjects);
[[nodiscard]] std::set<std::string> announcedBy(const Announcers& announcers,
                                                const std::string& node);

/// The VIPs that some node should announce now. Others may still have an announcer in their IP
/// object: it is recorded, and not taken back when nobody announces any more.
[[nodiscard]] std::set<std::string> announcedIn(const view::Cluster& cluster);

/// A VIP that no other node may announce.
struct Stranded {
  std::string address;
  std::string services;  ///< "namespace/name", with commas between; empty beyond `named`
  std::string why;       ///< what keeps each other node from it, with "; " between; likewise
};

/// Those of `vips` that nobody may announce once the node is excluded, ascending by address. VIPs
/// that the cluster does not serve are left out. named: of so many the texts are made.
[[nodiscard]] std::vector<Stranded> strandedWithout(const view::Cluster& cluster,
                                                    const std::string& node,
                                                    const std::set<std::string>& vips,
                                                    std::size_t named);

/// Those of `vips` that another node does not announce yet. A VIP that has no IP object any more is
/// not among them. A VIP that was withdrawn without a successor is: its IP object keeps the name.
[[nodiscard]] std::set<std::string> leftOf(const std::set<std::string>& vips,
                                           const Announcers& announcers, const std::string& node);

}  // namespace barevip::cli
