// SPDX-License-Identifier: Apache-2.0
// What a pass of the node's reconciler costs by the number of Services, without the kernel and its
// packet filter: after a pod of one of them came or went, after one more Service, and without news.
#include <benchmark/benchmark.h>

#include <string>
#include <utility>

#include "barevip/base/log.h"

#include "unit/ipvsnode/one_node.h"

namespace barevip::node::test {
namespace {

class Cluster {
 public:
  explicit Cluster(std::size_t services) {
    log::setLevel(log::Level::kError);
    world_.sync();
    for (std::size_t i = 0; i < services; ++i) add(i);
    daemon_.reconcileOnce();
    daemon_.reconcileOnce();
    forget();
  }

  void add(std::size_t i) {
    const std::string vip = addressOf(i);
    model::Service one = service(nameOf(i), {vip});
    one.selects = true;
    world_.stores.services.put(one);
    world_.stores.slices.put(podsOf(i, false));
    world_.stores.ipObjects.put(ipObject(nameOf(i), vip, "n1"));
  }
  void remove(std::size_t i) {
    world_.stores.services.erase({"default", nameOf(i)});
    world_.stores.slices.erase({"default", nameOf(i) + "-4"});
    world_.stores.ipObjects.erase({"default", nameOf(i) + "-" + addressOf(i)});
  }
  void changePod(std::size_t i) { world_.stores.slices.put(podsOf(i, more_ = !more_)); }

  void reconcileOnce() {
    daemon_.reconciler->wake();
    daemon_.reconciler->reconcileOnce();
  }
  void settle() {
    daemon_.reconcileOnce();
    forget();
  }

 private:
  static std::string nameOf(std::size_t i) { return "web" + std::to_string(i); }
  static std::string addressOf(std::size_t i) {
    return "10." + std::to_string(64 + i / 62'500) + "." + std::to_string(i / 250 % 250) + "." +
           std::to_string(1 + i % 250);
  }
  static model::EndpointSlice podsOf(std::size_t i, bool more) {
    model::EndpointSlice pods = slice(nameOf(i), {{"10.1.0.1", "n1"}, {"10.1.0.2", "n2"}});
    pods.byController = true;
    if (more) pods.endpoints.push_back({{ip("10.1.0.3")}, "n2", true, true, false});
    return pods;
  }
  // The fakes remember what was written.
  void forget() { (void)world_.takeWrites(); }

  World world_;
  Daemon daemon_{world_};
  bool more_ = false;
};

void podComesOrGoes(benchmark::State& state) {
  const auto services = static_cast<std::size_t>(state.range(0));
  Cluster cluster(services);
  std::size_t next = 0;
  for (auto unused : state) {
    state.PauseTiming();
    cluster.settle();
    cluster.changePod(next++ % services);
    state.ResumeTiming();
    cluster.reconcileOnce();
  }
}

void serviceComes(benchmark::State& state) {
  const auto services = static_cast<std::size_t>(state.range(0));
  Cluster cluster(services);
  for (auto unused : state) {
    state.PauseTiming();
    cluster.remove(services);
    cluster.settle();
    cluster.add(services);
    state.ResumeTiming();
    cluster.reconcileOnce();
  }
}

void noNews(benchmark::State& state) {
  Cluster cluster(static_cast<std::size_t>(state.range(0)));
  for (auto unused : state) cluster.reconcileOnce();
}

BENCHMARK(podComesOrGoes)->Arg(10)->Arg(1000)->Arg(10'000)->Unit(benchmark::kMillisecond);
BENCHMARK(serviceComes)->Arg(10)->Arg(1000)->Arg(10'000)->Unit(benchmark::kMillisecond);
BENCHMARK(noNews)->Arg(10)->Arg(1000)->Arg(10'000)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace barevip::node::test
