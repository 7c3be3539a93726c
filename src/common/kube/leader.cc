// SPDX-License-Identifier: Apache-2.0
#include "common/kube/leader.h"

#include <condition_variable>
#include <utility>

#include <nlohmann/json.hpp>

#include "barevip/base/log.h"

#include "common/base/rfc3339.h"
#include "common/model/node_json.h"

namespace barevip::kube {
namespace {

std::int64_t nanoseconds(MonotonicTime time) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count();
}

}  // namespace

LeaderElector::LeaderElector(Api& api, const Clock& clock, Options options,
                             std::function<void()> onStarted, std::function<void()> onStopped)
    : api_(api),
      clock_(clock),
      options_(std::move(options)),
      onStarted_(std::move(onStarted)),
      onStopped_(std::move(onStopped)) {}

void LeaderElector::start() {
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void LeaderElector::stop() {
  if (!thread_.joinable()) return;
  thread_.request_stop();
  thread_.join();
}

bool LeaderElector::leading() const { return nanoseconds(clock_.now()) < leadingUntil_.load(); }

std::string LeaderElector::holder() const {
  const std::lock_guard lock(mutex_);
  return observedHolder_;
}

void LeaderElector::observe(const std::string& record, const std::string& holder) {
  const std::lock_guard lock(mutex_);
  if (observedRecord_ == record) return;
  observedRecord_ = record;
  observedHolder_ = holder;
  observedAt_ = clock_.now();
}

Result<bool> LeaderElector::tryAcquireOrRenew(const std::stop_token& stop) {
  // The term counts from before the request: when it reached the server is not known.
  const MonotonicTime begun = clock_.now();
  const auto found = api_.get(kLeases, options_.lease, stop);
  if (!found && found.error().code != ErrorCode::kNotFound) {
    return tl::make_unexpected(found.error());
  }
  model::Lease lease;
  if (found) {
    auto decoded = model::decodeLease(*found);
    if (!decoded) return tl::make_unexpected(decoded.error());
    lease = std::move(*decoded);
    observe(lease.resourceVersion + "/" + lease.renewTime, lease.holder);
    const bool ours = lease.holder == options_.identity;
    MonotonicTime expires;
    {
      const std::lock_guard lock(mutex_);
      expires = observedAt_ + std::chrono::seconds(lease.durationSeconds);
    }
    if (!lease.holder.empty() && !ours && clock_.now() < expires) return false;
    if (!ours) {
      ++lease.transitions;
      lease.acquireTime = formatMicros(clock_.wallNow());
    }
  } else {
    lease.key = options_.lease;
    lease.acquireTime = formatMicros(clock_.wallNow());
  }
  lease.holder = options_.identity;
  lease.durationSeconds = static_cast<std::int32_t>(
      std::chrono::duration_cast<std::chrono::seconds>(options_.leaseDuration).count());
  lease.renewTime = formatMicros(clock_.wallNow());
  const auto written =
      found ? api_.replace(kLeases, options_.lease, model::encodeLease(lease), stop)
            : api_.create(kLeases, options_.lease.ns, model::encodeLease(lease), stop);
  if (!written) {
    // Another was quicker: the next try sees who.
    const ErrorCode code = written.error().code;
    if (code == ErrorCode::kConflict || code == ErrorCode::kAlreadyExists) return false;
    return tl::make_unexpected(written.error());
  }
  leadingUntil_ = nanoseconds(begun + options_.renewDeadline);
  const auto decoded = model::decodeLease(*written);
  if (decoded) observe(decoded->resourceVersion + "/" + decoded->renewTime, decoded->holder);
  return leading();
}

void LeaderElector::endTerm() {
  leadingUntil_ = 0;
  if (!std::exchange(inTerm_, false)) return;
  log::warn("this process does not lead any more", {{"lease", options_.lease.toString()}});
  onStopped_();
}

void LeaderElector::release() {
  // A fresh token: the thread's own is stopped by now. Best effort, short: without it the Lease
  // expires by itself.
  std::stop_source limit;
  const auto found = api_.get(kLeases, options_.lease, limit.get_token());
  if (!found) return;
  auto lease = model::decodeLease(*found);
  if (!lease || lease->holder != options_.identity) return;
  lease->holder.clear();
  lease->durationSeconds = 1;
  lease->renewTime = formatMicros(clock_.wallNow());
  (void)api_.replace(kLeases, options_.lease, model::encodeLease(*lease), limit.get_token());
}

void LeaderElector::run(const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any wake;
  std::string lastProblem;
  while (!stop.stop_requested()) {
    const auto held = tryAcquireOrRenew(stop);
    const std::string problem = held ? "" : held.error().message;
    if (!problem.empty() && problem != lastProblem && !stop.stop_requested()) {
      log::warn("cannot take or renew the lease",
                {{"lease", options_.lease.toString()}, {"error", problem}});
    }
    lastProblem = problem;
    if (held && !*held) {
      endTerm();
    } else if (held && *held && !std::exchange(inTerm_, true)) {
      log::info("this process leads now",
                {{"lease", options_.lease.toString()}, {"identity", options_.identity}});
      onStarted_();
    } else if (inTerm_ && !leading()) {
      endTerm();
    }
    std::unique_lock lock(mutex);
    const auto period = inTerm_ && !held ? options_.retryPeriod / 4 : options_.retryPeriod;
    clock_.waitUntil(lock, wake, stop, clock_.now() + period,
                     [this] { return inTerm_ && !leading(); });
  }
  const bool wasLeading = leading();
  endTerm();
  if (wasLeading) release();
}

}  // namespace barevip::kube
