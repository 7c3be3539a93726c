// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "common/base/stop_at.h"
#include "operator/patient_api.h"

namespace barevip::controlplane {
namespace {

using nlohmann::json;

constexpr std::chrono::milliseconds kPause{500};

bool mayPass(ErrorCode code) {
  return code == ErrorCode::kThrottled || code == ErrorCode::kUnavailable ||
         code == ErrorCode::kTimeout || code == ErrorCode::kExpired;
}

// The detail is an HTTP status, not an errno.
bool isAnswer(const Error& error) { return error.detail >= 400; }

}  // namespace

template <class Call>
auto PatientApi::again(const std::stop_token& stop, Call&& call) -> decltype(call()) {
  Error last{ErrorCode::kTimeout, "no answer came in time", 0, {}};
  while (true) {
    auto result = call();
    answered_ = answered_ || result || isAnswer(result.error());
    if (result) return result;
    if (result.error().code == ErrorCode::kStopped) return tl::make_unexpected(std::move(last));
    if (!isAnswer(result.error())) silence_ = result.error();
    if (!mayPass(result.error().code)) return result;
    last = std::move(result.error());
    if (!pauseFor(clock_, std::max(kPause, last.retryAfter), stop)) {
      return tl::make_unexpected(std::move(last));
    }
  }
}

Result<std::string> PatientApi::list(const kube::Resource& resource,
                                     const kube::Selection& selection, const OnItem& onItem,
                                     std::stop_token stop) {
  std::vector<json> items;
  auto listed = again(stop, [&] {
    items.clear();
    return next().list(
        resource, selection, [&items](const json& item) { items.push_back(item); }, stop);
  });
  if (listed) std::for_each(items.begin(), items.end(), onItem);
  return listed;
}

Result<void> PatientApi::around(const Request& request, const Send& send) {
  if (request.verb == kube::Verb::kWatch) return send();
  return again(request.stop, send);
}

}  // namespace barevip::controlplane
