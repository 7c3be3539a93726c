// SPDX-License-Identifier: Apache-2.0
#include "operator/app.h"

#include <utility>

#include "barevip/base/log.h"

#include "common/model/ip_claim_json.h"
#include "common/model/node_json.h"
#include "common/model/pool_json.h"
#include "operator/service_decoder.h"

namespace barevip::controlplane {
namespace {

kube::LeaderElector::Options electionOf(const Options& options) {
  kube::LeaderElector::Options election;
  election.lease = options.lease;
  election.identity = options.identity;
  return election;
}

}  // namespace

App::App(kube::Api& api, const Clock& clock, const Options& options)
    : App(api, clock, options, electionOf(options)) {}

App::App(kube::Api& api, const Clock& clock, const Options& options,
         kube::LeaderElector::Options election)
    : clock_(clock),
      options_(options),
      elector_(
          api, clock, std::move(election), [this] { setWanted(true); },
          [this] { setWanted(false); }),
      api_(
          api, [this] { return leading(); }, metrics_),
      recorder_(api_, clock, {.controller = "barevip.dev/operator", .instance = options.identity}),
      events_(recorder_) {
  obs::addProcessMetrics(metrics_);
  forwardChanges();
  addReflectors(api);
  addEndpoints();
}

Result<std::uint16_t> App::listen() { return http_.start(options_.metricsAddress); }

void App::run(const std::stop_token& stop) {
  recorder_.start();
  for (const auto& reflector : reflectors_) reflector->start();
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
  recorder_.stop();
}

// One term: until stop, or until the leadership is lost.
void App::lead(const std::stop_token& stop) {
  std::stop_source over;
  std::uint64_t election = 0;
  {
    const std::lock_guard lock(mutex_);
    election = elections_;
  }
  const auto lost = [&] { return !wanted_ || elections_ != election; };
  // begin() may block for long, so that somebody else must notice the end.
  std::jthread guard([&](const std::stop_token& done) {
    std::unique_lock lock(mutex_);
    wake_.wait(lock, done, lost);
    over.request_stop();
  });
  const std::stop_callback stopped(stop, [&over] { over.request_stop(); });
  const auto current =
      std::make_shared<Term>(api_, clock_, events_, stores_,
                             Term::Options{options_.workers,
                                           {options_.requireClass, options_.ipMode, options_.adopt},
                                           options_.compat});
  setTerm(current);
  if (current->begin(over.get_token())) {
    std::unique_lock lock(mutex_);
    std::condition_variable_any never;
    never.wait(lock, over.get_token(), [] { return false; });
  }
  setTerm(nullptr);
  current->end();
}

bool App::leading() const { return !options_.leaderElect || elector_.leading(); }

bool App::settled() {
  const auto current = term();
  return current && current->begun() && current->idle();
}

void App::setWanted(bool wanted) {
  const std::lock_guard lock(mutex_);
  wanted_ = wanted;
  ++elections_;
  wake_.notify_all();
}

std::shared_ptr<Term> App::term() {
  const std::lock_guard lock(mutex_);
  return term_;
}

void App::setTerm(std::shared_ptr<Term> term) {
  const std::lock_guard lock(mutex_);
  term_ = std::move(term);
}

void App::forwardChanges() {
  stores_.services.addHandler([this](const auto& before, const auto& after) {
    if (const auto current = term()) current->onService(before, after);
  });
  stores_.pools.addHandler([this](const auto& before, const auto& after) {
    if (const auto current = term()) current->onPool(before, after);
  });
  stores_.claims.addHandler([this](const auto& before, const auto& after) {
    if (const auto current = term()) current->onClaim(before, after);
  });
  stores_.namespaces.addHandler([this](const auto& before, const auto& after) {
    if (const auto current = term()) current->onNamespace(before, after);
  });
}

void App::addReflectors(kube::Api& api) {
  const auto add = [&](const kube::Resource& resource, auto& store, auto decode) {
    reflectors_.push_back(kube::makeReflector(api, clock_, resource, {}, store, decode));
  };
  add(kube::kNamespaces, stores_.namespaces, model::decodeNamespace);
  add(kube::kPools, stores_.pools, model::decodePool);
  add(kube::kServices, stores_.services, serviceDecoder(options_.compat));
  add(kube::kIps, stores_.claims, model::decodeIpClaim);
}

void App::addEndpoints() {
  metrics_.gaugeFrom("barevip_leading", "1 while this process leads.",
                     [this] { return leading() ? 1.0 : 0.0; });
  metrics_.gaugeFrom("barevip_services_waiting", "Services that wait for an address.", [this] {
    const auto current = term();
    return current ? static_cast<double>(current->waiting()) : 0.0;
  });
  metrics_.gaugeFrom("barevip_services_queued", "Services that wait for a worker.", [this] {
    const auto current = term();
    return current ? static_cast<double>(current->queued()) : 0.0;
  });
  metrics_.gaugeFrom("barevip_addresses_held", "Addresses that somebody holds.", [this] {
    const auto current = term();
    return current ? static_cast<double>(current->held()) : 0.0;
  });
  metrics_.counterFrom("barevip_events_dropped_total", "Events that were not written.",
                       [this] { return static_cast<double>(recorder_.dropped()); });
  http_.handle("/healthz", [] { return obs::HttpAnswer{200, "ok\n"}; });
  http_.handle("/readyz", [this] {
    if (stores_.synced()) return obs::HttpAnswer{200, "ok\n"};
    return obs::HttpAnswer{503, "the first lists from the API server have not come in yet\n"};
  });
  http_.handle("/metrics", [this] {
    return obs::HttpAnswer{200, metrics_.text(), "text/plain; version=0.0.4; charset=utf-8"};
  });
}

}  // namespace barevip::controlplane
