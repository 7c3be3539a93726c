// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/app.h"

#include <pthread.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <memory>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "barevip/base/log.h"

#include "common/kube/api_client.h"
#include "common/kube/config.h"
#include "common/kube/events.h"
#include "common/kube/reflector.h"
#include "common/kube/transport.h"
#include "common/model/endpoint_slice_json.h"
#include "common/model/ip_claim_json.h"
#include "common/model/node_json.h"
#include "common/model/pool_json.h"
#include "common/model/service_json.h"
#include "common/obs/http_server.h"
#include "common/obs/metrics.h"
#include "ipvsnode/claim_reporter.h"
#include "ipvsnode/cleanup.h"
#include "ipvsnode/dump.h"
#include "ipvsnode/host/capabilities.h"
#include "ipvsnode/liveness.h"
#include "ipvsnode/machine.h"
#include "ipvsnode/membership.h"
#include "ipvsnode/prober.h"
#include "ipvsnode/stores.h"
#include "ipvsnode/syncer.h"

namespace barevip::node {
namespace {

using namespace std::chrono_literals;

constexpr auto kHandoverTime = 3s;
constexpr auto kHoldDeadline = 500ms;
// Longer than the slowest program that a pass may run.
constexpr auto kStuckAfter = 3min;

int sayError(const Error& error) {
  std::fprintf(stderr, "barevip-node: %s\n", error.message.c_str());
  return 1;
}

DesiredOptions desiredOptions(const Options& options, const Machine& machine) {
  DesiredOptions desired;
  desired.nodeName = options.nodeName;
  desired.placement = options.placement;
  desired.forward = options.forward;
  desired.bindInterface = machine.bindInterface();
  desired.scheduler = options.scheduler;
  desired.requireClass = options.requireClass;
  desired.ipv6 = machine.hasIpv6();
  return desired;
}

Result<kube::TransportOptions> findApi(const Options& options) {
  auto access = kube::loadConfig(kube::processConfigSource(options.kubeconfig));
  if (access) access->userAgent = "barevip-node/" BAREVIP_VERSION;
  return access;
}

std::unique_ptr<kube::Api> openApi(kube::TransportOptions access) {
  kube::initialize();
  return std::make_unique<kube::ApiClient>(kube::makeTransport(std::move(access)));
}

sigset_t stopSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  return signals;
}

/// Everything that runs, in the order of its construction; it stops in the reverse order.
class Daemon {
 public:
  Daemon(const Options& options, Machine& machine, kube::Api& api, net::Announcer& announcer,
         net::Announcer& probingAnnouncer)
      : options_(options),
        machine_(machine),
        events_(api, clock_, {.controller = "barevip.dev/node", .instance = options.nodeName}),
        reporter_(api, stores_, events_, clock_, options.nodeName),
        membership_(api, clock_,
                    {options.ns, options.nodeName, machine.bindInterface(), machine.hasIpv6()}),
        liveness_(options.nodeName),
        syncer_(machine.seams(), announcer, stores_, liveness_, clock_, metrics_,
                {desiredOptions(options, machine), options.syncPeriod, options.drainTimeout},
                hooks()),
        prober_(probingAnnouncer, machine.bindInterface(),
                [this](const IpAddress& address, std::optional<std::string> mac) {
                  syncer_.answered(address, std::move(mac));
                }) {
    obs::addProcessMetrics(metrics_);
    metrics_.counterFrom("barevip_node_events_dropped_total", "Events that were not written.",
                         [this] { return static_cast<double>(events_.dropped()); });
    watchStores();
    addReflectors(api);
  }

  Result<void> start() {
    addHealth();
    const auto port = http_.start(options_.metricsAddress);
    if (!port) return tl::make_unexpected(port.error());
    auto monitors = machine_.watch([this] { syncer_.linksChanged(); });
    if (!monitors) return tl::make_unexpected(std::move(monitors.error()));
    monitors_ = std::move(*monitors);
    events_.start();
    reporter_.start();
    prober_.start();
    for (const auto& reflector : reflectors_) reflector->start();
    membership_.start();
    syncing_ = std::jthread([this](const std::stop_token& stop) { syncer_.run(stop); });
    return {};
  }

  /// programs: those that a pass may wait for; it ends them.
  void stop(std::stop_source& programs) {
    if (shouldHandOver()) {
      log::info("stopping; other nodes take the VIPs over");
      membership_.setLeaving(LeaveReason::kHandover, true);
      const MonotonicTime end = clock_.now() + kHandoverTime;
      while (clock_.now() < end && syncer_.announcedCount() > 0) std::this_thread::sleep_for(20ms);
      membership_.stop();
    } else {
      log::info("stopping; the kernel serves on");
      membership_.stop();
      if (const auto held = membership_.hold(kHoldDeadline); !held) {
        log::warn("cannot ask the other nodes for patience", {{"reason", held.error().message}});
      }
    }
    programs.request_stop();
    syncing_.request_stop();
    if (syncing_.joinable()) syncing_.join();
    for (const auto& reflector : reflectors_) reflector->stop();
    reporter_.stop();
    events_.stop();
  }

 private:
  SyncerHooks hooks() {
    SyncerHooks hooks;
    hooks.probe = [this](const std::vector<IpAddress>& addresses) { prober_.ask(addresses); };
    hooks.report = [this](const NodeReport& report) { reporter_.take(report); };
    hooks.carrier = [this](bool up) { membership_.setLeaving(LeaveReason::kNoCarrier, !up); };
    hooks.ground = [this]() -> std::vector<std::string> {
      auto report = machine_.checkGround();
      if (!report) return {std::move(report.error().message)};
      membership_.setLeaving(LeaveReason::kUnsafe, !report->safe);
      return std::move(report->problems);
    };
    hooks.able = [this](const Ability& ability) { membership_.setAbility(ability); };
    return hooks;
  }

  void watchStores() {
    const auto wake = [this](const auto&, const auto&) { syncer_.wake(); };
    stores_.services.addHandler(wake);
    stores_.slices.addHandler(wake);
    stores_.nodes.addHandler(wake);
    stores_.claims.addHandler(wake);
    stores_.pools.addHandler(wake);
    leases_.addHandler([this](const auto& before, const auto& after) {
      const bool changed = after ? liveness_.saw(*after, clock_.now()) : liveness_.gone(*before);
      if (changed) syncer_.wake();
    });
  }

  void addReflectors(kube::Api& api) {
    const auto add = [&](const kube::Resource& resource, kube::Selection selection, auto& store,
                         auto decode) {
      reflectors_.push_back(
          kube::makeReflector(api, clock_, resource, std::move(selection), store, decode));
    };
    add(kube::kServices, {}, stores_.services, model::decodeService);
    add(kube::kEndpointSlices, {}, stores_.slices, model::decodeEndpointSlice);
    add(kube::kNodes, {}, stores_.nodes, model::decodeNode);
    add(kube::kIps, {}, stores_.claims, model::decodeIpClaim);
    add(kube::kPools, {}, stores_.pools, model::decodePool);
    add(kube::kLeases, {options_.ns, kNodeLeaseLabel, ""}, leases_, model::decodeLease);
  }

  void addHealth() {
    http_.handle("/healthz", [this] {
      if (clock_.now() - syncer_.lastPass() < options_.syncPeriod + kStuckAfter) {
        return obs::HttpAnswer{200, "ok\n"};
      }
      return obs::HttpAnswer{500, "the reconciler is stuck\n"};
    });
    http_.handle("/readyz", [this] {
      if (!stores_.synced()) {
        return obs::HttpAnswer{503, "the first lists from the API server have not come in yet\n"};
      }
      if (!syncer_.ready()) return obs::HttpAnswer{503, "the kernel is not as it should be yet\n"};
      if (!liveness_.view(clock_.now()).established) {
        return obs::HttpAnswer{503, "the node's Lease was not seen yet\n"};
      }
      return obs::HttpAnswer{200, "ok\n"};
    });
    http_.handle("/metrics", [this] {
      return obs::HttpAnswer{200, metrics_.text(), "text/plain; version=0.0.4; charset=utf-8"};
    });
  }

  [[nodiscard]] bool shouldHandOver() const {
    if (options_.handoverOnStop) return true;
    const auto node = stores_.nodes.get({"", options_.nodeName});
    return node && (node->unschedulable || !node->ready);
  }

  const Options& options_;
  Machine& machine_;
  SystemClock clock_;
  obs::Registry metrics_;
  Stores stores_;
  kube::Store<model::Lease> leases_;
  kube::EventRecorder events_;
  ClaimReporter reporter_;
  Membership membership_;
  Liveness liveness_;
  Syncer syncer_;
  // Threads that call the syncer: each ends before it goes.
  Prober prober_;
  std::vector<std::unique_ptr<kube::Reflector>> reflectors_;
  obs::HttpServer http_;
  Machine::Monitors monitors_;
  std::jthread syncing_;
};

int runDaemon(const Options& options) {
  const sigset_t signals = stopSignals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  auto access = findApi(options);
  if (!access) return sayError(access.error());
  std::stop_source programs;
  auto machine = Machine::open(options, programs.get_token());
  if (!machine) return sayError(machine.error());
  const auto api = openApi(std::move(*access));
  if (auto opened = (*machine)->openFilters(); !opened) return sayError(opened.error());
  const auto announcer = (*machine)->openAnnouncer();
  if (!announcer) return sayError(announcer.error());
  const auto probing = (*machine)->openAnnouncer();
  if (!probing) return sayError(probing.error());

  Daemon daemon(options, **machine, *api, **announcer, **probing);
  if (auto started = daemon.start(); !started) return sayError(started.error());
  log::info("barevip-node runs", {{"version", BAREVIP_VERSION},
                                  {"node", options.nodeName},
                                  {"interface", (*machine)->bindInterface()}});
  int signal = 0;
  sigwait(&signals, &signal);
  // A second signal ends the process the short way, whatever hangs.
  pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
  daemon.stop(programs);
  return 0;
}

int runInit(const Options& options) {
  if (auto may = host::checkInitCapabilities(); !may) return sayError(may.error());
  const auto device = resolveInterface(options.bindInterface);
  if (!device) return sayError(device.error());
  host::SystemCommandRunner runner;
  const auto report = host::makeGround({options.placement, *device, options.namespacePath}, runner);
  if (!report) return sayError(report.error());
  for (const std::string& line : report->done) std::printf("%s\n", line.c_str());
  for (const std::string& line : report->notices) std::printf("notice: %s\n", line.c_str());
  for (const std::string& line : report->problems) {
    std::fprintf(stderr, "barevip-node: %s\n", line.c_str());
  }
  return 0;
}

int runDump(const Options& options) {
  auto access = findApi(options);
  if (!access) return sayError(access.error());
  auto machine = Machine::open(options, {});
  if (!machine) return sayError(machine.error());
  const auto api = openApi(std::move(*access));
  const auto cluster = listCluster(*api, {});
  if (!cluster) return sayError(cluster.error());
  const KernelSeams seams = (*machine)->seams();
  auto kernel = readKernel(seams);
  if (!kernel) return sayError(kernel.error());
  const auto addresses = seams.node.dumpAddresses();
  if (!addresses) return sayError(addresses.error());
  const Dump dump =
      makeDump(*cluster, std::move(*kernel), *addresses, desiredOptions(options, **machine));
  const std::string text = options.output == Options::Output::kJson ? toJson(dump) : toTable(dump);
  std::fputs(text.c_str(), stdout);
  return 0;
}

int runCleanup(const Options& options) {
  const sigset_t signals = stopSignals();
  // As process 1 of a container it would not be ended by them otherwise.
  if (options.stay) pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  const auto lines = cleanUp(options);
  if (!lines) return sayError(lines.error());
  for (const std::string& line : *lines) std::printf("%s\n", line.c_str());
  std::fflush(stdout);
  int signal = 0;
  if (options.stay) sigwait(&signals, &signal);
  return 0;
}

}  // namespace

int runCommand(const Options& options) {
  log::setLevel(options.logLevel);
  switch (options.command) {
    case Options::Command::kRun:
      return runDaemon(options);
    case Options::Command::kInit:
      return runInit(options);
    case Options::Command::kCleanup:
      return runCleanup(options);
    case Options::Command::kDump:
      return runDump(options);
  }
  return 1;
}

}  // namespace barevip::node
