// SPDX-License-Identifier: Apache-2.0
#include <pthread.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <ctime>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include "barevip/base/log.h"

#include "common/base/command_line.h"
#include "common/base/heap.h"
#include "common/base/http_get.h"
#include "common/kube/api_client.h"
#include "common/kube/config.h"
#include "common/kube/transport.h"
#include "common/obs/http_server.h"
#include "operator/app.h"
#include "operator/options.h"
#include "operator/selftest.h"
#include "operator/uninstall.h"

namespace barevip::controlplane {
namespace {

int sayError(const Error& error) {
  std::fprintf(stderr, "barevip-operator: %s\n", error.message.c_str());
  return 1;
}

sigset_t blockStopSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return signals;
}

Result<std::unique_ptr<kube::Api>> openApi(const Options& options) {
  kube::initialize();
  auto access = kube::loadConfig(kube::processConfigSource(options.kubeconfig));
  if (!access) return tl::make_unexpected(std::move(access.error()));
  access->userAgent = "barevip-operator";
  return std::make_unique<kube::ApiClient>(kube::makeTransport(std::move(*access)),
                                           kube::systemRandom(),
                                           options.leaseTimes.requestDeadline());
}

void sayLine(const std::string& line) {
  std::printf("%s\n", line.c_str());
  std::fflush(stdout);
}

int runOperator(const Options& options) {
  const sigset_t signals = blockStopSignals();
  const auto api = openApi(options);
  if (!api) return sayError(api.error());

  const SystemClock clock;
  App app(**api, clock, options);
  const auto ports = app.listen();
  if (!ports) return sayError(ports.error());
  log::info("barevip-operator runs",
            {{"identity", options.identity}, {"port", std::to_string(ports->metrics)}});
  if (ports->status != 0) {
    log::info("the status page is served", {{"port", std::to_string(ports->status)}});
  }
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

/// Runs a command that ends by itself; SIGTERM and SIGINT ask it to end earlier.
int runToItsEnd(const Options& options,
                const std::function<Result<void>(kube::Api&, const std::stop_token&)>& command) {
  const sigset_t signals = blockStopSignals();
  const auto api = openApi(options);
  if (!api) return sayError(api.error());
  std::stop_source stop;
  const std::jthread listening([&signals, stop](const std::stop_token& done) mutable {
    constexpr timespec kLook{0, 100'000'000};
    while (!done.stop_requested()) {
      if (sigtimedwait(&signals, nullptr, &kLook) > 0) stop.request_stop();
    }
  });
  const auto done = command(**api, stop.get_token());
  return done ? 0 : sayError(done.error());
}

int runUninstall(const Options& options) {
  const SystemClock clock;
  return runToItsEnd(options, [&](kube::Api& api, const std::stop_token& stop) {
    return uninstall(api, clock, options.uninstall, sayLine, stop);
  });
}

int runSelftest(const Options& options) {
  const SelftestOptions& test = options.selftest;
  obs::HttpServer backend;
  backend.handle("/", [&test] { return obs::HttpAnswer{200, test.pod + "\n"}; });
  if (const auto port = backend.start(":" + std::to_string(test.port)); !port) {
    return sayError({port.error().code,
                     "cannot listen on port " + std::to_string(test.port) + ": " +
                         std::generic_category().message(port.error().detail) +
                         ". Choose another by --port",
                     0,
                     {}});
  }
  const auto fetch = [](const IpAddress& address, std::uint16_t port, const std::stop_token& stop) {
    return httpGet(address, port, "/", std::chrono::seconds(3), stop);
  };
  const SystemClock clock;
  return runToItsEnd(options, [&](kube::Api& api, const std::stop_token& stop) {
    return selftest(api, clock, test, fetch, sayLine, stop);
  });
}

int runCommand(const Options& options) {
  log::setLevel(options.logLevel);
  switch (options.command) {
    case Options::Command::kRun:
      return runOperator(options);
    case Options::Command::kUninstall:
      return runUninstall(options);
    case Options::Command::kSelftest:
      return runSelftest(options);
  }
  return 1;
}

}  // namespace
}  // namespace barevip::controlplane

int main(int argc, char** argv) {
  return barevip::runMain("barevip-operator", [&] {
    barevip::shareOneHeap();
    const auto options = barevip::controlplane::parseOptions(argc, argv);
    return options ? barevip::controlplane::runCommand(*options) : barevip::sayEnd(options.error());
  });
}
