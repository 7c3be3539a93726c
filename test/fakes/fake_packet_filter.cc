// SPDX-License-Identifier: Apache-2.0
#include "fakes/fake_packet_filter.h"

#include <utility>

namespace barevip::fakes {

Result<std::size_t> FakePacketFilter::reconcile(const net::FilterState& desired) {
  const std::lock_guard lock(mutex_);
  ++reconciles_;
  return bring(desired);
}

Result<std::size_t> FakePacketFilter::update(const net::FilterState& desired) {
  const std::lock_guard lock(mutex_);
  return bring(desired);
}

Result<std::size_t> FakePacketFilter::bring(const net::FilterState& desired) {
  if (error_) return tl::make_unexpected(*error_);
  if (state_ == desired) return 0U;
  state_ = desired;
  ++writes_;
  return 1U;
}

Result<void> FakePacketFilter::clear() {
  const std::lock_guard lock(mutex_);
  if (error_) return tl::make_unexpected(*error_);
  if (state_) ++writes_;
  state_.reset();
  return {};
}

std::optional<net::FilterState> FakePacketFilter::state() const {
  const std::lock_guard lock(mutex_);
  return state_;
}

void FakePacketFilter::wipe() {
  const std::lock_guard lock(mutex_);
  state_.reset();
}

void FakePacketFilter::setError(std::optional<Error> error) {
  const std::lock_guard lock(mutex_);
  error_ = std::move(error);
}

std::size_t FakePacketFilter::reconcileCount() const {
  const std::lock_guard lock(mutex_);
  return reconciles_;
}

std::size_t FakePacketFilter::takeWrites() {
  const std::lock_guard lock(mutex_);
  return std::exchange(writes_, 0U);
}

}  // namespace barevip::fakes
