// SPDX-License-Identifier: Apache-2.0
#include "common/kube/metered_api.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>

#include <nlohmann/json.hpp>

#include "common/kube/request_series.h"
#include "fakes/fake_api.h"
#include "fakes/manual_clock.h"

namespace barevip::kube {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

class MeteredApiTest : public testing::Test {
 protected:
  /// The next requests fail so, or are answered.
  void answerWith(std::optional<Error> error) {
    server_.setInterceptor([error](auto, const auto&, const auto&) { return error; });
  }
  [[nodiscard]] static std::string countedAs(const std::string& labels) {
    return "barevip_api_requests_total{" + labels + "} 1\n";
  }

  FakeApi server_;
  ManualClock clock_;
  obs::Registry metrics_;
  MeteredApi api_{server_, clock_, metrics_};
};

TEST_F(MeteredApiTest, CountsRequestsByVerbResourceAndHowTheyEnded) {
  ASSERT_TRUE(api_.create(kPools, "", {{"metadata", {{"name", "a"}}}}, {}));
  ASSERT_FALSE(api_.get(kServices, {"default", "web"}, {}));
  answerWith(Error{ErrorCode::kThrottled, "slow down", 429, 1s});
  ASSERT_FALSE(api_.patch(kServices, {"default", "web"}, "status", nlohmann::json::object(), {}));
  answerWith(Error{ErrorCode::kUnavailable, "no connection", 111, {}});
  ASSERT_FALSE(api_.remove(kIps, {"default", "web"}, "", {}));
  answerWith(Error{ErrorCode::kTimeout, "no answer", 0, {}});
  ASSERT_FALSE(api_.list(kNodes, {}, [](const auto&) {}, {}));
  const std::string text = metrics_.text();
  for (const char* const labels : {R"(verb="create",resource="pools",code="ok")",
                                   R"(verb="get",resource="services",code="404")",
                                   R"(verb="patch",resource="services",code="429")",
                                   R"(verb="delete",resource="ips",code="unreachable")",
                                   R"(verb="list",resource="nodes",code="timeout")"}) {
    EXPECT_THAT(text, HasSubstr(countedAs(labels)));
  }
}

TEST_F(MeteredApiTest, BeginsTheSeriesOfRequestsThatAreExpectedAtZeroAndCountsOn) {
  beginRequestSeries(metrics_, {{Verb::kPatch, kServices}, {Verb::kWatch, kPools}});
  for (const char* const labels : {R"(verb="patch",resource="services",code="ok")",
                                   R"(verb="patch",resource="services",code="403")",
                                   R"(verb="watch",resource="pools",code="unreachable")"}) {
    EXPECT_THAT(metrics_.text(),
                HasSubstr("barevip_api_requests_total{" + std::string(labels) + "} 0\n"));
  }
  answerWith(Error{ErrorCode::kForbidden, "no", 403, {}});
  ASSERT_FALSE(api_.patch(kServices, {"default", "web"}, "status", nlohmann::json::object(), {}));
  EXPECT_THAT(metrics_.text(),
              HasSubstr(countedAs(R"(verb="patch",resource="services",code="403")")));
}

TEST_F(MeteredApiTest, MeasuresHowLongARequestTook) {
  server_.setInterceptor([this](auto, const auto&, const auto&) -> std::optional<Error> {
    clock_.advance(2s);
    return std::nullopt;
  });
  ASSERT_FALSE(api_.get(kServices, {"default", "web"}, {}));
  EXPECT_THAT(metrics_.text(), HasSubstr("barevip_api_request_seconds_sum{verb=\"get\"} 2\n"));
}

TEST_F(MeteredApiTest, AWatchLastsAndIsNoLatency) {
  answerWith(Error{ErrorCode::kExpired, "too old", 410, {}});
  ASSERT_FALSE(api_.watch(kServices, {}, "1", [](auto, const auto&) {}, {}));
  EXPECT_THAT(metrics_.text(),
              HasSubstr(countedAs(R"(verb="watch",resource="services",code="410")")));
  EXPECT_THAT(metrics_.text(), Not(HasSubstr("barevip_api_request_seconds")));
}

}  // namespace
}  // namespace barevip::kube
