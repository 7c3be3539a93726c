// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/daemon/app.h"

#include <pthread.h>
#include <unistd.h>

#include <algorithm>
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

#include "common/access/access_gate.h"
#include "common/kube/api_client.h"
#include "common/kube/config.h"
#include "common/kube/events.h"
#include "common/kube/metered_api.h"
#include "common/kube/reflector.h"
#include "common/kube/request_series.h"
#include "common/kube/transport.h"
#include "common/model/endpoint_slice_json.h"
#include "common/model/ip_object_json.h"
#include "common/model/node_json.h"
#include "common/model/pool_json.h"
#include "common/model/service_json.h"
#include "common/obs/http_server.h"
#include "common/obs/metrics.h"
#include "ipvsnode/announce/prober.h"
#include "ipvsnode/cluster/ip_index.h"
#include "ipvsnode/cluster/stores.h"
#include "ipvsnode/daemon/check_facts.h"
#include "ipvsnode/daemon/cleanup.h"
#include "ipvsnode/daemon/kernel_handles.h"
#include "ipvsnode/daemon/traffic_metrics.h"
#include "ipvsnode/host/capabilities.h"
#include "ipvsnode/host/host_setup.h"
#include "ipvsnode/host/namespace_view.h"
#include "ipvsnode/inspect/check.h"
#include "ipvsnode/inspect/dump.h"
#include "ipvsnode/membership/liveness.h"
#include "ipvsnode/membership/membership.h"
#include "ipvsnode/reconcile/ip_status_reporter.h"
#include "ipvsnode/reconcile/node_reconciler.h"

namespace barevip::node {
namespace {

using namespace std::chrono_literals;

constexpr auto kHandoverTime = 3s;
constexpr auto kHoldDeadline = 500ms;
// With the patience for a lack and a takeover: another node answers within 15 s of a setting that
// breaks forwarding.
constexpr auto kHostPeriod = 5s;
// Longer than the slowest program that a pass may run.
constexpr auto kStuckAfter = 3min;

int sayError(const Error& error) {
  std::fprintf(stderr, "barevip-node: %s\n", error.message.c_str());
  return 1;
}

DesiredOptions desiredOptions(const Options& options, const KernelHandles& handles) {
  DesiredOptions desired;
  desired.nodeName = options.nodeName;
  desired.placement = options.placement;
  desired.bindInterfaces = handles.bindInterfaces();
  desired.scheduler = options.scheduler;
  desired.timeouts = options.timeouts;
  desired.classes = options.classes;
  desired.trustEndpointsOf = options.trustEndpointsOf;
  desired.ipv6 = handles.hasIpv6();
  return desired;
}

NodeReconcilerOptions reconcilerOptions(const Options& options, const KernelHandles& handles) {
  NodeReconcilerOptions result{desiredOptions(options, handles), options.syncPeriod,
                               options.drainTimeout};
  // With the other placement programs run for it.
  if (options.placement == Placement::kDirector) {
    result.hostPeriod = std::min<std::chrono::milliseconds>(kHostPeriod, options.syncPeriod);
  } else {
    result.hostPeriod = options.syncPeriod;
  }
  return result;
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

obs::HttpServer::Settings httpSettings(const Options& options) {
  obs::HttpServer::Settings settings;
  settings.tls = options.metricsTls;
  return settings;
}

/// Everything that runs, in the order of its construction; it stops in the reverse order.
class Daemon {
 public:
  Daemon(const Options& options, KernelHandles& handles, kube::Api& api, net::Announcer& announcer,
         net::Announcer& probingAnnouncer, ipvs::Traffic& traffic)
      : options_(options),
        handles_(handles),
        api_(api, clock_, metrics_),
        events_(api_, clock_, {.controller = "barevip.dev/node", .instance = options.nodeName}),
        reporter_(api_, stores_, events_, clock_, options.nodeName),
        membership_(
            api_, clock_,
            {options.ns, options.nodeName, handles.bindInterfaces().front(), handles.hasIpv6(),
             [this] {
               const auto node = stores_.nodes.get({"", options_.nodeName});
               return node ? node->uid : std::string();
             }}),
        liveness_(options.nodeName),
        traffic_(
            traffic, [&handles] { return handles.countsTraffic(); }, clock_, metrics_),
        reconciler_(handles.writers(), announcer, stores_, liveness_, clock_, metrics_,
                    reconcilerOptions(options, handles), hooks()),
        prober_(probingAnnouncer, handles.bindInterfaces().front(),
                [this](const IpAddress& address, std::optional<std::string> mac) {
                  reconciler_.answered(address, std::move(mac));
                }),
        http_(httpSettings(options)) {
    obs::addProcessMetrics(metrics_);
    beginSeries();
    metrics_.alias("barevip_node_owned_vips", "barevip_node_announced_vips");
    metrics_.alias("barevip_node_passes_total", "barevip_node_reconciles_total");
    metrics_.alias("barevip_node_problems", "barevip_node_service_problems");
    metrics_.counterFrom("barevip_node_events_dropped_total", "Events that were not written.",
                         [this] { return static_cast<double>(events_.dropped()); });
    watchStores();
    addReflectors();
  }

  Result<void> start() {
    addHealth();
    const auto port = http_.start(options_.metricsAddress);
    if (!port) return tl::make_unexpected(port.error());
    auto monitors = handles_.watch([this] { reconciler_.networkChanged(); });
    if (!monitors) return tl::make_unexpected(std::move(monitors.error()));
    monitors_ = std::move(*monitors);
    events_.start();
    reporter_.start();
    prober_.start();
    traffic_.start();
    for (const auto& reflector : reflectors_) reflector->start();
    membership_.start();
    syncing_ = std::jthread([this](const std::stop_token& stop) { reconciler_.run(stop); });
    return {};
  }

  /// programs: those that a pass may wait for; it ends them.
  void stop(std::stop_source& programs) {
    if (shouldHandOver()) {
      log::info("stopping; other nodes take the VIPs over");
      membership_.setLeaving(LeaveReason::kHandover, true);
      const MonotonicTime end = clock_.now() + kHandoverTime;
      while (clock_.now() < end && reconciler_.announcedCount() > 0)
        std::this_thread::sleep_for(20ms);
      membership_.stop();
    } else {
      log::info("stopping; the kernel keeps forwarding");
      membership_.stop();
      if (const auto held = membership_.hold(kHoldDeadline); !held) {
        log::warn("cannot extend the node's Lease before the end; VIPs may move",
                  {{"reason", held.error().message}});
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
  void beginSeries() {
    using kube::Verb;
    kube::beginRequestSeries(metrics_, {{Verb::kWatch, kube::kServices},
                                        {Verb::kWatch, kube::kEndpointSlices},
                                        {Verb::kWatch, kube::kNodes},
                                        {Verb::kWatch, kube::kIps},
                                        {Verb::kWatch, kube::kPools},
                                        {Verb::kWatch, kube::kLeases},
                                        {Verb::kPatch, kube::kIps},
                                        {Verb::kCreate, kube::kLeases},
                                        {Verb::kPatch, kube::kLeases},
                                        {Verb::kCreate, kube::kEvents},
                                        {Verb::kPatch, kube::kEvents}});
  }

  NodeReconcilerHooks hooks() {
    NodeReconcilerHooks hooks;
    hooks.probe = [this](const Questions& questions) { prober_.ask(questions); };
    hooks.report = [this](const NodeReport& report) { reporter_.take(report); };
    hooks.carrier = [this](const std::set<std::string>& down) {
      down_ = down;
      publishInterfaces();
      const bool all = down.size() == handles_.bindInterfaces().size();
      membership_.setLeaving(LeaveReason::kNoCarrier, all);
    };
    hooks.host = [this]() -> HostFindings {
      auto report = handles_.verifyHost();
      if (!report) return {{std::move(report.error().message)}, {{Family::kIpv4, "host"}}};
      membership_.setLeaving(LeaveReason::kUnsafe, !report->safe);
      interfaces_ = std::move(report->interfaces);
      publishInterfaces();
      return {std::move(report->problems), std::move(report->broken), std::move(report->gateways),
              interfaces_};
    };
    hooks.serving = [this](std::vector<VipPort> vipPorts) { traffic_.serve(std::move(vipPorts)); };
    hooks.able = [this](const Eligibility& eligibility) {
      membership_.setEligibility(eligibility);
    };
    return hooks;
  }

  void publishInterfaces() {
    net::BindInterfaces now = interfaces_;
    for (net::BindInterface& one : now) one.running = !down_.contains(one.name);
    membership_.setInterfaces(now);
  }

  void watchStores() {
    const auto wake = [this](const auto&, const auto&) { reconciler_.wake(); };
    stores_.services.addHandler(wake);
    stores_.slices.addHandler(wake);
    stores_.nodes.addHandler(wake);
    stores_.ipObjects.addHandler(wake);
    stores_.pools.addHandler(wake);
    leases_.addHandler([this](const auto& before, const auto& after) {
      const bool changed = after ? liveness_.saw(*after, clock_.now()) : liveness_.gone(*before);
      if (changed) reconciler_.wake();
    });
  }

  void addReflectors() {
    const auto add = [&](const kube::Resource& resource, kube::Selection selection, auto& store,
                         auto decode, auto... wanted) {
      reflectors_.push_back(kube::makeReflector(api_, clock_, resource, std::move(selection), store,
                                                decode, std::move(wanted)...));
    };
    stores_.services.addHandler([this](const auto& before, const auto& after) {
      if (!after) serviceTexts_.release(before->key);
    });
    model::ServiceParts parts = model::kPartsOfNode;
    parts.forward = options_.forward;
    add(kube::kServices, {}, stores_.services, [this, parts](const nlohmann::json& object) {
      return model::decodeServiceParts(object, parts, serviceTexts_);
    });
    add(kube::kEndpointSlices, {}, stores_.slices, model::decodeEndpointSlice);
    add(kube::kNodes, {}, stores_.nodes, model::decodeNode);
    add(kube::kIps, {}, stores_.ipObjects, model::decodeIpObject,
        [this](const model::IpObject& ipObject) { return concerns(ipObject, options_.nodeName); });
    add(kube::kPools, {}, stores_.pools, model::decodePool);
    add(kube::kLeases, {options_.ns, kNodeLeaseLabel, ""}, leases_, model::decodeLease);
  }

  void addHealth() {
    http_.handle("/healthz", [this] {
      if (clock_.now() - reconciler_.lastPass() < options_.syncPeriod + kStuckAfter) {
        return obs::HttpAnswer{200, "ok\n"};
      }
      return obs::HttpAnswer{500, "the reconciler is stuck\n"};
    });
    http_.handle("/readyz", [this] {
      if (!stores_.synced()) {
        return obs::HttpAnswer{
            503, "caches are not synced: the first lists from the API server have not come in\n"};
      }
      if (!reconciler_.ready())
        return obs::HttpAnswer{503, "the kernel is not as it should be yet\n"};
      if (!liveness_.view(clock_.now()).established) {
        return obs::HttpAnswer{503, "the node's Lease was not seen yet\n"};
      }
      return obs::HttpAnswer{200, "ok\n"};
    });
    if (options_.metricsTls.enabled) {
      gate_ = std::make_unique<access::AccessGate>(api_, clock_, "/metrics");
    }
    http_.handle(
        "/metrics",
        [this] {
          return obs::HttpAnswer{200, metrics_.text(), "text/plain; version=0.0.4; charset=utf-8"};
        },
        gate_.get());
  }

  [[nodiscard]] bool shouldHandOver() const {
    if (options_.handoverOnStop) return true;
    const auto node = stores_.nodes.get({"", options_.nodeName});
    return node && (node->unschedulable || !node->ready);
  }

  const Options& options_;
  KernelHandles& handles_;
  SystemClock clock_;
  obs::Registry metrics_;
  kube::MeteredApi api_;
  Stores stores_;
  model::TextBudget serviceTexts_;
  kube::Store<model::Lease> leases_;
  kube::EventRecorder events_;
  IpStatusReporter reporter_;
  Membership membership_;
  Liveness liveness_;
  TrafficMetrics traffic_;
  // As last seen, on the reconciler's thread alone.
  net::BindInterfaces interfaces_;
  std::set<std::string> down_;
  NodeReconciler reconciler_;
  // Threads that call the reconciler: each ends before it goes.
  Prober prober_;
  std::vector<std::unique_ptr<kube::Reflector>> reflectors_;
  std::unique_ptr<access::AccessGate> gate_;  // null: /metrics is for all
  obs::HttpServer http_;
  KernelHandles::Monitors monitors_;
  std::jthread syncing_;
};

int runDaemon(const Options& options) {
  const sigset_t signals = stopSignals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  auto access = findApi(options);
  if (!access) return sayError(access.error());
  std::stop_source programs;
  auto handles = KernelHandles::open(options, programs.get_token());
  if (!handles) return sayError(handles.error());
  const auto api = openApi(std::move(*access));
  if (auto opened = (*handles)->openFilters(); !opened) return sayError(opened.error());
  const auto announcer = (*handles)->openAnnouncer();
  if (!announcer) return sayError(announcer.error());
  const auto probing = (*handles)->openAnnouncer();
  if (!probing) return sayError(probing.error());
  const auto traffic = (*handles)->openTraffic();
  if (!traffic) return sayError(traffic.error());

  Daemon daemon(options, **handles, *api, **announcer, **probing, **traffic);
  if (auto started = daemon.start(); !started) return sayError(started.error());
  log::info("barevip-node runs", {{"version", BAREVIP_VERSION},
                                  {"node", options.nodeName},
                                  {"interfaces", joined((*handles)->bindInterfaces())}});
  int signal = 0;
  sigwait(&signals, &signal);
  // A second signal ends the process the short way, whatever hangs.
  pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
  daemon.stop(programs);
  return 0;
}

int runInit(const Options& options) {
  if (auto may = host::checkInitCapabilities(); !may) return sayError(may.error());
  const auto devices = resolveInterfaces(options.bindInterfaces);
  if (!devices) return sayError(devices.error());
  for (const std::string& name : options.bindInterfaces) {
    if (name == kAutoInterface) continue;
    if (std::find(devices->begin(), devices->end(), name) == devices->end()) {
      std::printf("notice: this node has no interface %s of --bind-iface\n", name.c_str());
    }
  }
  SystemCommandRunner runner;
  const auto report = host::setUpHost({options.placement, *devices, options.namespacePath}, runner);
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
  auto handles = KernelHandles::open(options, {});
  if (!handles) return sayError(handles.error());
  const auto api = openApi(std::move(*access));
  const auto cluster = listCluster(*api, options.forward, {});
  if (!cluster) return sayError(cluster.error());
  const KernelWriters writers = (*handles)->writers();
  auto kernel = readKernel(writers);
  if (!kernel) return sayError(kernel.error());
  const auto addresses = writers.node.dumpAddresses();
  if (!addresses) return sayError(addresses.error());
  const auto view = host::viewNamespace();
  if (!view) return sayError(view.error());
  LocalFacts local;
  local.gateways = host::gatewaysOf(*view);
  local.interfaces = host::bindInterfacesOf(*view, (*handles)->bindInterfaces());
  const Dump dump = makeDump(*cluster, std::move(*kernel), *addresses, std::move(local),
                             desiredOptions(options, **handles));
  const std::string text = options.output == Options::Output::kJson ? toJson(dump) : toTable(dump);
  std::fputs(text.c_str(), stdout);
  return 0;
}

int runCleanup(const Options& options) {
  const auto lines = cleanUp(options);
  if (!lines) return sayError(lines.error());
  for (const std::string& line : *lines) std::printf("%s\n", line.c_str());
  return 0;
}

int runCheck(const Options& options) {
  const std::vector<Finding> findings = evaluate(gatherFacts(options, options.askApi));
  const bool json = options.output == Options::Output::kJson;
  // The output of several nodes may stand together.
  if (!json) std::printf("node %s\n", options.nodeName.c_str());
  std::fputs((json ? toJson(findings) : toTable(findings)).c_str(), stdout);
  return hasProblem(findings) ? 1 : 0;
}

int runStay() {
  const sigset_t signals = stopSignals();
  // As process 1 of a container it would not be ended by them otherwise.
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  int signal = 0;
  sigwait(&signals, &signal);
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
    case Options::Command::kCheck:
      return runCheck(options);
    case Options::Command::kStay:
      return runStay();
    case Options::Command::kDump:
      return runDump(options);
  }
  return 1;
}

}  // namespace barevip::node
