// SPDX-License-Identifier: Apache-2.0
// A node of fakes and the reconciler over it.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "fakes/fake_announcer.h"
#include "fakes/fake_kernel.h"
#include "fakes/fake_packet_filter.h"
#include "fakes/fake_rtnetlink.h"
#include "fakes/manual_clock.h"
#include "ipvsnode/reconcile/node_reconciler.h"
#include "unit/ipvsnode/builders.h"

namespace barevip::node::test {

/// What outlives a daemon: kernel, cluster, network.
struct World {
  fakes::FakeKernel ipvs;
  fakes::FakeRtnetlink node;
  fakes::FakeRtnetlink director;
  fakes::FakePacketFilter filter;
  fakes::FakeAnnouncer network;
  Stores stores;
  ManualClock clock;

  World() {
    for (const char* device : {"eth0", "barevip0", "bvip-in", "bvip-out"}) node.addDevice(device);
    director.addDevice("lo");
  }

  void sync() {
    stores.services.replaceAll({});
    stores.slices.replaceAll({});
    stores.nodes.replaceAll({test::node("n1", "10.0.0.1"), test::node("n2", "10.0.0.2")});
    stores.ipObjects.replaceAll({});
    stores.pools.replaceAll({});
  }

  /// "default/web" and "default/web-tls" on one VIP, with an IP object each.
  void addTwoOnOneVip(const std::string& holder = "n1", const std::string& otherHolder = "n1") {
    addWeb(holder);
    stores.services.put(onPort(443, service("web-tls", {"192.0.2.1"})));
    stores.slices.put(slice("web-tls", {{"10.1.0.1", "n1"}, {"10.1.0.2", "n2"}}));
    stores.ipObjects.put(ipObject("web-tls", "192.0.2.1", otherHolder));
  }

  void addWeb(const std::string& holder = "n1") {
    stores.services.put(service("web", {"192.0.2.1"}));
    stores.slices.put(slice("web", {{"10.1.0.1", "n1"}, {"10.1.0.2", "n2"}}));
    stores.ipObjects.put(ipObject("web", "192.0.2.1", holder));
  }

  std::size_t takeWrites() {
    return ipvs.takeWrites().size() + static_cast<std::size_t>(ipvs.takeTimeoutWrites()) +
           node.takeWrites().size() + director.takeWrites().size() + filter.takeWrites();
  }
};

/// One daemon over it.
struct Daemon {
  World& world;
  Liveness liveness{"n1"};
  obs::Registry metrics;
  NodeReport lastReport;
  std::vector<IpAddress> probes;
  Questions lastQuestions;
  std::vector<VipPort> serving;
  std::optional<std::set<std::string>> down;  ///< bind interfaces without carrier, as told last
  std::optional<Eligibility> eligibility;
  HostFindings host;
  std::optional<NodeReconciler> reconciler;
  int renewals = 0;

  explicit Daemon(World& w, Placement placement = Placement::kDirector,
                  std::vector<std::string> bindInterfaces = {"eth0"})
      : world(w) {
    NodeReconcilerOptions with;
    with.desired = options(placement);
    with.desired.bindInterfaces = std::move(bindInterfaces);
    with.drainTimeout = std::chrono::seconds(60);
    NodeReconcilerHooks hooks;
    hooks.probe = [this](const Questions& questions) {
      probes.insert(probes.end(), questions.ask.begin(), questions.ask.end());
      lastQuestions = questions;
    };
    hooks.report = [this](const NodeReport& report) { lastReport = report; };
    hooks.carrier = [this](const std::set<std::string>& interfaces) { down = interfaces; };
    hooks.able = [this](const Eligibility& able) { eligibility = able; };
    hooks.host = [this] { return host; };
    hooks.serving = [this](std::vector<VipPort> vipPorts) { serving = std::move(vipPorts); };
    KernelWriters writers{world.ipvs,
                          world.node,
                          placement == Placement::kDirector ? &world.director : nullptr,
                          {&world.filter}};
    reconciler.emplace(writers, world.network, world.stores, liveness, world.clock, metrics, with,
                       hooks);
  }

  void renew(const std::string& name) {
    model::Lease lease;
    lease.holder = name;
    lease.renewTime = std::to_string(++renewals);
    lease.annotations[kInterfaceAnnotation] = "eth0";
    liveness.saw(lease, world.clock.now());
  }

  /// A pass of a daemon that is in touch with the API server; answers probes with silence.
  void reconcileOnce() {
    renew("n1");
    reconciler->reconcileOnce();
    while (!probes.empty()) {
      for (const IpAddress& address : std::exchange(probes, {})) {
        reconciler->answered(address, std::nullopt);
      }
      reconciler->reconcileOnce();
    }
  }

  double metric(const std::string& name) { return metrics.gauge(name, "").value(); }
  double count(const std::string& name) { return metrics.counter(name, "").value(); }
};

}  // namespace barevip::node::test
