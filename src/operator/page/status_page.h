// SPDX-License-Identifier: Apache-2.0
// The status page: a listener of its own, and a thread that feeds it while a page is open.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>
#include <thread>

#include "barevip/base/clock.h"
#include "barevip/base/result.h"
#include "barevip/kube/api.h"

#include "assigner/service/service_plan.h"
#include "common/obs/event_stream.h"
#include "common/obs/http_server.h"
#include "operator/page/move_history.h"
#include "operator/page/page_state.h"
#include "operator/session/stores.h"

namespace barevip::controlplane {

class PageWatch;

/// Serves the page at / and its state at /events, to everybody who reaches the address, on a leader
/// as on a standby.
///
/// While no page is open it costs a record of moves. While one is, it watches EndpointSlices
/// and the Leases of the node daemons beside what the operator watches anyway, computes the state
/// at most once each kInterval, and sends it if it changed. It reads the stores, never the
/// allocator, and what clients are sent is a text that was made before.
class StatusPage {
 public:
  static constexpr std::chrono::milliseconds kInterval{1'000};
  /// How long the watches go on when nobody reads any more: a page that is loaded again, or that
  /// lost its connection, finds them.
  static constexpr std::chrono::seconds kLinger{30};
  /// After this it shows what it has, and says what it lacks.
  static constexpr std::chrono::seconds kPatience{3};
  static constexpr std::size_t kMostReaders = 16;

  struct Options {
    std::string address;   ///< see obs::HttpServer::start()
    std::string identity;  ///< of this process
    std::string ns;        ///< of the node daemons' Leases
    assigner::ServiceRules rules;
    std::string dashboardUrl{};  ///< see PageState
  };

  /// Before the first write to the stores. References must outlive this; leadership is called by
  /// its thread.
  StatusPage(kube::Api& api, const Clock& clock, Stores& stores, Options options,
             std::function<Leadership()> leadership);

  /// Returns the port.
  Result<std::uint16_t> listen();

 private:
  void feed(const std::stop_token& stop);
  void serveReaders(PageWatch& watch, const std::stop_token& stop);
  [[nodiscard]] PageState look(PageWatch& watch) const;

  kube::Api& api_;
  const Clock& clock_;
  Stores& stores_;
  const Options options_;
  const std::function<Leadership()> leadership_;
  MoveHistory history_;
  obs::EventStream events_;
  obs::HttpServer http_;
  std::jthread thread_;  ///< last: it uses all the rest
};

}  // namespace barevip::controlplane
