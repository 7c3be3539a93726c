// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/membership/membership.h"

#include <utility>

#include "barevip/base/log.h"

#include "common/base/rfc3339.h"
#include "ipvsnode/membership/lease_writes.h"
#include "ipvsnode/membership/liveness.h"

namespace barevip::node {
namespace {

// About ten seconds: the first lists come in within one.
constexpr int kTriesWithoutNode = 20;

std::string joined(const std::set<IpAddress>& vips) {
  std::string text;
  for (const IpAddress& vip : vips) text += (text.empty() ? "" : ",") + vip.toString();
  return text;
}

}  // namespace

Membership::Membership(kube::Api& api, const Clock& clock, MembershipOptions options)
    : api_(api), clock_(clock), options_(std::move(options)) {}

Membership::~Membership() { stop(); }

void Membership::start() {
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void Membership::stop() {
  if (!thread_.joinable()) return;
  thread_.request_stop();
  thread_.join();
}

void Membership::setLeaving(LeaveReason reason, bool is) {
  {
    const std::lock_guard lock(mutex_);
    const bool before = !reasons_.empty();
    if (is) {
      reasons_.insert(reason);
    } else {
      reasons_.erase(reason);
    }
    if (reasons_.empty() != before) return;
    renewNow_ = true;
  }
  wake_.notify_one();
}

void Membership::setEligibility(Eligibility eligibility) {
  {
    const std::lock_guard lock(mutex_);
    if (eligibility_ == eligibility) return;
    eligibility_ = std::move(eligibility);
    renewNow_ = true;
  }
  wake_.notify_one();
}

void Membership::setInterfaces(const net::BindInterfaces& interfaces) {
  std::string text = net::toText(interfaces);
  {
    const std::lock_guard lock(mutex_);
    if (text == interfaces_) return;
    interfaces_ = std::move(text);
    renewNow_ = true;
  }
  wake_.notify_one();
}

Result<void> Membership::hold(std::chrono::milliseconds deadline) {
  std::stop_source late;
  const std::jthread timer([&](const std::stop_token& done) {
    std::mutex mutex;
    std::condition_variable_any never;
    std::unique_lock lock(mutex);
    never.wait_for(lock, done, deadline, [] { return false; });
    late.request_stop();
  });
  const auto renewed = renew(kHoldDuration, late.get_token());
  if (!renewed) return tl::make_unexpected(renewed.error());
  if (!*renewed) return fail(ErrorCode::kNotFound, "this node has no Lease");
  return {};
}

void Membership::run(const std::stop_token& stop) {
  MonotonicTime next = clock_.now();
  while (!stop.stop_requested()) {
    const auto renewed = renew(kLeaseDuration, stop);
    complain(renewed);
    // From the beginning of the last one, so that a slow server does not make renewals rarer.
    const auto soon = clock_.now() + kRenewInterval / 4;
    const bool waits = renewed && !*renewed;
    next = waits ? soon : std::max(next + kRenewInterval, soon);
    std::unique_lock lock(mutex_);
    clock_.waitUntil(lock, wake_, stop, next, [this] { return renewNow_; });
    if (std::exchange(renewNow_, false)) next = clock_.now();
  }
}

Result<bool> Membership::renew(std::chrono::seconds duration, const std::stop_token& stop) {
  model::Lease lease;
  lease.key = {options_.ns, kNodeLeasePrefix + options_.node};
  lease.labels[kNodeLeaseLabel] = kElectsByShare;
  lease.annotations[kInterfaceAnnotation] = options_.bindInterface;
  lease.annotations[kFamiliesAnnotation] = options_.ipv6 ? kBothFamilies : kOnlyIpv4;
  lease.holder = options_.node;
  lease.durationSeconds = static_cast<std::int32_t>(duration.count());
  lease.renewTime = formatMicros(clock_.wallNow());
  {
    const std::lock_guard lock(mutex_);
    lease.annotations[kStateAnnotation] = reasons_.empty() ? kStateServing : kStateLeaving;
    if (!interfaces_.empty()) lease.annotations[kInterfacesAnnotation] = interfaces_;
    if (eligibility_) {
      lease.annotations[kBlockedAnnotation] =
          eligibility_->serving ? joined(eligibility_->blocked) : kBlockedAll;
      lease.annotations[kHeldAnnotation] = joined(eligibility_->held);
    }
  }
  std::optional<model::OwnerReference> owner;
  const std::string uid = options_.nodeUid();
  if (!uid.empty()) owner = model::OwnerReference{"v1", "Node", options_.node, uid};
  return writeLease(api_, lease, owner, stop);
}

void Membership::complain(const Result<bool>& outcome) {
  if (outcome && !*outcome) {
    if (++triesWithoutNode_ != kTriesWithoutNode) return;
    log::warn(
        "no Node object with the name of this node is known, so it makes no Lease and "
        "announces nothing: is --node-name right, and may the daemon list nodes?",
        {{"node", options_.node}});
    return;
  }
  if (outcome) {
    triesWithoutNode_ = 0;
    if (!std::exchange(lastComplaint_, {}).empty()) log::info("the node's Lease is renewed again");
    return;
  }
  if (outcome.error().code == ErrorCode::kStopped) return;
  if (std::exchange(lastComplaint_, outcome.error().message) == outcome.error().message) return;
  log::warn("cannot renew the node's Lease; what this node announces stays",
            {{"reason", outcome.error().message}});
}

}  // namespace barevip::node
