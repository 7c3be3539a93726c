// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "barevip/base/clock.h"
#include "barevip/kube/api.h"
#include "barevip/model/pool.h"

#include "common/access/access_gate.h"
#include "common/kube/events.h"
#include "common/kube/leader.h"
#include "common/kube/metered_api.h"
#include "common/kube/reflector.h"
#include "common/obs/http_server.h"
#include "common/obs/metrics.h"
#include "operator/options.h"
#include "operator/page/status_page.h"
#include "operator/session/fenced_api.h"
#include "operator/session/leader_session.h"

namespace barevip::controlplane {

/// The operator: reflectors that run all the time, so that a standby is warm, and a LeaderSession
/// while this process leads. Api and clock outlive it.
class App {
 public:
  /// When a leader that does not see enough gives the Lease to another process, which may see more.
  /// Doubled each time, until it sees again: the others may be no better off.
  struct Patience {
    std::chrono::milliseconds toBegin{60'000};   ///< until all that is held is restored
    std::chrono::milliseconds silence{180'000};  ///< of a watch; bookmarks come each minute
    std::chrono::milliseconds look{2'000};       ///< how often it is looked at
  };

  App(kube::Api& api, const Clock& clock, const Options& options,
      kube::LeaderElector::Options election)
      : App(api, clock, options, std::move(election), Patience{}) {}
  App(kube::Api& api, const Clock& clock, const Options& options,
      kube::LeaderElector::Options election, Patience patience);
  App(kube::Api& api, const Clock& clock, const Options& options);

  struct Ports {
    std::uint16_t metrics = 0;
    std::uint16_t status = 0;  ///< 0: there is no status page
  };
  /// Opens the health endpoint and, if it is wanted, the status page.
  Result<Ports> listen();

  /// Runs until stop; then stops the session, releases the Lease and returns.
  void run(const std::stop_token& stop);

  [[nodiscard]] bool leading() const;
  /// Leading, and everything that is known is worked on.
  [[nodiscard]] bool settled();
  [[nodiscard]] bool synced() const { return stores_.synced(); }
  /// What /healthz answers: a restart would not help.
  [[nodiscard]] obs::HttpAnswer live();
  /// What /readyz answers: this process sees the cluster.
  [[nodiscard]] obs::HttpAnswer ready() const;
  /// What /metrics answers.
  [[nodiscard]] obs::HttpAnswer metrics() const;

 private:
  void addReflectors(kube::Api& api);
  void startReflectors();
  void beginSeries();
  void addEndpoints();
  void addWaitingGauges();
  void addPoolGauge(std::string_view name, std::string_view help,
                    model::Pool::Counts model::Pool::Status::*counts);
  void lead(const std::stop_token& stop);
  /// Why this process should not lead; empty: it may.
  [[nodiscard]] std::string blindness(const LeaderSession& session, MonotonicTime since) const;
  /// The resource whose watch was silent for longer than that; empty: none was.
  [[nodiscard]] std::string silentFor(std::chrono::milliseconds time) const;
  [[nodiscard]] std::chrono::milliseconds silenceOf(const kube::Reflector& reflector) const;
  void setWanted(bool wanted);
  [[nodiscard]] std::shared_ptr<LeaderSession> session();
  void setSession(std::shared_ptr<LeaderSession> session);

  const Clock& clock_;
  const Options options_;
  const Patience patience_;
  const MonotonicTime startedAt_;
  obs::Registry metrics_;
  kube::MeteredApi metered_;
  kube::LeaderElector elector_;
  FencedApi api_;
  kube::EventRecorder events_;
  Stores stores_;
  std::unique_ptr<StatusPage> page_;  ///< null: it is not wanted
  std::vector<std::unique_ptr<kube::Reflector>> reflectors_;

  std::mutex mutex_;
  std::condition_variable_any wake_;
  bool wanted_ = false;          ///< a session should run
  std::uint64_t elections_ = 0;  ///< how often that changed
  std::shared_ptr<LeaderSession> session_;
  int doubled_ = 0;  ///< how often patience_ was of no use; of the thread that leads

  std::unique_ptr<access::AccessGate> gate_;  ///< null: /metrics is for all
  obs::HttpServer http_;                      ///< last: its handlers read all the rest
};

}  // namespace barevip::controlplane
