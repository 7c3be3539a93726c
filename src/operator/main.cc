// SPDX-License-Identifier: Apache-2.0
#include <pthread.h>

#include <csignal>
#include <cstdio>
#include <memory>
#include <thread>
#include <utility>

#include "barevip/base/log.h"

#include "common/base/command_line.h"
#include "common/kube/api_client.h"
#include "common/kube/config.h"
#include "common/kube/transport.h"
#include "operator/app.h"
#include "operator/options.h"

namespace barevip::controlplane {
namespace {

int sayError(const Error& error) {
  std::fprintf(stderr, "barevip-operator: %s\n", error.message.c_str());
  return 1;
}

int runOperator(const Options& options) {
  log::setLevel(options.logLevel);
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  kube::initialize();
  auto access = kube::loadConfig(kube::processConfigSource(options.kubeconfig));
  if (!access) return sayError(access.error());
  access->userAgent = "barevip-operator";
  kube::ApiClient api(kube::makeTransport(std::move(*access)));

  const SystemClock clock;
  App app(api, clock, options);
  const auto port = app.listen();
  if (!port) return sayError(port.error());
  log::info("barevip-operator runs",
            {{"identity", options.identity}, {"port", std::to_string(*port)}});
  std::jthread running([&app](const std::stop_token& stop) { app.run(stop); });
  int signal = 0;
  sigwait(&signals, &signal);
  // A second signal ends the process the short way, whatever hangs.
  pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
  log::info("stopping");
  running.request_stop();
  running.join();
  return 0;
}

}  // namespace
}  // namespace barevip::controlplane

int main(int argc, char** argv) {
  return barevip::runMain("barevip-operator", [&] {
    const auto options = barevip::controlplane::parseOptions(argc, argv);
    return options ? barevip::controlplane::runOperator(*options)
                   : barevip::sayEnd(options.error());
  });
}
