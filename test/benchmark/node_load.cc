// SPDX-License-Identifier: Apache-2.0
// The API objects of `test/bench dataplane`: makes them, changes them, and on a node takes the time
// from a change to the node's kernel.
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <functional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "barevip/base/clock.h"
#include "barevip/base/log.h"

#include "benchmark/guarded_main.h"
#include "benchmark/ipvs_counts.h"
#include "benchmark/parallel.h"
#include "benchmark/vip_objects.h"
#include "common/kube/api_client.h"
#include "common/kube/config.h"

namespace barevip::bench {
namespace {

using std::chrono::steady_clock;

constexpr std::size_t kConnections = 8;

struct Options {
  std::string kubeconfig;
  std::string node;
  std::size_t from = 0;
  std::size_t services = 0;
  std::size_t endpoints = 1;
  std::size_t rounds = 1;
  std::size_t rate = 50;
  std::size_t seconds = 20;
  std::string ipvs;  // path of the namespace whose IPVS is watched
  long limit = 60;
};

Result<void> fill(kube::Api& api, const Options& options) {
  const WallTime now = SystemClock().wallNow();
  return forAll(options.services - std::min(options.from, options.services), kConnections,
                [&](std::size_t i) -> Result<void> {
                  const std::size_t number = options.from + i;
                  auto made = createUnserved(api, number, options.endpoints, options.node, now);
                  return made ? showAddress(api, number, now) : made;
                });
}

/// Other endpoints for Services that are there.
Result<void> scale(kube::Api& api, const Options& options) {
  return forAll(options.services, kConnections, [&](std::size_t number) {
    return patchEndpoints(api, serviceName(number), endpointsOf(number, options.endpoints));
  });
}

Result<void> fillClusterServices(kube::Api& api, const Options& options) {
  return forAll(options.services, kConnections,
                [&](std::size_t number) { return createClusterService(api, number); });
}

/// Pods of ClusterIP Services that move, one after the other, evenly over the time.
Result<void> churn(kube::Api& api, const Options& options) {
  const auto start = steady_clock::now();
  return forAll(options.rate * options.seconds, kConnections, [&](std::size_t i) {
    std::this_thread::sleep_until(start + std::chrono::milliseconds(i * 1000 / options.rate));
    const std::size_t number = i % options.services;
    const IpAddress pod = sparePod(i);
    return patchEndpoints(api, clusterServiceName(number), endpointsOf(number, 1, &pod));
  });
}

/// Milliseconds from the API server's answer to `change` until `there` is true of the kernel, which
/// another thread looks at all the time: an event may be faster than the answer.
Result<double> timeOf(const Options& options, const std::function<Result<void>()>& change,
                      const std::function<bool()>& there) {
  const auto end = steady_clock::now() + std::chrono::seconds(options.limit);
  steady_clock::time_point seen;
  std::jthread watcher([&](const std::stop_token& stop) {
    while (!stop.stop_requested() && steady_clock::now() < end) {
      if (there()) {
        seen = steady_clock::now();
        return;
      }
      std::this_thread::sleep_for(std::chrono::microseconds(500));
    }
  });
  const auto done = change();
  const auto answered = steady_clock::now();
  if (!done) return tl::make_unexpected(done.error());
  watcher.join();
  if (seen == steady_clock::time_point{}) {
    return fail(ErrorCode::kTimeout,
                "a change of the API objects does not reach the kernel within " +
                    std::to_string(options.limit) + " s");
  }
  return std::max(0.0, std::chrono::duration<double, std::milli>(seen - answered).count());
}

bool contains(const std::vector<IpAddress>& addresses, const IpAddress& one) {
  return std::find(addresses.begin(), addresses.end(), one) != addresses.end();
}

/// Prints milliseconds of each round: of one endpoint that changes, then of one Service that comes.
Result<void> change(kube::Api& api, const Options& options) {
  const auto kernel = IpvsCounts::open(options.ipvs);
  if (!kernel) return tl::make_unexpected(kernel.error());
  nlohmann::json printed = {{"endpoint", nlohmann::json::array()},
                            {"service", nlohmann::json::array()}};
  for (std::size_t round = 0; round < options.rounds; ++round) {
    const std::size_t number = round * options.services / options.rounds;
    const IpAddress pod = sparePod(round);
    const auto took = timeOf(
        options,
        [&] {
          return patchEndpoints(api, serviceName(number),
                                endpointsOf(number, options.endpoints, &pod));
        },
        [&] {
          // The one before it may drain beside it.
          return contains(kernel->realServersOf(vipOf(number), kPort, options.endpoints + 8), pod);
        });
    if (!took) return tl::make_unexpected(took.error());
    printed["endpoint"].push_back(*took);
  }
  for (std::size_t round = 0; round < options.rounds; ++round) {
    const std::size_t number = kMostServices + round;
    const WallTime now = SystemClock().wallNow();
    if (auto made = createUnserved(api, number, options.endpoints, options.node, now); !made) {
      return made;
    }
    const auto took = timeOf(
        options, [&] { return showAddress(api, number, now); },
        [&] {
          return kernel->realServersOf(vipOf(number), kPort, options.endpoints).size() ==
                 options.endpoints;
        });
    if (!took) return tl::make_unexpected(took.error());
    printed["service"].push_back(*took);
    if (auto gone = removeAll(api, number); !gone) return gone;
  }
  std::printf("%s\n", printed.dump().c_str());
  return {};
}

Result<void> run(const Options& options, const std::string& command) {
  auto access = kube::loadConfig(kube::processConfigSource(options.kubeconfig));
  if (!access) return tl::make_unexpected(access.error());
  kube::ApiClient api(kube::makeTransport(std::move(*access)));
  if (command == "fill") return fill(api, options);
  if (command == "scale") return scale(api, options);
  if (command == "fill-cluster-ip") return fillClusterServices(api, options);
  if (command == "churn") return churn(api, options);
  return change(api, options);
}

int parseAndRun(int argc, char** argv) {
  Options options;
  CLI::App app{"node_load: what test/bench dataplane does to an API server"};
  app.add_option("--kubeconfig", options.kubeconfig, "kubeconfig file")->required();
  app.require_subcommand(1);
  const auto add = [&](const char* name, const char* text) {
    auto* const command = app.add_subcommand(name, text);
    command->add_option("--services", options.services, "how many")
        ->required()
        ->check(CLI::Range(std::size_t{1}, kMostServices));
    return command;
  };
  const auto withEndpoints = [&](CLI::App* command) {
    command->add_option("--endpoints", options.endpoints, "of each Service")
        ->check(CLI::Range(std::size_t{1}, kMostEndpoints));
    return command;
  };
  auto* const filling = withEndpoints(add("fill", "create Services with addresses and endpoints"));
  filling->add_option("--from", options.from, "so many are there already");
  filling->add_option("--node", options.node, "that announces them")->required();
  withEndpoints(add("scale", "give Services that are there other endpoints"));
  add("fill-cluster-ip", "create Services of type ClusterIP with an endpoint each");
  auto* const churning = add("churn", "move their pods");
  churning->add_option("--rate", options.rate, "moves a second")->check(CLI::Range(1, 1000));
  churning->add_option("--seconds", options.seconds, "how long");
  auto* const changing =
      withEndpoints(add("change", "take the time of single changes, on the node"));
  changing->add_option("--node", options.node, "that announces Services that come")->required();
  changing->add_option("--rounds", options.rounds, "of each kind")
      ->check(CLI::Range(std::size_t{1}, kMostLate));
  changing->add_option("--ipvs", options.ipvs, "network namespace of IPVS, a path");
  changing->add_option("--limit", options.limit, "seconds for each");
  CLI11_PARSE(app, argc, argv);
  log::setLevel(log::Level::kError);
  kube::initialize();
  const auto done = run(options, app.get_subcommands().front()->get_name());
  if (done) return 0;
  std::fprintf(stderr, "node_load: %s\n", done.error().message.c_str());
  return 1;
}

}  // namespace
}  // namespace barevip::bench

int main(int argc, char** argv) {
  return barevip::bench::guardedMain("node_load", barevip::bench::parseAndRun, argc, argv);
}
