// SPDX-License-Identifier: Apache-2.0
#include "cli/watch.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <ostream>
#include <utility>

#include <nlohmann/json_fwd.hpp>

#include "cli/fetch/live_cluster.h"
#include "common/base/stop_at.h"
#include "common/model/node_json.h"

namespace barevip::cli {
namespace {

constexpr std::chrono::seconds kLookInterval{1};
constexpr std::chrono::seconds kDoubtInterval{10};
constexpr const char* kClearScreen = "\x1b[H\x1b[2J";

class Watch {
 public:
  Watch(const Draw& draw, kube::Api& api, const Clock& clock, const Terminal& terminal,
        const std::stop_token& stop)
      : draw_(draw), api_(api), clock_(clock), terminal_(terminal), stop_(stop) {}

  void run(const view::Cluster& first) {
    show(first);
    while (pauseFor(clock_, kLookInterval, stop_)) {
      follow();
      const auto cluster = live_ ? live_->look() : std::nullopt;
      if (cluster && isBelieved(*cluster)) show(*cluster);
    }
  }

 private:
  // Other flags are another way to read objects.
  void follow() {
    if (live_ && !live_->isOutdated()) return;
    auto reading = readOperator(api_, stop_);
    if (reading) live_ = std::make_unique<LiveCluster>(api_, clock_, *std::move(reading));
  }

  // Watches do not say that an API server is away. Then no daemon is seen to renew.
  bool isBelieved(const view::Cluster& cluster) {
    const bool doubtful =
        !cluster.daemons.empty() && std::all_of(cluster.daemons.begin(), cluster.daemons.end(),
                                                [](const auto& each) { return each.silent; });
    if (!doubtful) {
      asked_.reset();
    } else if (!asked_ || clock_.now() - *asked_ >= kDoubtInterval) {
      asked_ = clock_.now();
      answered_ = answers();
    }
    return !doubtful || answered_;
  }

  // By a list that is short: one Lease for each node.
  bool answers() {
    const auto listed = api_.list(
        kube::kLeases, {{}, model::kNodeLeaseLabel, {}}, [](const nlohmann::json&) {}, stop_);
    if (!listed && !stop_.stop_requested()) {
      terminal_.messages << "error: " << listed.error().message << "\n";
    }
    return listed.has_value();
  }

  void show(const view::Cluster& cluster) {
    Picture now = draw_(cluster);
    if (terminal_.screen) terminal_.out << kClearScreen;
    if (terminal_.screen || now.state != shown_) terminal_.out << now.text << std::flush;
    shown_ = std::move(now.state);
  }

  const Draw& draw_;
  kube::Api& api_;
  const Clock& clock_;
  const Terminal& terminal_;
  const std::stop_token& stop_;
  std::unique_ptr<LiveCluster> live_;
  std::optional<MonotonicTime> asked_;  ///< whether the API server is there, in this doubt
  bool answered_ = false;
  std::string shown_;  ///< the state
};

}  // namespace

void watchCluster(const view::Cluster& first, const Draw& draw, kube::Api& api, const Clock& clock,
                  const Terminal& terminal, const std::stop_token& stop) {
  Watch(draw, api, clock, terminal, stop).run(first);
}

}  // namespace barevip::cli
