// SPDX-License-Identifier: Apache-2.0
// The load of test/bench on a real API server: makes pending Services, takes the time until all of
// them show an address, and writes addresses blindly, as fast as the server takes them.
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdio>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "barevip/base/clock.h"
#include "barevip/base/ip.h"
#include "barevip/base/log.h"
#include "barevip/kube/store.h"
#include "barevip/model/service.h"

#include "assigner/service/api_writes.h"
#include "benchmark/guarded_main.h"
#include "benchmark/parallel.h"
#include "common/kube/api_client.h"
#include "common/kube/config.h"
#include "common/kube/reflector.h"
#include "common/model/service_json.h"

namespace barevip::bench {
namespace {

using nlohmann::json;
using std::chrono::steady_clock;

constexpr const char* kNamespace = "bench";
constexpr Uint128 kFirstAddress = 0x0ac80000U;  // 10.200.0.0, of the Pools of test/bench

std::string nameOf(std::size_t number) { return "s" + std::to_string(number); }

/// What is measured is the allocation of VIPs, so that node ports stay out: there are too few.
json pendingService(std::size_t number) {
  return {{"apiVersion", "v1"},
          {"kind", "Service"},
          {"metadata", {{"name", nameOf(number)}, {"namespace", kNamespace}}},
          {"spec",
           {{"type", "LoadBalancer"},
            {"allocateLoadBalancerNodePorts", false},
            {"selector", {{"app", "none"}}},
            {"ports", json::array({{{"port", 80}, {"protocol", "TCP"}}})}}}};
}

double since(steady_clock::time_point start) {
  return std::chrono::duration<double>(steady_clock::now() - start).count();
}

Result<void> create(kube::Api& api, std::size_t count, std::size_t connections) {
  return forAll(count, connections, [&](std::size_t number) -> Result<void> {
    const auto made = api.create(kube::kServices, kNamespace, pendingService(number), {});
    if (!made) return tl::make_unexpected(made.error());
    return {};
  });
}

model::IpObject recordOf(const model::Service& service, const std::string& address) {
  model::IpObject ipObject;
  ipObject.key = {service.key.ns, service.key.name + "-" + address};
  ipObject.serviceOwner = model::OwnerReference{"v1", "Service", service.key.name, service.uid};
  ipObject.spec = {"bench", address, "IPv4"};
  return ipObject;
}

/// The bare limit: the status patches of the operator, and nothing else; with records, its IP
/// objects before them. Returns seconds.
Result<double> patch(kube::Api& api, std::size_t connections, bool records) {
  std::vector<model::Service> services;
  const auto listed = api.list(kube::kServices, {kNamespace, {}, {}},
                               [&](const json& object) {
                                 auto service = model::decodeService(object);
                                 if (service && service->isLoadBalancer())
                                   services.push_back(std::move(*service));
                               },
                               {});
  if (!listed) return tl::make_unexpected(listed.error());
  const WallTime now = SystemClock().wallNow();
  const auto start = steady_clock::now();
  const auto done = forAll(services.size(), connections, [&](std::size_t number) -> Result<void> {
    const std::string address =
        IpAddress::fromNumber(Family::kIpv4, kFirstAddress + number).toString();
    if (records) {
      const auto made = assigner::createIpObject(api, recordOf(services[number], address), {});
      if (!made) return tl::make_unexpected(made.error());
    }
    return assigner::patchServiceStatus(
        api, services[number], {{address, "", "Proxy"}},
        {{"barevip.dev/AddressAssigned", "True", "Assigned", address + " assigned"}}, now, {});
  });
  if (!done) return tl::make_unexpected(done.error());
  return since(start);
}

/// Counts Services that show an address.
class Addressed {
 public:
  explicit Addressed(kube::Store<model::Service>& services) {
    services.addHandler([this](const auto& before, const auto& after) {
      const std::lock_guard lock(mutex_);
      if (after && !after->ingress.empty()) {
        names_.insert(after->key.name);
      } else {
        names_.erase((after ? after : before)->key.name);
      }
      wake_.notify_all();
    });
  }

  /// False if it takes longer than that.
  bool waitFor(std::size_t count, std::chrono::seconds limit) {
    std::unique_lock lock(mutex_);
    return wake_.wait_for(lock, limit, [&] { return names_.size() >= count; });
  }

  [[nodiscard]] std::size_t count() {
    const std::lock_guard lock(mutex_);
    return names_.size();
  }

 private:
  std::mutex mutex_;
  std::condition_variable wake_;
  std::set<std::string> names_;
};

/// A Pool of whatever kind, and the resource that it is created as.
struct Pool {
  json object;
  std::string group;
  std::string version;
  std::string plural;
};

Result<Pool> readPool(const std::string& text, std::string plural) {
  Pool pool{json::parse(text, nullptr, false), {}, {}, std::move(plural)};
  const bool object = pool.object.is_object() && pool.object.contains("metadata");
  const std::string version = object ? pool.object.value("apiVersion", "") : "";
  const std::size_t slash = version.find('/');
  if (slash == std::string::npos) {
    return fail(ErrorCode::kInvalid, "--pool must be a JSON object with apiVersion and metadata");
  }
  pool.group = version.substr(0, slash);
  pool.version = version.substr(slash + 1);
  return pool;
}

/// Creates the Pool and returns the seconds from then on until `count` Services show an address.
Result<double> measure(kube::Api& api, const Pool& pool, std::size_t count,
                       std::chrono::seconds limit) {
  const SystemClock clock;
  kube::Store<model::Service> services;
  Addressed addressed(services);
  const auto reflector = kube::makeReflector(api, clock, kube::kServices, {kNamespace, {}, {}},
                                             services, model::decodeService);
  reflector->start();
  while (!services.synced()) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  const std::string ns = pool.object["metadata"].value("namespace", "");
  const kube::Resource resource{pool.group, pool.version, pool.plural, "", !ns.empty()};
  const auto start = steady_clock::now();
  const auto created = api.create(resource, ns, pool.object, {});
  if (!created) return tl::make_unexpected(created.error());
  const bool all = addressed.waitFor(count, limit);
  const double seconds = since(start);
  reflector->stop();
  if (all) return seconds;
  return fail(ErrorCode::kTimeout, "only " + std::to_string(addressed.count()) + " of " +
                                       std::to_string(count) + " Services have an address after " +
                                       std::to_string(limit.count()) + " s");
}

struct Options {
  std::string kubeconfig;
  std::size_t count = 0;
  std::size_t connections = 8;
  bool records = false;
  std::string pool;
  std::string plural;
  long limit = 0;
};

int finish(const Result<double>& seconds) {
  if (!seconds) {
    std::fprintf(stderr, "service_load: %s\n", seconds.error().message.c_str());
    return 1;
  }
  std::printf("%.4f\n", *seconds);
  return 0;
}

Result<double> run(const Options& options, const CLI::App& app) {
  auto access = kube::loadConfig(kube::processConfigSource(options.kubeconfig));
  if (!access) return tl::make_unexpected(access.error());
  kube::ApiClient api(kube::makeTransport(std::move(*access)));
  if (app.got_subcommand("patch")) return patch(api, options.connections, options.records);
  if (app.got_subcommand("measure")) {
    const auto pool = readPool(options.pool, options.plural);
    if (!pool) return tl::make_unexpected(pool.error());
    return measure(api, *pool, options.count, std::chrono::seconds(options.limit));
  }
  const auto start = steady_clock::now();
  const auto created = create(api, options.count, options.connections);
  if (!created) return tl::make_unexpected(created.error());
  return since(start);
}

int parseAndRun(int argc, char** argv) {
  Options options;
  CLI::App app{"service_load: what test/bench does to an API server; prints seconds"};
  app.add_option("--kubeconfig", options.kubeconfig, "kubeconfig file")->required();
  app.require_subcommand(1);
  auto* const creating = app.add_subcommand("create", "create pending Services");
  creating->add_option("--services", options.count, "how many")->required();
  creating->add_option("--connections", options.connections, "at a time")->capture_default_str();
  auto* const patching = app.add_subcommand("patch", "write an address into each Service");
  patching->add_option("--connections", options.connections, "at a time")->capture_default_str();
  patching->add_flag("--records", options.records, "create an IP object before");
  auto* const measuring = app.add_subcommand("measure", "create a Pool, wait for the addresses");
  measuring->add_option("--services", options.count, "how many")->required();
  measuring->add_option("--pool", options.pool, "the Pool as JSON")->required();
  measuring->add_option("--plural", options.plural, "the Pool's resource, as pools")->required();
  measuring->add_option("--limit", options.limit, "seconds after which to give up")->required();
  CLI11_PARSE(app, argc, argv);
  log::setLevel(log::Level::kError);
  kube::initialize();
  return finish(run(options, app));
}

}  // namespace
}  // namespace barevip::bench

int main(int argc, char** argv) {
  return barevip::bench::guardedMain("service_load", barevip::bench::parseAndRun, argc, argv);
}
