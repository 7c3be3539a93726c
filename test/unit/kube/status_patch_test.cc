// SPDX-License-Identifier: Apache-2.0
#include "common/kube/status_patch.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "fakes/fake_api.h"

namespace barevip::kube {
namespace {

using nlohmann::json;

class StatusPatchTest : public ::testing::Test {
 protected:
  StatusPatchTest() {
    api_.put(kPools, {{"metadata", {{"name", "lan"}}}, {"status", {{"seen", 0}}}});
  }
  [[nodiscard]] json status() const { return api_.object(kPools, key_)->at("status"); }

  FakeApi api_;
  ObjectKey key_{"", "lan"};
};

TEST_F(StatusPatchTest, WritesTheStatusOnly) {
  ASSERT_TRUE(patchStatus(api_, kPools, key_,
                          [](const json&) {
                            return json{{"ready", true}};
                          },
                          {}));
  EXPECT_EQ(status(), (json{{"ready", true}, {"seen", 0}}));
  EXPECT_EQ(api_.writes().at(0).verb, FakeApi::Verb::kPatchStatus);
}

TEST_F(StatusPatchTest, WritesNothingWhenNothingIsWanted) {
  ASSERT_TRUE(patchStatus(api_, kPools, key_, [](const json&) { return std::nullopt; }, {}));
  EXPECT_EQ(api_.writeCount(), 0U);
}

TEST_F(StatusPatchTest, DecidesAgainAfterAConflict) {
  int calls = 0;
  const auto patched = patchStatus(
      api_, kPools, key_,
      [&](const json& live) {
        if (++calls == 1) {  // somebody else writes between our read and our write
          api_.put(kPools, {{"metadata", {{"name", "lan"}}}, {"status", {{"seen", 5}}}});
        }
        return json{{"seen", live["status"]["seen"].get<int>() + 1}};
      },
      {});
  ASSERT_TRUE(patched);
  EXPECT_EQ(calls, 2);
  EXPECT_EQ(status()["seen"], 6);
}

TEST_F(StatusPatchTest, GivesUpWhenConflictsDoNotEnd) {
  api_.setInterceptor([](FakeApi::Verb verb, const Resource&, const ObjectKey&) {
    return verb == FakeApi::Verb::kPatchStatus
               ? std::optional(Error{ErrorCode::kConflict, "conflict", 409, {}})
               : std::nullopt;
  });
  const auto patched = patchStatus(api_, kPools, key_,
                                   [](const json&) {
                                     return json{{"a", 1}};
                                   },
                                   {});
  ASSERT_FALSE(patched);
  EXPECT_EQ(patched.error().code, ErrorCode::kConflict);
  EXPECT_EQ(api_.writeCount(), 4U);
}

TEST_F(StatusPatchTest, TellsThatTheObjectIsGone) {
  const auto patched =
      patchStatus(api_, kPools, {"", "other"}, [](const json&) { return json(); }, {});
  EXPECT_EQ(patched.error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace barevip::kube
