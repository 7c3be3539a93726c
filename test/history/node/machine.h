// SPDX-License-Identifier: Apache-2.0
// One machine: its kernel, which outlives daemons, and the writers by which a daemon writes to it.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "barevip/base/clock.h"
#include "barevip/base/ip.h"
#include "barevip/base/result.h"
#include "barevip/ipvs/kernel.h"
#include "barevip/net/announcer.h"
#include "barevip/net/packet_filter.h"
#include "barevip/net/rtnetlink.h"

#include "fakes/fake_announcer.h"
#include "fakes/fake_kernel.h"
#include "fakes/fake_rtnetlink.h"
#include "history/node/history.h"

namespace barevip::node::history {

/// Is told of each change that reaches the kernel just before it is done.
class Observer {
 public:
  virtual ~Observer() = default;
  virtual void before(const ipvs::Op& op) = 0;
  virtual void before(const net::NetOp& op, bool balancer) = 0;
  virtual void before(const net::FilterState& next) = 0;
};

/// What a node would see if it looked, and did not look yet.
struct Unseen {
  bool ipvs = false;
  bool node = false;
  bool balancer = false;
  bool filter = false;

  [[nodiscard]] bool any() const { return ipvs || node || balancer || filter; }
};

class Machine {
 public:
  /// With an address of its own, and a virtual server that is none of ours.
  Machine(const Clock& clock, const IpAddress& address, bool host, bool lacksMh);
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  // The writers, for a daemon.
  ipvs::Kernel& ipvsSeam() { return *ipvsSeam_; }
  net::Rtnetlink& nodeSeam() { return *nodeSeam_; }
  net::Rtnetlink* balancerSeam() { return host ? nullptr : balancerSeam_.get(); }
  net::PacketFilter& filterSeam() { return *filterSeam_; }
  net::Announcer& announcerSeam() { return *announcerSeam_; }

  /// A daemon begins.
  void begin();
  /// By another hand.
  void tamper(Hand hand, Pick number);
  void putForeign(Foreign what, const IpAddress& vip, bool gone);
  void connect(Pick number, bool gone);
  void setCarrier(bool up);

  /// Something else on this machine has the VIP.
  [[nodiscard]] bool holds(const IpAddress& vip) const;
  /// Something else on it answers to neighbours for the VIP.
  [[nodiscard]] bool foreignAnswers(const IpAddress& vip) const;
  /// Something else is in the way of what a VIP needs that IPVS forwards.
  [[nodiscard]] bool obstructs(const IpAddress& vip) const;
  [[nodiscard]] std::set<IpAddress> held() const;
  [[nodiscard]] bool isForeign(const ipvs::VirtualServerKey& key) const;
  /// The daemon wrote the packet filter once, or found it as it should be.
  [[nodiscard]] bool knewFilter() const { return knewFilter_; }
  /// A daemon of ours lets it answer to neighbours for the VIP.
  [[nodiscard]] bool announces(const IpAddress& vip) const;

  // Its state.
  const bool host;
  const bool lacksMh;
  fakes::FakeKernel ipvs;
  fakes::FakeRtnetlink node;
  fakes::FakeRtnetlink balancer;
  std::optional<net::FilterState> filter;
  std::set<IpAddress> spoken;  ///< told the neighbours of, since they were announced
  std::vector<net::NetObject> foreignObjects;  ///< in its namespace, as they were put there
  std::vector<ipvs::VirtualServer> foreignServers;
  bool hostBroken = false;
  Unseen unseen;

  // Faults, and what came of them.
  std::vector<Break> troubles;
  std::optional<int> writesLeft;         ///< until the daemon dies
  bool dead = false;                     ///< it died; nothing of it reaches the kernel any more
  std::optional<MonotonicTime> refused;  ///< when something failed last, of this daemon
  bool lacked = false;                   ///< a scheduler, since this was reset
  std::size_t writes = 0;                ///< that changed the kernel
  Observer* observer = nullptr;

 private:
  class IpvsSeam;
  class RtnetlinkSeam;
  class FilterSeam;
  class AnnouncerSeam;

  /// An errno that refuses a write, 0 if it may be done, an error if the socket fails.
  Result<int> admit(Writer writer, const std::optional<IpAddress>& vip);
  Result<void> mayRead(const std::set<Writer>& writers);
  int refuse(int error);
  tl::unexpected<Error> breakOff(const std::string& why);
  void tamperIpvs(Hand hand, Pick number);
  void tamperReal(Hand hand, Pick number);
  void deleteItem(fakes::FakeRtnetlink& links, Pick number);

  const Clock& clock_;
  std::optional<net::FilterState> filterLast_;  ///< nullopt: it has to be looked at
  bool knewFilter_ = false;
  std::unique_ptr<ipvs::Kernel> ipvsSeam_;
  std::unique_ptr<net::Rtnetlink> nodeSeam_;
  std::unique_ptr<net::Rtnetlink> balancerSeam_;
  std::unique_ptr<net::PacketFilter> filterSeam_;
  std::unique_ptr<net::Announcer> announcerSeam_;
};

/// The VIP that an item is for, if it is for one.
[[nodiscard]] std::optional<IpAddress> vipOfItem(const net::NetObject& item);

}  // namespace barevip::node::history
