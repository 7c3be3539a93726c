// SPDX-License-Identifier: Apache-2.0
#include "ipvsnode/filter/packet_filter_optional.h"

#include <utility>

#include "barevip/base/log.h"

namespace barevip::host {

OptionalPacketFilter::OptionalPacketFilter(std::unique_ptr<net::PacketFilter> filter,
                                           std::string without)
    : filter_(std::move(filter)), without_(std::move(without)) {}

Result<std::size_t> OptionalPacketFilter::reconcile(const net::FilterState& desired) {
  return settled(filter_->reconcile(desired));
}

Result<std::size_t> OptionalPacketFilter::update(const net::FilterState& desired) {
  if (!error_.empty()) return 0U;
  return settled(filter_->update(desired));
}

Result<std::size_t> OptionalPacketFilter::settled(Result<std::size_t> outcome) {
  if (outcome) {
    if (!error_.empty())
      log::info("a packet filter that was missing is written", {{"was", without_}});
    error_.clear();
    return outcome;
  }
  if (outcome.error().code == ErrorCode::kStopped) return outcome;
  if (error_ != outcome.error().message) {
    error_ = outcome.error().message;
    log::warn(without_, {{"error", error_}});
  }
  return 0U;
}

}  // namespace barevip::host
