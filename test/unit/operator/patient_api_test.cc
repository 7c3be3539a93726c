// SPDX-License-Identifier: Apache-2.0
#include "operator/patient_api.h"

#include <gtest/gtest.h>

#include <vector>

#include <nlohmann/json.hpp>

#include "common/base/stop_at.h"
#include "fakes/fake_api.h"
#include "fakes/manual_clock.h"
#include "unit/operator/timed_run.h"

namespace barevip::controlplane {
namespace {

using namespace std::chrono_literals;
using kube::FakeApi;
using nlohmann::json;

class PatientApiTest : public testing::Test {
 protected:
  /// The next requests fail so.
  void failNext(std::vector<Error> errors) {
    requests_ = 0;
    api_.setInterceptor(
        [errors = std::move(errors), this](auto, const auto&, const auto&) -> std::optional<Error> {
          const std::size_t call = requests_++;
          return call < errors.size() ? std::optional(errors[call]) : std::nullopt;
        });
  }
  /// Lists Pools for at most ten seconds.
  Result<std::string> list() {
    seen_ = 0;
    return test::runInTime(clock_, [this] {
      const StopAt end(clock_, clock_.now() + 10s, {});
      return patient_.list(
          kube::kPools, {}, [this](const json&) { ++seen_; }, end.token());
    });
  }

  FakeApi api_;
  ManualClock clock_;
  PatientApi patient_{api_, clock_};
  std::size_t requests_ = 0;
  int seen_ = 0;
};

TEST_F(PatientApiTest, WhatMayPassIsTriedAgain) {
  api_.put(kube::kPools, {{"metadata", {{"name", "a"}}}});
  failNext({{ErrorCode::kUnavailable, "no connection", 0, {}},
            {ErrorCode::kTimeout, "no answer", 0, {}},
            {ErrorCode::kThrottled, "slow down", 429, 2s},
            {ErrorCode::kExpired, "too old", 410, {}}});
  const MonotonicTime begin = clock_.now();
  EXPECT_TRUE(list());
  EXPECT_EQ(seen_, 1);
  EXPECT_GE(clock_.now() - begin, 3s);  // with the pause that the server asked for
}

TEST_F(PatientApiTest, AnAnswerThatStaysTheSameIsTheResult) {
  for (const ErrorCode code : {ErrorCode::kForbidden, ErrorCode::kNotFound, ErrorCode::kConflict,
                               ErrorCode::kInvalid, ErrorCode::kAlreadyExists}) {
    failNext({{code, "no", 400, {}}});
    const auto result = list();
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, code);
    EXPECT_EQ(requests_, 1U);
  }
}

TEST_F(PatientApiTest, WhenTheTimeIsOverTheLastFailureIsTheResult) {
  failNext(std::vector<Error>(1000, {ErrorCode::kUnavailable, "no connection", 0, {}}));
  const auto result = list();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().message, "no connection");
  EXPECT_FALSE(patient_.answered());
  EXPECT_EQ(patient_.silence().message, "no connection");
}

TEST_F(PatientApiTest, ARefusalIsAnAnswer) {
  failNext({{ErrorCode::kForbidden, "no", 403, {}}});
  EXPECT_FALSE(list());
  EXPECT_TRUE(patient_.answered());
}

TEST_F(PatientApiTest, WithoutATokenThereWasNoAnswer) {
  failNext({{ErrorCode::kForbidden, "cannot read the token", 0, {}}});
  EXPECT_FALSE(list());
  EXPECT_FALSE(patient_.answered());
}

/// A list that breaks off after its first object, once.
class CutList final : public kube::ForwardingApi {
 public:
  using ForwardingApi::ForwardingApi;

  Result<std::string> list(const kube::Resource& resource, const kube::Selection& selection,
                           const OnItem& onItem, std::stop_token stop) override {
    if (std::exchange(cut_, true)) return next().list(resource, selection, onItem, stop);
    onItem({{"metadata", {{"name", "a"}}}});
    return fail(ErrorCode::kUnavailable, "cut");
  }

 protected:
  Result<void> around(const Request&, const Send& send) override { return send(); }

 private:
  bool cut_ = false;
};

TEST_F(PatientApiTest, AListThatBreaksOffHandsOutEachObjectOnce) {
  for (const char* name : {"a", "b"}) api_.put(kube::kPools, {{"metadata", {{"name", name}}}});
  CutList cut(api_);
  PatientApi patient(cut, clock_);
  int seen = 0;
  const auto listed = test::runInTime(clock_, [&] {
    const StopAt end(clock_, clock_.now() + 10s, {});
    return patient.list(
        kube::kPools, {}, [&](const json&) { ++seen; }, end.token());
  });
  EXPECT_TRUE(listed);
  EXPECT_EQ(seen, 2);
}

}  // namespace
}  // namespace barevip::controlplane
