// SPDX-License-Identifier: Apache-2.0
// A node of fakes and the reconciler over it.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "fakes/fake_announcer.h"
#include "fakes/fake_kernel.h"
#include "fakes/fake_links.h"
#include "fakes/fake_packet_filter.h"
#include "fakes/manual_clock.h"
#include "ipvsnode/reconcile/syncer.h"
#include "unit/ipvsnode/builders.h"

namespace barevip::node::test {

/// What outlives a daemon: kernel, cluster, network.
struct World {
  fakes::FakeKernel ipvs;
  fakes::FakeLinks node;
  fakes::FakeLinks director;
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
    stores.claims.replaceAll({});
    stores.pools.replaceAll({});
  }

  /// "default/web" and "default/web-tls" on one VIP, with an IP object each.
  void addTwoOnOneVip(const std::string& holder = "n1", const std::string& otherHolder = "n1") {
    addWeb(holder);
    stores.services.put(onPort(443, service("web-tls", {"192.0.2.1"})));
    stores.slices.put(slice("web-tls", {{"10.1.0.1", "n1"}, {"10.1.0.2", "n2"}}));
    stores.claims.put(claim("web-tls", "192.0.2.1", otherHolder));
  }

  void addWeb(const std::string& holder = "n1") {
    stores.services.put(service("web", {"192.0.2.1"}));
    stores.slices.put(slice("web", {{"10.1.0.1", "n1"}, {"10.1.0.2", "n2"}}));
    stores.claims.put(claim("web", "192.0.2.1", holder));
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
  std::vector<Frontend> serving;
  std::optional<bool> carrier;
  std::optional<Ability> ability;
  Ground ground;
  std::optional<Syncer> syncer;
  int renewals = 0;

  explicit Daemon(World& w, Placement placement = Placement::kDirector) : world(w) {
    SyncerOptions with;
    with.desired = options(placement);
    with.drainTimeout = std::chrono::seconds(60);
    SyncerHooks hooks;
    hooks.probe = [this](const Questions& questions) {
      probes.insert(probes.end(), questions.ask.begin(), questions.ask.end());
      lastQuestions = questions;
    };
    hooks.report = [this](const NodeReport& report) { lastReport = report; };
    hooks.carrier = [this](bool up) { carrier = up; };
    hooks.able = [this](const Ability& able) { ability = able; };
    hooks.ground = [this] { return ground; };
    hooks.serving = [this](std::vector<Frontend> frontends) { serving = std::move(frontends); };
    KernelSeams seams{world.ipvs,
                      world.node,
                      placement == Placement::kDirector ? &world.director : nullptr,
                      {&world.filter}};
    syncer.emplace(seams, world.network, world.stores, liveness, world.clock, metrics, with, hooks);
  }

  void renew(const std::string& name) {
    model::Lease lease;
    lease.holder = name;
    lease.renewTime = std::to_string(++renewals);
    lease.annotations[kInterfaceAnnotation] = "eth0";
    liveness.saw(lease, world.clock.now());
  }

  /// A pass of a daemon that is in touch with the API server; answers probes with silence.
  void pass() {
    renew("n1");
    syncer->pass();
    while (!probes.empty()) {
      for (const IpAddress& address : std::exchange(probes, {})) {
        syncer->answered(address, std::nullopt);
      }
      syncer->pass();
    }
  }

  double metric(const std::string& name) { return metrics.gauge(name, "").value(); }
  double count(const std::string& name) { return metrics.counter(name, "").value(); }
};

}  // namespace barevip::node::test
