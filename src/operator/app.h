// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <stop_token>
#include <vector>

#include "barevip/base/clock.h"
#include "barevip/kube/api.h"

#include "common/kube/events.h"
#include "common/kube/leader.h"
#include "common/kube/reflector.h"
#include "common/obs/http_server.h"
#include "common/obs/metrics.h"
#include "operator/event_relay.h"
#include "operator/guarded_api.h"
#include "operator/options.h"
#include "operator/term.h"

namespace barevip::controlplane {

/// The operator: reflectors that run all the time, so that a standby is warm, and a Term while this
/// process leads. Api and clock outlive it.
class App {
 public:
  App(kube::Api& api, const Clock& clock, const Options& options,
      kube::LeaderElector::Options election);
  App(kube::Api& api, const Clock& clock, const Options& options);

  /// Opens the health endpoint; returns its port.
  Result<std::uint16_t> listen();

  /// Runs until stop; then ends the term, gives the Lease back and returns.
  void run(const std::stop_token& stop);

  [[nodiscard]] bool leading() const;
  /// Leading, and everything that is known is worked on.
  [[nodiscard]] bool settled();
  [[nodiscard]] bool synced() const { return stores_.synced(); }

 private:
  void forwardChanges();
  void addReflectors(kube::Api& api);
  void addEndpoints();
  void lead(const std::stop_token& stop);
  void setWanted(bool wanted);
  [[nodiscard]] std::shared_ptr<Term> term();
  void setTerm(std::shared_ptr<Term> term);

  const Clock& clock_;
  const Options options_;
  obs::Registry metrics_;
  kube::LeaderElector elector_;
  GuardedApi api_;
  kube::EventRecorder recorder_;
  EventRelay events_;
  Stores stores_;
  std::vector<std::unique_ptr<kube::Reflector>> reflectors_;

  std::mutex mutex_;
  std::condition_variable_any wake_;
  bool wanted_ = false;          ///< a term should run
  std::uint64_t elections_ = 0;  ///< how often that changed
  std::shared_ptr<Term> term_;

  obs::HttpServer http_;  ///< last: its handlers read all the rest
};

}  // namespace barevip::controlplane
