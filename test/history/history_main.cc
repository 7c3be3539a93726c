// SPDX-License-Identifier: Apache-2.0
// Plays random histories on a real API server, beside processes of barevip-operator that it kills,
// and checks what is promised after each event.
#include <cstdio>
#include <iostream>
#include <random>
#include <string>

#include <CLI/CLI.hpp>

#include "barevip/base/log.h"

#include "common/kube/api_client.h"
#include "common/kube/config.h"
#include "common/kube/transport.h"
#include "history/generate.h"
#include "history/live.h"

namespace barevip::history {
namespace {

struct Options {
  Operators::Options operators;
  std::uint64_t seed = 0;
  std::size_t events = 60;
};

int sayError(const Error& error) {
  std::cerr << "barevip_history: " << error.message << "\n";
  return 1;
}

int run(const Options& options) {
  kube::initialize();
  log::setLevel(log::Level::kError);
  auto access = kube::loadConfig(kube::processConfigSource(options.operators.kubeconfig));
  if (!access) return sayError(access.error());
  kube::ApiClient api(kube::makeTransport(std::move(*access)));
  Operators operators(options.operators);
  Live live(api, operators);

  std::cout << "seed " << options.seed << std::endl;
  const auto begun = live.begin();
  if (!begun) return sayError(begun.error());
  rc::Random random(options.seed);
  const auto judge = [](const Result<std::vector<std::string>>& broken) {
    if (!broken) return sayError(broken.error());
    for (const std::string& sentence : *broken) std::cout << "BROKEN: " << sentence << "\n";
    return broken->empty() ? 0 : 1;
  };
  for (std::size_t number = 1; number <= options.events; ++number) {
    const Event event = anyEvent()(random.split()).value();
    std::cout << number << " " << event << std::endl;
    if (const int status = judge(live.happen(event)); status != 0) return status;
  }
  if (const int status = judge(live.finish()); status != 0) return status;
  const auto cleared = live.clear();
  if (!cleared) return sayError(cleared.error());
  std::cout << "all promises were kept" << std::endl;
  return 0;
}

}  // namespace
}  // namespace barevip::history

int main(int argc, char** argv) {
  barevip::history::Options options;
  options.seed = std::random_device{}();
  options.operators.log = "barevip_history.log";
  CLI::App app{"barevip_history: random histories of a cluster against a reference model"};
  app.add_option("--kubeconfig", options.operators.kubeconfig,
                 "of an API server that has our custom resources and nothing to lose")
      ->required();
  app.add_option("--operator", options.operators.program, "path of barevip-operator")->required();
  app.add_option("--operator-log", options.operators.log, "file for what it logs")
      ->capture_default_str();
  app.add_option("--replicas", options.operators.replicas, "processes; two or more elect a leader")
      ->check(CLI::Range(1, 3))
      ->capture_default_str();
  app.add_option("--seed", options.seed, "plays the history of this number again");
  app.add_option("--events", options.events, "length of the history")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  try {
    return barevip::history::run(options);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "barevip_history: %s\n", error.what());
    return 1;
  }
}
