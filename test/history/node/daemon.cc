// SPDX-License-Identifier: Apache-2.0
#include "history/node/daemon.h"

#include <utility>

#include "history/node/names.h"
#include "ipvsnode/cluster/stores.h"
#include "ipvsnode/membership/liveness.h"
#include "ipvsnode/reconcile/node_reconciler.h"

namespace barevip::node::history {
namespace {

std::string joined(const std::set<IpAddress>& vips) {
  std::string text;
  for (const IpAddress& vip : vips) text += vip.toString() + ",";
  return text;
}

NodeReconcilerOptions optionsOf(Pick node, const Machine& machine) {
  using std::chrono::seconds;
  NodeReconcilerOptions options;
  options.desired.nodeName = nodeName(node);
  options.desired.placement = machine.host ? Placement::kHost : Placement::kDirector;
  options.desired.bindInterfaces = {"eth0"};
  if (!machine.host) options.desired.timeouts = {seconds(7260), seconds(120), seconds(300)};
  options.drainTimeout = kDrainTimeout;
  return options;
}

KernelWriters seamsOf(Machine& machine) {
  return {machine.ipvsSeam(), machine.nodeSeam(), machine.balancerSeam(), {&machine.filterSeam()}};
}

}  // namespace

struct Daemon::Parts {
  Parts(Pick number, Machine& of, const Clock& withClock)
      : node(number),
        machine(of),
        clock(withClock),
        liveness(nodeName(number)),
        reconciler(seamsOf(of), of.announcerSeam(), stores, liveness, clock, metrics,
                   optionsOf(number, of), hooks()),
        nextPass(clock.now()) {}

  NodeReconcilerHooks hooks() {
    NodeReconcilerHooks hooks;
    hooks.probe = [this](const Questions& all) {
      questions.insert(questions.end(), all.ask.begin(), all.ask.end());
    };
    hooks.report = [this](const NodeReport& report) {
      said.clear();
      for (const auto& [key, vip] : report.ipObjects)
        said.push_back({key, vip.announced, vip.holder});
    };
    hooks.able = [this](const Eligibility& able) {
      eligibility = able;
      leaseNews = true;
    };
    hooks.carrier = [this](const std::set<std::string>& down) {
      const bool up = down.empty();
      leaseNews = leaseNews || noCarrier == up;
      noCarrier = !up;
    };
    hooks.host = [this]() -> node::HostFindings {
      if (machine.hostBroken) return {{}, {{Family::kIpv4, "forwarding"}}, std::nullopt};
      return {};
    };
    return hooks;
  }

  void wake() { nextPass = clock.now(); }

  const Pick node;
  Machine& machine;
  const Clock& clock;
  std::vector<IpAddress> questions;
  std::vector<Said> said;
  std::optional<Eligibility> eligibility;
  bool noCarrier = false;
  bool leaseNews = true;
  Stores stores;
  Liveness liveness;
  obs::Registry metrics;
  NodeReconciler reconciler;
  MonotonicTime nextPass;
};

Daemon::Daemon(Pick node, Machine& machine, const Clock& clock)
    : parts_(std::make_unique<Parts>(node, machine, clock)) {
  machine.begin();
}
Daemon::~Daemon() = default;

void Daemon::deliver(const Objects& objects) {
  parts_->stores.services.replaceAll(objects.services);
  parts_->stores.slices.replaceAll(objects.slices);
  parts_->stores.nodes.replaceAll(objects.nodes);
  parts_->stores.ipObjects.replaceAll(objects.ipObjects);
  parts_->stores.pools.replaceAll({});
  parts_->reconciler.wake();
  parts_->wake();
}

void Daemon::saw(const model::Lease& lease) {
  if (!parts_->liveness.saw(lease, parts_->clock.now())) return;
  parts_->reconciler.wake();
  parts_->wake();
}

void Daemon::gotAnswer(const IpAddress& address, const std::optional<std::string>& mac) {
  parts_->reconciler.answered(address, mac);
  parts_->wake();
}

void Daemon::networkChanged() {
  parts_->reconciler.networkChanged();
  parts_->wake();
}

MonotonicTime Daemon::next() const { return parts_->nextPass; }

void Daemon::reconcileOnce() {
  parts_->machine.lacked = false;
  parts_->nextPass = parts_->reconciler.reconcileOnce();
  // Then it wakes itself, to do without the scheduler.
  if (parts_->machine.lacked) parts_->wake();
}

std::vector<IpAddress> Daemon::takeQuestions() { return std::exchange(parts_->questions, {}); }

const std::vector<Said>& Daemon::said() const { return parts_->said; }

model::Lease Daemon::lease(model::Lease lease, const std::string& renewTime) const {
  lease.holder = nodeName(parts_->node);
  lease.renewTime = renewTime;
  lease.durationSeconds = static_cast<std::int32_t>(kLeaseDuration.count());
  lease.labels[kNodeLeaseLabel] = kElectsByShare;
  lease.annotations[kInterfaceAnnotation] = "eth0";
  lease.annotations[kFamiliesAnnotation] = kBothFamilies;
  lease.annotations[kStateAnnotation] = parts_->noCarrier ? kStateLeaving : kStateServing;
  if (const auto& eligibility = parts_->eligibility) {
    lease.annotations[kBlockedAnnotation] =
        eligibility->serving ? joined(eligibility->blocked) : kBlockedAll;
    lease.annotations[kHeldAnnotation] = joined(eligibility->held);
  }
  return lease;
}

bool Daemon::takeLeaseNews() { return std::exchange(parts_->leaseNews, false); }

}  // namespace barevip::node::history
