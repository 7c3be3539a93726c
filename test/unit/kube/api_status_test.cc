// SPDX-License-Identifier: Apache-2.0
#include "common/kube/api_status.h"

#include <gtest/gtest.h>

#include <string>

#include <nlohmann/json.hpp>

namespace barevip::kube {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;

std::string status(const std::string& reason, const std::string& message) {
  return json{{"kind", "Status"}, {"reason", reason}, {"message", message}}.dump();
}

TEST(ApiStatus, TurnsAnswersIntoErrors) {
  struct Case {
    int http;
    std::string reason;
    ErrorCode code;
  };
  for (const Case& each : {Case{400, "BadRequest", ErrorCode::kInvalid},
                           {401, "Unauthorized", ErrorCode::kForbidden},
                           {403, "Forbidden", ErrorCode::kForbidden},
                           {404, "NotFound", ErrorCode::kNotFound},
                           {405, "MethodNotAllowed", ErrorCode::kUnsupported},
                           {409, "AlreadyExists", ErrorCode::kAlreadyExists},
                           {409, "Conflict", ErrorCode::kConflict},
                           {409, "", ErrorCode::kConflict},
                           {410, "Expired", ErrorCode::kExpired},
                           {410, "Gone", ErrorCode::kExpired},
                           {413, "RequestEntityTooLarge", ErrorCode::kInvalid},
                           {422, "Invalid", ErrorCode::kInvalid},
                           {429, "TooManyRequests", ErrorCode::kThrottled},
                           {500, "InternalError", ErrorCode::kUnavailable},
                           {503, "ServiceUnavailable", ErrorCode::kUnavailable},
                           {504, "Timeout", ErrorCode::kTimeout},
                           {302, "", ErrorCode::kInternal}}) {
    const Error error = errorFromAnswer(each.http, status(each.reason, "why"), {});
    EXPECT_EQ(error.code, each.code) << each.http << each.reason;
    EXPECT_EQ(error.detail, each.http);
    EXPECT_EQ(error.message, "why");
  }
}

TEST(ApiStatus, TakesTheWaitFromHeaderElseBody) {
  const std::string body = R"({"message": "m", "details": {"retryAfterSeconds": 3}})";
  EXPECT_EQ(errorFromAnswer(429, body, {}).retryAfter, std::chrono::seconds(3));
  EXPECT_EQ(errorFromAnswer(429, body, milliseconds(9000)).retryAfter, std::chrono::seconds(9));
  EXPECT_EQ(errorFromAnswer(429, "", {}).retryAfter, milliseconds(0));
}

TEST(ApiStatus, CopesWithAnswersOfProxies) {
  const Error error = errorFromAnswer(502, "<html>" + std::string(5000, 'x'), {});
  EXPECT_EQ(error.code, ErrorCode::kUnavailable);
  EXPECT_NE(error.message.find("HTTP 502: <html>"), std::string::npos);
  EXPECT_LT(error.message.size(), 300U);
  EXPECT_EQ(errorFromAnswer(404, "404 page not found\n", {}).message,
            "the API server answered HTTP 404: 404 page not found");
  EXPECT_EQ(errorFromAnswer(503, "", {}).message, "the API server answered HTTP 503");
  EXPECT_EQ(errorFromAnswer(500, "[1]", {}).code, ErrorCode::kUnavailable);
}

TEST(ApiStatus, ReadsTheErrorEventOfAWatch) {
  const Error error = errorFromStatus(
      {{"code", 410}, {"reason", "Expired"}, {"message", "too old resource version: 1 (5)"}});
  EXPECT_EQ(error.code, ErrorCode::kExpired);
  EXPECT_EQ(error.message, "too old resource version: 1 (5)");
  EXPECT_EQ(errorFromStatus(nullptr).code, ErrorCode::kUnavailable);
}

}  // namespace
}  // namespace barevip::kube
