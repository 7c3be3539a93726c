// SPDX-License-Identifier: Apache-2.0
// What one allocation and its release cost, by the size of the Pool and by how much of it is held.
#include <benchmark/benchmark.h>

#include "assigner/allocation/allocator.h"
#include "unit/assigner/builders.h"

namespace barevip::assigner {
namespace {

using test::assign;

Request requestFor(const std::string& name, Family family) {
  Request request;
  request.service = {"default", name};
  request.requester = {"default", model::StringMap{}, model::StringMap{}};
  request.families = {family};
  return request;
}

// One Service comes and goes while `held` others have an address.
void comeAndGo(benchmark::State& state, const char* entry, std::int64_t held) {
  model::Pool pool;
  pool.key.name = "a";
  pool.addresses = {entry};
  pool.avoidBuggyIps = pool.avoidGatewayIps = true;
  Allocator allocator;
  allocator.setPools(planPools({pool}));
  const Family family = IpRange::parse(entry)->family();
  for (std::int64_t i = 0; i < held; ++i) {
    assign(allocator, requestFor("s" + std::to_string(i), family));
  }
  const Request request = requestFor("web", family);
  for (auto unused : state) {
    benchmark::DoNotOptimize(assign(allocator, request));
    benchmark::DoNotOptimize(allocator.releaseAll(request.service));
  }
  state.SetItemsProcessed(state.iterations());
}

void ofA24(benchmark::State& state) { comeAndGo(state, "10.0.0.0/24", state.range(0)); }
void ofA16(benchmark::State& state) { comeAndGo(state, "10.0.0.0/16", state.range(0)); }
void ofA8(benchmark::State& state) { comeAndGo(state, "10.0.0.0/8", state.range(0)); }
void ofAnIpv6Prefix(benchmark::State& state) { comeAndGo(state, "2001:db8::/64", state.range(0)); }

// The same while each of many tenants has a Pool and ten addresses.
void amongPools(benchmark::State& state) {
  std::vector<model::Pool> pools(static_cast<std::size_t>(state.range(0)));
  for (std::size_t i = 0; i < pools.size(); ++i) {
    pools[i].key.name = "pool" + std::to_string(i);
    pools[i].namespaces = {"tenant" + std::to_string(i)};
    pools[i].addresses = {"10." + std::to_string(i / 256) + "." + std::to_string(i % 256) +
                          ".0/24"};
    pools[i].reuseDelay = std::chrono::seconds(0);
  }
  Allocator allocator;
  allocator.setPools(planPools(pools));
  const auto request = [](std::size_t tenant, int service) {
    Request made = requestFor("s" + std::to_string(service), Family::kIpv4);
    made.service.ns = made.requester.ns = "tenant" + std::to_string(tenant);
    return made;
  };
  for (std::size_t i = 0; i < pools.size(); ++i) {
    for (int service = 0; service < 10; ++service) assign(allocator, request(i, service));
  }
  const Request last = request(pools.size() - 1, 10);
  for (auto unused : state) {
    benchmark::DoNotOptimize(assign(allocator, last));
    benchmark::DoNotOptimize(allocator.releaseAll(last.service));
  }
  state.SetItemsProcessed(state.iterations());
}

BENCHMARK(amongPools)->Arg(1)->Arg(10)->Arg(100)->Arg(1'000);
BENCHMARK(ofA24)->Arg(0)->Arg(250);
BENCHMARK(ofA16)->Arg(0)->Arg(10'000)->Arg(64'000);
BENCHMARK(ofA8)->Arg(0)->Arg(10'000)->Arg(64'000);
BENCHMARK(ofAnIpv6Prefix)->Arg(0)->Arg(10'000)->Arg(64'000);

}  // namespace
}  // namespace barevip::assigner
