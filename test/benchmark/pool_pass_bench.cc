// SPDX-License-Identifier: Apache-2.0
// What it costs to look at every Pool once, as happens after allocations, by the number of Pools.
#include <benchmark/benchmark.h>

#include <memory>
#include <string>

#include "common/model/pool_json.h"
#include "fakes/fake_api.h"
#include "fakes/fake_event_sink.h"
#include "fakes/manual_clock.h"
#include "operator/pool/pool_reconciler.h"
#include "unit/assigner/builders.h"

namespace barevip::controlplane {
namespace {

/// Each of many tenants has a Pool and ten Services with an address.
class Cluster {
 public:
  explicit Cluster(std::size_t tenants) {
    for (std::size_t i = 0; i < tenants; ++i) {
      const std::string ns = "tenant" + std::to_string(i);
      addPool(i, ns);
      for (int service = 0; service < 10; ++service) addService(ns, service);
    }
    (void)reconciler_.refresh();
    for (const auto& service : services_.all()) give(service->key);
    pass();  // writes their finalizers and statuses
    refill();
    pass();
    refill();
  }

  /// One more address is held, and every Pool is looked at.
  void change() {
    give({"tenant0", "another"});
    pass();
    allocator_.with([](assigner::Allocator& allocator) {
      allocator.releaseAll({"tenant0", "another"});
    });
  }

 private:
  void addPool(std::size_t i, const std::string& ns) {
    const std::string range =
        "10." + std::to_string(i / 256) + "." + std::to_string(i % 256) + ".0/24";
    api_.put(kube::kPools, {{"metadata", {{"name", ns}}},
                            {"spec", {{"addresses", {range}}, {"namespaces", {ns}}}}});
    store(ns);
    model::Namespace object;
    object.key = {"", ns};
    namespaces_.put(object);
  }
  void addService(const std::string& ns, int number) {
    model::Service service;
    service.key = {ns, "web" + std::to_string(number)};
    service.type = "LoadBalancer";
    const auto all = static_cast<Uint128>(services_.size());
    service.clusterIps = {IpAddress::fromNumber(Family::kIpv4, (Uint128{172} << 24U) + all)};
    services_.put(service);
    use_.update(nullptr, services_.get(service.key));
  }
  void give(const kube::ObjectKey& key) {
    assigner::Request request;
    request.service = key;
    request.requester = {key.ns, model::StringMap{}, model::StringMap{}};
    request.families = {Family::kIpv4};
    allocator_.with(
        [&](assigner::Allocator& allocator) { assigner::test::assign(allocator, request); });
  }
  void store(const std::string& name) {
    pools_.put(model::decodePool(*api_.object(kube::kPools, {"", name})).value());
  }
  void refill() {
    for (const auto& pool : pools_.all()) store(pool->key.name);
  }
  void pass() {
    for (const auto& pool : pools_.all()) (void)reconciler_.reconcile(pool->key, {});
  }

  kube::FakeApi api_;
  ManualClock clock_;
  kube::FakeEventSink events_;
  kube::Store<model::Pool> pools_;
  kube::Store<model::Service> services_;
  kube::Store<model::IpObject> ipObjects_;
  kube::Store<model::Namespace> namespaces_;
  assigner::ClusterUse use_;
  assigner::SharedAllocator allocator_{clock_};
  PoolReconciler reconciler_{api_,       clock_,
                             events_,    {pools_, services_, ipObjects_, namespaces_, use_},
                             allocator_, [](const auto&) {}};
};

void passOverPools(benchmark::State& state) {
  Cluster cluster(static_cast<std::size_t>(state.range(0)));
  for (auto unused : state) cluster.change();
}

BENCHMARK(passOverPools)->Arg(10)->Arg(100)->Arg(1'000)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace barevip::controlplane
