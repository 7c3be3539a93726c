// SPDX-License-Identifier: Apache-2.0
#include "common/kube/api_status.h"

#include <string>

#include <nlohmann/json.hpp>

#include "common/model/meta_json.h"

namespace barevip::kube {
namespace {

using nlohmann::json;

// metav1.StatusReason decides where one HTTP status has several meanings.
ErrorCode codeOf(int http, const std::string& reason) {
  switch (http) {
    case 400:
    case 413:
    case 422:
      return ErrorCode::kInvalid;
    case 401:
    case 403:
      return ErrorCode::kForbidden;
    case 404:
      return ErrorCode::kNotFound;
    case 405:
      return ErrorCode::kUnsupported;
    case 408:
    case 504:
      return ErrorCode::kTimeout;
    case 409:
      return reason == "AlreadyExists" ? ErrorCode::kAlreadyExists : ErrorCode::kConflict;
    case 410:
      return ErrorCode::kExpired;
    case 429:
      return ErrorCode::kThrottled;
    default:
      return http >= 500 ? ErrorCode::kUnavailable : ErrorCode::kInternal;
  }
}

Error decode(int http, const json& status, std::string message) {
  constexpr std::int64_t kMaxRetrySeconds = 3600;
  const std::string reason = model::stringAt(status, "reason");
  const std::int64_t seconds = model::integerAt(model::memberOf(status, "details"),
                                                "retryAfterSeconds", 0, kMaxRetrySeconds, 0);
  return {codeOf(http, reason), std::move(message), http, std::chrono::seconds(seconds)};
}

}  // namespace

Error errorFromAnswer(int httpStatus, std::string_view body, std::chrono::milliseconds retryAfter) {
  constexpr std::size_t kShown = 200;
  const json status = json::parse(body, nullptr, false);
  std::string message = model::stringAt(status, "message");
  if (message.empty()) {
    message = "the API server answered HTTP " + std::to_string(httpStatus);
    while (body.ends_with('\n') || body.ends_with('\r')) body.remove_suffix(1);
    if (!body.empty()) message += ": " + std::string(body.substr(0, kShown));
  }
  Error error = decode(httpStatus, status, std::move(message));
  if (retryAfter.count() > 0) error.retryAfter = retryAfter;
  return error;
}

Error errorFromStatus(const json& status) {
  const auto http = static_cast<int>(model::integerAt(status, "code", 100, 599, 500));
  std::string message = model::stringAt(status, "message");
  if (message.empty()) message = "the API server ended a watch with " + std::to_string(http);
  return decode(http, status, std::move(message));
}

}  // namespace barevip::kube
