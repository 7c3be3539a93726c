// SPDX-License-Identifier: Apache-2.0
#include "common/kube/leader.h"

#include <utility>

#include <nlohmann/json.hpp>

#include "barevip/base/log.h"

#include "common/base/rfc3339.h"
#include "common/model/node_json.h"

namespace barevip::kube {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kReleaseBudget{1'000};
constexpr std::int32_t kGivenUpSeconds = 1;                   // as client-go writes it
constexpr double kRetryJitter = LeaseTimes::kMostJitter - 1;  // candidates must not ask in step

milliseconds durationOf(const model::Lease& lease, milliseconds fallback) {
  if (lease.durationSeconds <= 0) return fallback;
  return std::chrono::seconds(lease.durationSeconds);
}

}  // namespace

LeaderElector::LeaderElector(Api& api, const Clock& clock, Options options, Callback onStarted,
                             Callback onStopped, Random random)
    : api_(api),
      clock_(clock),
      options_(std::move(options)),
      onStarted_(std::move(onStarted)),
      onStopped_(std::move(onStopped)),
      random_(std::move(random)) {}

LeaderElector::~LeaderElector() { stop(); }

void LeaderElector::start() {
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void LeaderElector::stop() {
  if (!thread_.joinable()) return;
  thread_.request_stop();
  thread_.join();
}

bool LeaderElector::leading() const {
  return held_.load() && clock_.now() < renewed_.load() + options_.times.renewDeadline;
}

std::string LeaderElector::holder() const {
  const std::lock_guard lock(mutex_);
  return holder_;
}

void LeaderElector::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    step(stop);
    const auto period = std::chrono::duration<double, std::milli>(options_.times.retryPeriod);
    MonotonicTime next = clock_.now() + std::chrono::duration_cast<std::chrono::nanoseconds>(
                                            period * (1.0 + kRetryJitter * random_()));
    // Not to be late with onStopped.
    if (started_) next = std::min(next, renewed_.load() + options_.times.renewDeadline);
    std::unique_lock lock(mutex_);
    clock_.waitUntil(lock, wake_, stop, next, [this] { return resign_.load(); });
  }
  const bool release = leading();
  held_ = false;
  if (std::exchange(started_, false)) onStopped_();
  if (release) this->release();
}

void LeaderElector::resign() {
  resign_ = true;
  const std::lock_guard lock(mutex_);
  wake_.notify_all();
}

void LeaderElector::standBack() {
  backAt_ = clock_.now() + options_.times.leaseDuration;
  const bool release = leading();
  held_ = false;
  if (std::exchange(started_, false)) onStopped_();
  if (release) this->release();
}

void LeaderElector::step(const std::stop_token& stop) {
  lastStep_ = clock_.now();
  if (resign_.exchange(false)) standBack();
  if (clock_.now() < backAt_) return;
  if (started_ && !leading()) {
    held_ = false;
    started_ = false;
    log::warn("lost the leadership", {{"lease", options_.lease.toString()}});
    onStopped_();
  }
  const MonotonicTime before = clock_.now();
  const bool ours = acquireOrRenew(stop);
  if (ours) {
    renewed_ = before;
    held_ = true;
    lastComplaint_.clear();
  } else if (observed_.holder != options_.identity) {
    held_ = false;
  }
  if (!started_ && leading()) {
    started_ = true;
    log::info("leading", {{"lease", options_.lease.toString()}, {"identity", options_.identity}});
    onStarted_();
  } else if (started_ && !leading()) {
    started_ = false;
    log::warn("lost the leadership",
              {{"lease", options_.lease.toString()}, {"holder", observed_.holder}});
    onStopped_();
  }
}

// True: the lease was written with our name by this call.
bool LeaderElector::acquireOrRenew(const std::stop_token& stop) {
  // While nobody else wrote, the version that we know is the newest: no need to read first.
  const bool sure = held_.load() && observed_.holder == options_.identity;
  if (sure) {
    const auto renewed = write(mine(), stop);
    if (renewed) return true;
    const bool outdated = renewed.error().code == ErrorCode::kConflict ||
                          renewed.error().code == ErrorCode::kNotFound;
    if (!outdated) return false;
  }
  const auto take = mayTake(stop);
  if (!take) {
    if (take.error().code == ErrorCode::kNotFound) return mayCreate() && create(stop);
    complain("The lease cannot be read", take.error());
    return false;
  }
  return *take && write(mine(), stop).has_value();
}

// Reads the lease. True if it is ours, free or expired.
Result<bool> LeaderElector::mayTake(const std::stop_token& stop) {
  auto object = api_.get(kLeases, options_.lease, stop);
  if (!object) return tl::make_unexpected(std::move(object.error()));
  auto lease = model::decodeLease(*object);
  if (!lease) return tl::make_unexpected(std::move(lease.error()));
  if (observed_.key.name.empty() || observed_.resourceVersion != lease->resourceVersion) {
    observe(*lease);
  }
  missingSince_.reset();
  // Without a holder it was given up, or cleared by somebody: then only its holder may go on.
  const bool free =
      observed_.holder.empty() && (observed_.durationSeconds == kGivenUpSeconds || leading());
  if (free || observed_.holder == options_.identity) return true;
  return clock_.now() >= observedTime_ + durationOf(observed_, options_.times.leaseDuration);
}

// The Lease is not there.
bool LeaderElector::mayCreate() {
  if (observed_.key.name.empty() || leading()) return true;
  const MonotonicTime now = clock_.now();
  if (!missingSince_) {
    missingSince_ = now;
    log::warn("the Lease was deleted; its holder may go on for a while, so this process waits",
              {{"lease", options_.lease.toString()}, {"holder", observed_.holder}});
  }
  return now >= *missingSince_ + durationOf(observed_, options_.times.leaseDuration);
}

bool LeaderElector::create(const std::stop_token& stop) {
  observed_ = {};
  auto made = api_.create(kLeases, options_.lease.ns, model::encodeLease(mine()), stop);
  if (!made) {
    // Somebody else was quicker, or our own first try did arrive: the next look tells.
    if (made.error().code != ErrorCode::kAlreadyExists) {
      complain("The lease cannot be created", made.error());
    }
    return false;
  }
  if (auto lease = model::decodeLease(*made)) observe(*lease);
  return true;
}

Result<void> LeaderElector::write(const model::Lease& lease, const std::stop_token& stop) {
  auto written = api_.replace(kLeases, options_.lease, model::encodeLease(lease), stop);
  if (!written) {
    const ErrorCode code = written.error().code;
    if (code != ErrorCode::kConflict && code != ErrorCode::kNotFound) {
      complain("The lease cannot be renewed", written.error());
    }
    return tl::make_unexpected(std::move(written.error()));
  }
  if (auto decoded = model::decodeLease(*written)) observe(*decoded);
  return {};
}

model::Lease LeaderElector::mine() const {
  const std::string now = formatMicros(clock_.wallNow());
  model::Lease lease = observed_;
  lease.key = options_.lease;
  lease.durationSeconds = static_cast<std::int32_t>(
      std::chrono::ceil<std::chrono::seconds>(options_.times.leaseDuration).count());
  lease.renewTime = now;
  if (lease.holder != options_.identity) {
    if (!observed_.key.name.empty()) ++lease.transitions;
    lease.holder = options_.identity;
    lease.acquireTime = now;
  }
  return lease;
}

void LeaderElector::observe(const model::Lease& lease) {
  const bool other = !lease.holder.empty() && lease.holder != options_.identity;
  if (other && observed_.holder != lease.holder) {
    log::info("another process leads",
              {{"lease", options_.lease.toString()}, {"holder", lease.holder}});
  }
  observed_ = lease;
  observedTime_ = clock_.now();
  const std::lock_guard lock(mutex_);
  holder_ = lease.holder;
}

void LeaderElector::release() {
  model::Lease lease = observed_;
  const std::string now = formatMicros(clock_.wallNow());
  lease.holder.clear();
  lease.durationSeconds = kGivenUpSeconds;
  lease.renewTime = now;
  lease.acquireTime = now;
  // The caller's stop is set already; this one ends a call that the server leaves unanswered.
  std::stop_source late;
  std::mutex mutex;
  std::condition_variable_any wake;
  const std::jthread timer([&](const std::stop_token& finished) {
    std::unique_lock lock(mutex);
    const auto never = [] { return false; };
    wake.wait_for(lock, finished, kReleaseBudget, never);
    if (!finished.stop_requested()) late.request_stop();
  });
  if (write(lease, late.get_token())) {
    log::info("released the Lease", {{"lease", options_.lease.toString()}});
  }
}

void LeaderElector::complain(const char* what, const Error& error) {
  if (error.code == ErrorCode::kStopped || error.message == lastComplaint_) return;
  lastComplaint_ = error.message;
  log::warn(what, {{"lease", options_.lease.toString()}, {"reason", error.message}});
}

}  // namespace barevip::kube
