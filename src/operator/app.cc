// SPDX-License-Identifier: Apache-2.0
#include "operator/app.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <utility>

#include "barevip/base/log.h"

#include "common/base/stop_at.h"
#include "common/kube/request_series.h"
#include "common/model/node_json.h"
#include "common/model/pool_json.h"
#include "common/model/service_cidr_json.h"
#include "operator/session/forward_changes.h"
#include "operator/session/ip_object_sink.h"
#include "operator/session/service_decoder.h"

namespace barevip::controlplane {
namespace {

constexpr int kMostDoubled = 4;
// What a step of the elector takes besides: a credential plugin that is slow, a busy machine.
constexpr std::chrono::seconds kElectorSlack{110};

// The longest time between two steps of an elector that is well: a renewal that is refused, a look
// at the Lease and a write, and the pause after them.
std::chrono::milliseconds mostBetweenSteps(const kube::LeaseTimes& times) {
  constexpr int kMostRequests = 3;
  const std::chrono::duration<double, std::milli> pause =
      times.retryPeriod * kube::LeaseTimes::kMostJitter;
  return kMostRequests * times.requestDeadline() +
         std::chrono::ceil<std::chrono::milliseconds>(pause) + kElectorSlack;
}

ServiceReading readingOf(const Options& options) { return {options.compat, options.forward}; }

obs::HttpServer::Settings httpSettings(const Options& options) {
  obs::HttpServer::Settings settings;
  settings.tls = options.metricsTls;
  return settings;
}

kube::LeaderElector::Options electionOf(const Options& options) {
  kube::LeaderElector::Options election;
  election.lease = options.lease;
  election.identity = options.identity;
  election.times = options.leaseTimes;
  return election;
}

}  // namespace

App::App(kube::Api& api, const Clock& clock, const Options& options)
    : App(api, clock, options, electionOf(options)) {}

App::App(kube::Api& api, const Clock& clock, const Options& options,
         kube::LeaderElector::Options election, Patience patience)
    : clock_(clock),
      options_(options),
      patience_(patience),
      startedAt_(clock.now()),
      metered_(api, clock, metrics_),
      elector_(
          metered_, clock, std::move(election), [this] { setWanted(true); },
          [this] { setWanted(false); }),
      api_(metered_, [this] { return leading(); }),
      events_(api_, clock, {.controller = "barevip.dev/operator", .instance = options.identity}),
      http_(httpSettings(options)) {
  obs::addProcessMetrics(metrics_);
  beginSeries();
  forwardChanges(stores_, [this] { return session(); });
  if (!options_.statusAddress.empty()) {
    page_ = std::make_unique<StatusPage>(
        metered_, clock_, stores_,
        StatusPage::Options{options_.statusAddress,
                            options_.identity,
                            options_.podNamespace,
                            {options_.classes, options_.adopt},
                            options_.dashboardUrl},
        [this] {
          return Leadership{options_.leaderElect, leading(),
                            options_.leaderElect ? elector_.holder() : options_.identity};
        });
  }
  addReflectors(metered_);
  addEndpoints();
}

Result<App::Ports> App::listen() {
  Ports ports;
  const auto metrics = http_.start(options_.metricsAddress);
  if (!metrics) return tl::make_unexpected(metrics.error());
  ports.metrics = *metrics;
  if (!page_) return ports;
  const auto status = page_->listen();
  if (!status) return tl::make_unexpected(status.error());
  ports.status = *status;
  return ports;
}

void App::run(const std::stop_token& stop) {
  events_.start();
  startReflectors();
  if (options_.leaderElect) {
    elector_.start();
  } else {
    setWanted(true);
  }
  while (!stop.stop_requested()) {
    {
      std::unique_lock lock(mutex_);
      if (!wake_.wait(lock, stop, [this] { return wanted_; })) break;
    }
    lead(stop);
  }
  elector_.stop();
  for (const auto& reflector : reflectors_) reflector->stop();
  events_.stop();
}

void App::startReflectors() {
  // Which Services exist decides how many IP objects are kept.
  const auto servicesFirst = [this](const std::stop_token& stop) {
    while (!stores_.services.synced() && pauseFor(clock_, std::chrono::milliseconds(10), stop)) {
    }
  };
  for (const auto& reflector : reflectors_) {
    if (reflector->resource() == kube::kIps) {
      reflector->start(servicesFirst);
    } else {
      reflector->start();
    }
  }
}

// One session: until stop, or until the leadership is lost.
void App::lead(const std::stop_token& stop) {
  std::stop_source over;
  std::uint64_t election = 0;
  {
    const std::lock_guard lock(mutex_);
    election = elections_;
  }
  const auto lost = [&] { return !wanted_ || elections_ != election; };
  const std::stop_callback stopped(stop, [&over] { over.request_stop(); });
  const auto current = std::make_shared<LeaderSession>(
      api_, clock_, events_, stores_,
      LeaderSession::Options{
          options_.workers, {options_.classes, options_.adopt}, readingOf(options_), &metrics_});
  // start() may block for long, so that another thread must notice the end.
  std::jthread guard([&](const std::stop_token& done) {
    const MonotonicTime since = clock_.now();
    std::unique_lock lock(mutex_);
    bool resigned = false;
    while (!clock_.waitUntil(lock, wake_, done, clock_.now() + patience_.look, lost) &&
           !done.stop_requested()) {
      const std::string why = resigned ? "" : blindness(*current, since);
      if (why.empty()) continue;
      resigned = true;
      doubled_ = std::min(doubled_ + 1, kMostDoubled);
      log::warn("giving up the Lease: this process does not see enough to lead", {{"error", why}});
      elector_.resign();
    }
    over.request_stop();
  });
  setSession(current);
  if (current->start(over.get_token())) {
    std::unique_lock lock(mutex_);
    std::condition_variable_any never;
    never.wait(lock, over.get_token(), [] { return false; });
  }
  setSession(nullptr);
  current->stop();
}

std::string App::blindness(const LeaderSession& session, MonotonicTime since) const {
  if (!options_.leaderElect) return {};
  const int factor = 1 << doubled_;
  if (!session.started() && clock_.now() - since > patience_.toBegin * factor) {
    return "existing allocations could not be restored in time";
  }
  const std::string resource = silentFor(patience_.silence * factor);
  return resource.empty() ? "" : "the watch of " + resource + " is silent";
}

std::string App::silentFor(std::chrono::milliseconds time) const {
  for (const auto& reflector : reflectors_) {
    if (silenceOf(*reflector) > time) return std::string(reflector->resource().plural);
  }
  return {};
}

std::chrono::milliseconds App::silenceOf(const kube::Reflector& reflector) const {
  const MonotonicTime heard = std::max(reflector.lastContact(), startedAt_);
  return std::chrono::duration_cast<std::chrono::milliseconds>(clock_.now() - heard);
}

// Restarting helps against what hangs in this process, and not against a server that is away.
obs::HttpAnswer App::live() {
  if (options_.leaderElect && elector_.lastStep() != MonotonicTime{} &&
      clock_.now() - elector_.lastStep() > mostBetweenSteps(options_.leaseTimes)) {
    return {503, "the renewal of the Lease hangs\n"};
  }
  if (const auto current = session())
    (void)current->allocated();  // no answer if that lock is never free
  return {200, "ok\n"};
}

obs::HttpAnswer App::ready() const {
  if (!stores_.synced()) {
    return {503, "caches are not synced: the first lists from the API server have not come in\n"};
  }
  const std::string resource = silentFor(patience_.silence);
  if (resource.empty()) return {200, "ok\n"};
  return {503, "the watch of " + resource + " is silent: see the log for its last error\n"};
}

obs::HttpAnswer App::metrics() const {
  return {200, metrics_.text(), "text/plain; version=0.0.4; charset=utf-8"};
}

bool App::leading() const { return !options_.leaderElect || elector_.leading(); }

bool App::settled() {
  const auto current = session();
  return current && current->started() && current->idle();
}

void App::setWanted(bool wanted) {
  const std::lock_guard lock(mutex_);
  wanted_ = wanted;
  ++elections_;
  wake_.notify_all();
}

std::shared_ptr<LeaderSession> App::session() {
  const std::lock_guard lock(mutex_);
  return session_;
}

void App::setSession(std::shared_ptr<LeaderSession> session) {
  const std::lock_guard lock(mutex_);
  session_ = std::move(session);
}

void App::addReflectors(kube::Api& api) {
  const auto add = [&](const kube::Resource& resource, auto& store, auto decode) {
    reflectors_.push_back(kube::makeReflector(api, clock_, resource, {}, store, decode));
  };
  add(kube::kNamespaces, stores_.namespaces, model::decodeNamespace);
  add(kube::kNodes, stores_.nodes, model::decodeNode);
  add(kube::kPools, stores_.pools, model::decodePool);
  add(kube::kServices, stores_.services, serviceDecoder(readingOf(options_), stores_.serviceTexts));
  reflectors_.push_back(kube::makeOptionalReflector(
      api, clock_, kube::kServiceCidrs, {}, stores_.serviceCidrs, model::decodeServiceCidr));
  auto ipObjects = std::make_unique<IpObjectSink>(
      stores_.ipObjects, stores_.ipObjects,
      [this](const kube::ObjectKey& key) { return stores_.services.get(key) != nullptr; });
  // run() has stopped the reflector of Services before the sink goes.
  stores_.services.addHandler([&sink = *ipObjects](const auto& before, const auto& after) {
    if (!before || !after) sink.serviceChanged((after ? after : before)->key);
  });
  reflectors_.push_back(std::make_unique<kube::Reflector>(api, clock_, kube::kIps,
                                                          kube::Selection{}, std::move(ipObjects)));
}

// As the Pools' statuses say it. The leader writes them, and it alone tells them, so that the sum
// over all processes is right.
void App::addPoolGauge(std::string_view name, std::string_view help,
                       model::Pool::Counts model::Pool::Status::*counts) {
  metrics_.gaugesFrom(name, help, [this, counts] {
    std::vector<obs::Sample> samples;
    if (!leading()) return samples;
    for (const auto& pool : stores_.pools.all()) {
      const model::Pool::Counts& of = pool->status.*counts;
      for (const auto& [family, text] :
           {std::pair("IPv4", &of.ipv4), std::pair("IPv6", &of.ipv6)}) {
        if (text->empty()) continue;
        samples.push_back(
            {{{"pool", pool->key.name}, {"family", family}}, std::strtod(text->c_str(), nullptr)});
      }
    }
    return samples;
  });
}

void App::addWaitingGauges() {
  using assigner::RefusalReason;
  using assigner::WaitingList;
  using Kind = assigner::Consumer::Kind;
  const auto add = [this](std::string_view name, std::string_view help, auto count,
                          obs::Labels labels = {}) {
    metrics_.gaugeFrom(
        name, help,
        [this, count] {
          const auto current = session();
          return current ? static_cast<double>(count(current->waiting())) : 0.0;
        },
        std::move(labels));
  };
  const auto addByReason = [&](std::string_view name, std::string_view help, Kind kind) {
    for (const RefusalReason reason : assigner::kRefusalReasons) {
      // Nothing can come that it waits for.
      if (reason == RefusalReason::kBadRequest) continue;
      add(name, help,
          [kind, reason](const WaitingList& list) { return list.waiting(kind, reason); },
          {{"reason", std::string(assigner::nameOf(reason))}});
    }
  };
  addByReason("barevip_services_waiting",
              "Services without an address that wait for one, by reason.", Kind::kService);
  addByReason("barevip_reservations_waiting",
              "IP objects of people without an address that wait for one, by reason.",
              Kind::kReservation);
  add("barevip_services_refused",
      "Services whose request is wrong, or that keep an address and are refused another one.",
      [](const WaitingList& list) {
        return list.services(WaitingList::Standing::kKeeps) +
               list.waiting(Kind::kService, RefusalReason::kBadRequest);
      });
  add("barevip_services_incomplete",
      "Services that are served and would like an address of one more family.",
      [](const WaitingList& list) { return list.services(WaitingList::Standing::kIncomplete); });
  add("barevip_services_foreign",
      "Services with an address that barevip did not allocate and cannot adopt yet.",
      [](const WaitingList& list) { return list.services(WaitingList::Standing::kForeign); });
}

void App::beginSeries() {
  using kube::Verb;
  kube::beginRequestSeries(metrics_, {{Verb::kWatch, kube::kServices},
                                      {Verb::kWatch, kube::kNodes},
                                      {Verb::kWatch, kube::kNamespaces},
                                      {Verb::kWatch, kube::kPools},
                                      {Verb::kWatch, kube::kIps},
                                      {Verb::kWatch, kube::kServiceCidrs},
                                      {Verb::kPatch, kube::kServices},
                                      {Verb::kPatch, kube::kPools},
                                      {Verb::kPatch, kube::kIps},
                                      {Verb::kCreate, kube::kIps},
                                      {Verb::kRemove, kube::kIps},
                                      {Verb::kCreate, kube::kEvents},
                                      {Verb::kPatch, kube::kEvents},
                                      {Verb::kGet, kube::kLeases},
                                      {Verb::kReplace, kube::kLeases}});
}

void App::addEndpoints() {
  metrics_.gaugeFrom("barevip_leader", "1 while this process leads.",
                     [this] { return leading() ? 1.0 : 0.0; });
  metrics_.alias("barevip_leading", "barevip_leader");
  addWaitingGauges();
  metrics_.gaugeFrom("barevip_services_queued", "Services that wait for a worker.", [this] {
    const auto current = session();
    return current ? static_cast<double>(current->queued()) : 0.0;
  });
  metrics_.gaugeFrom("barevip_addresses_held", "Addresses that are allocated.", [this] {
    const auto current = session();
    return current ? static_cast<double>(current->allocated()) : 0.0;
  });
  addPoolGauge("barevip_pool_capacity_addresses", "Addresses that a Pool offers, by family.",
               &model::Pool::Status::capacity);
  addPoolGauge("barevip_pool_allocated_addresses", "Addresses of a Pool that are allocated.",
               &model::Pool::Status::allocated);
  addPoolGauge("barevip_pool_available_addresses", "Addresses of a Pool that can be allocated now.",
               &model::Pool::Status::available);
  metrics_.counterFrom("barevip_events_dropped_total", "Events that were not written.",
                       [this] { return static_cast<double>(events_.dropped()); });
  for (const auto& reflector : reflectors_) {
    metrics_.gaugeFrom("barevip_watch_last_contact_seconds",
                       "Time since the API server last answered this watch; a minute is usual.",
                       [this, &watch = *reflector] {
                         return std::chrono::duration<double>(silenceOf(watch)).count();
                       },
                       {{"resource", std::string(reflector->resource().plural)}});
  }
  http_.handle("/healthz", [this] { return live(); });
  http_.handle("/readyz", [this] { return ready(); });
  if (options_.metricsTls.enabled) {
    gate_ = std::make_unique<access::AccessGate>(metered_, clock_, "/metrics");
  }
  http_.handle(
      "/metrics", [this] { return metrics(); }, gate_.get());
}

}  // namespace barevip::controlplane
