// SPDX-License-Identifier: Apache-2.0
// The desired state of all VIPs, kept from one look at the cluster to the next. Pure but for its
// memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <vector>

#include "barevip/kube/objects.h"

#include "ipvsnode/cluster/cluster_state.h"
#include "ipvsnode/cluster/ip_index.h"
#include "ipvsnode/desired/desired.h"
#include "ipvsnode/desired/desired_vip.h"
#include "ipvsnode/desired/endpoints.h"

namespace barevip::node {

/// follow() costs what differs from the call before, whatever there is: a pod that comes or goes
/// among 10,000 Services the same as among 10. What is kept is always what a new object would have
/// after one call with the same arguments.
///
/// One thread.
class DesiredVips {
 public:
  explicit DesiredVips(DesiredOptions options);

  /// Brings everything up to date. Returns the VIPs that were computed again, those that are gone
  /// among them.
  std::set<IpAddress> follow(ClusterState cluster, LocalFacts local);

  /// Leaves these VIPs out of what the kernel should hold, except those that the node leads already
  /// (`there`: its items): their addresses may be those of other machines, which the node would
  /// reach no more. Returns those for which that changed.
  std::set<IpAddress> holdBack(std::set<IpAddress> vips, const std::set<net::NetObject>& there);

  /// Of each VIP of the cluster, also where it is held back.
  [[nodiscard]] const std::map<IpAddress, DesiredVip>& all() const { return all_; }
  [[nodiscard]] const ClusterState& cluster() const { return cluster_; }
  /// Ascending, each once.
  [[nodiscard]] std::vector<Problem> problems() const;
  /// VIPs that this node does not serve, though others may.
  [[nodiscard]] const std::set<IpAddress>& unserved() const { return unserved_; }

  /// Another number after each change of what the ports of VIPs are, and of problems.
  [[nodiscard]] std::uint64_t vipPortsRevision() const { return vipPortsRevision_; }
  [[nodiscard]] std::uint64_t problemsRevision() const { return problemsRevision_; }

  struct Totals {
    std::size_t virtualServers = 0;
    std::size_t realServers = 0;
    std::size_t servedVips = 0;  ///< by this node
  };
  /// Of what is not held back.
  [[nodiscard]] Totals totals() const;

  /// What is wanted for these VIPs, and the packet filter of all; without what is there for no VIP,
  /// and without vips, vipPorts and problems.
  [[nodiscard]] DesiredState of(const std::set<IpAddress>& vips) const;
  /// The same for all VIPs, and what is there for none.
  [[nodiscard]] DesiredState ofAll() const;
  [[nodiscard]] DesiredState whole() const;

 private:
  class Follower;

  [[nodiscard]] DesiredState ofNone() const;
  void add(const DesiredVip& vip, DesiredState& state) const;
  void addPlumbing(DesiredState& state) const;
  void addWaysBack(Family family, DesiredState& state) const;
  void replace(const IpAddress& address, DesiredVip vip);
  void erase(const IpAddress& address);
  void count(const DesiredVip& vip, bool comes);
  /// Follows the source ranges of VIPs that were computed again. Returns those whose guards
  /// changed.
  std::set<IpAddress> guard(const std::set<IpAddress>& touched);
  void noteLedByHand();
  void checkExternalIps();
  void buildFilter();
  [[nodiscard]] bool isLedByIpvs(const DesiredVip& vip) const;

  const DesiredOptions options_;
  ClusterState cluster_;
  LocalFacts local_;

  // What stands where in the cluster.
  kube::Objects<model::Service> shown_;  ///< those that show an address
  std::map<IpAddress, std::vector<std::shared_ptr<const model::Service>>> showing_;
  EndpointIndex endpoints_;
  IpIndex ipObjects_;
  std::map<IpAddress, std::string> machines_;

  std::map<IpAddress, DesiredVip> all_;
  std::set<IpAddress> vips_;  ///< the keys of all_
  std::set<IpAddress> unserved_;
  std::set<IpAddress> byHand_;  ///< see DesiredVip::byHand
  /// Where those that were written by hand lead: what others have there decides about them.
  std::set<IpAddress> ledByHand_;
  std::set<IpAddress> guarded_;  ///< with source ranges
  std::set<IpAddress> heldBack_;
  Totals totals_;
  std::uint64_t vipPortsRevision_ = 0;
  std::uint64_t problemsRevision_ = 0;
  net::FilterState filter_;
  bool filterStale_ = false;
  /// Services with spec.externalIPs, and what is wrong with those that name VIPs of others.
  kube::Objects<model::Service> external_;
  std::vector<Problem> externalProblems_;
  std::vector<net::SourceRanges> guards_;
  std::vector<Problem> guardProblems_;
  std::map<IpAddress, std::vector<Problem>> leadNowhere_;  ///< of addresses without a port of a VIP
  std::map<kube::ObjectKey, std::vector<Problem>> unreadable_;
};

}  // namespace barevip::node
