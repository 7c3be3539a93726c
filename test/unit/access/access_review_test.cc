// SPDX-License-Identifier: Apache-2.0
#include "common/access/access_review.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/access/reviewing_api.h"

namespace barevip::access {
namespace {

using nlohmann::json;
using testing::HasSubstr;

class AccessReviewTest : public testing::Test {
 protected:
  obs::Gate::Verdict review(const std::string& token) {
    return reviewAccess(api_, token, "/metrics", {});
  }

  ReviewingApi api_;
};

TEST_F(AccessReviewTest, AdmitsWhomTheApiServerKnowsAndLets) {
  api_.know("t", "prometheus", true);
  EXPECT_EQ(review("t").status, 200);
}

TEST_F(AccessReviewTest, AsksForTheAccountThatTheTokenHasWithItsGroupsAndPath) {
  api_.know("t", "prometheus", true);
  review("t");
  EXPECT_THAT(api_.specs(), testing::ElementsAre(json{{"token", "t"}},
                                                 json{{"user", "prometheus"},
                                                      {"uid", "u-1"},
                                                      {"groups", {"system:authenticated"}},
                                                      {"extra", {{"pod", {"prometheus-0"}}}},
                                                      {"nonResourceAttributes",
                                                       {{"path", "/metrics"}, {"verb", "get"}}}}));
}

TEST_F(AccessReviewTest, RefusesATokenThatTheApiServerDoesNotAccept) {
  const auto verdict = review("forged");
  EXPECT_EQ(verdict.status, 401);
  EXPECT_EQ(api_.specs().size(), 1U) << "nobody's rights are asked for";
}

TEST_F(AccessReviewTest, RefusesAnAccountWithoutTheRightAndNamesItAndTheRole) {
  api_.know("t", "curious", false);
  const auto verdict = review("t");
  EXPECT_EQ(verdict.status, 403);
  EXPECT_THAT(verdict.sentence, HasSubstr("curious"));
  EXPECT_THAT(verdict.sentence, HasSubstr("barevip-metrics-reader"));
}

TEST_F(AccessReviewTest, AdmitsNobodyWhileTheApiServerCannotBeAsked) {
  api_.know("t", "prometheus", true);
  for (const Error& error : {Error{ErrorCode::kUnavailable, "no connection", 0, {}},
                             Error{ErrorCode::kForbidden, "tokenreviews is forbidden", 403, {}},
                             Error{ErrorCode::kThrottled, "slow down", 429, {}}}) {
    api_.fault = [error] { return error; };
    const auto verdict = review("t");
    EXPECT_EQ(verdict.status, 503);
    EXPECT_EQ(verdict.sentence, "TokenReview: " + error.message) << "for the log";
  }
}

TEST_F(AccessReviewTest, AdmitsNobodyByAnAnswerThatIsNone) {
  api_.know("t", "prometheus", true);
  const std::pair<json, int> answers[] = {
      {json::array(), 503},
      {json::object(), 503},
      {{{"status", "Success"}}, 503},
      {{{"status", json::object()}}, 401},
      {{{"status", {{"authenticated", "true"}, {"user", {{"username", "x"}}}}}}, 401},
      {{{"status", {{"authenticated", true}}}}, 401},
      {{{"status", {{"authenticated", true}, {"user", {{"username", ""}}}}}}, 401},
      {{{"status", {{"authenticated", true}, {"user", {{"username", "x"}}}}}}, 403},
      {{{"status", {{"authenticated", true}, {"allowed", "yes"}, {"user", {{"username", "x"}}}}}},
       403},
  };
  for (const auto& [answer, status] : answers) {
    api_.nonsense = &answer;
    EXPECT_EQ(review("t").status, status) << answer;
  }
}

TEST_F(AccessReviewTest, EndsSoonAfterItsStop) {
  api_.hold();
  std::stop_source stop;
  stop.request_stop();
  const auto verdict = reviewAccess(api_, "t", "/metrics", stop.get_token());
  EXPECT_EQ(verdict.status, 503);
  EXPECT_THAT(verdict.sentence, HasSubstr("in time"));
}

}  // namespace
}  // namespace barevip::access
