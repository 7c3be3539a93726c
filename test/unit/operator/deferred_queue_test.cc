// SPDX-License-Identifier: Apache-2.0
#include "operator/session/deferred_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace barevip::controlplane {
namespace {

using kube::ObjectKey;
using testing::ElementsAre;
using testing::IsEmpty;

const ObjectKey kFirst{"shop", "web"};
const ObjectKey kSecond{"shop", "api"};
const ObjectKey kThird{"bank", "web"};

TEST(DeferredQueue, AKeyIsAdmittedAtOnceWhileNothingMoreUrgentWaits) {
  DeferredQueue queue;
  EXPECT_TRUE(queue.admit(kFirst, false));
  EXPECT_TRUE(queue.empty());
}

TEST(DeferredQueue, AKeyThatMustGiveWayIsDeferred) {
  DeferredQueue queue;
  EXPECT_FALSE(queue.admit(kFirst, true));
  EXPECT_FALSE(queue.empty());
}

TEST(DeferredQueue, UnderLoadOneIsReleasedAtATimeInTheOrderInWhichTheyCame) {
  DeferredQueue queue;
  for (const ObjectKey& key : {kFirst, kSecond, kThird}) ASSERT_FALSE(queue.admit(key, true));
  for (const ObjectKey& key : {kFirst, kSecond, kThird}) {
    EXPECT_THAT(queue.release(true), ElementsAre(key));
  }
  EXPECT_THAT(queue.release(true), IsEmpty());
  EXPECT_TRUE(queue.empty());
}

TEST(DeferredQueue, AllAreReleasedWhenTheLoadIsOver) {
  DeferredQueue queue;
  for (const ObjectKey& key : {kFirst, kSecond, kThird}) ASSERT_FALSE(queue.admit(key, true));
  EXPECT_THAT(queue.release(false), ElementsAre(kFirst, kSecond, kThird));
  EXPECT_TRUE(queue.empty());
}

TEST(DeferredQueue, AKeyWhoseTurnHasComeIsAdmittedOnceUnderLoad) {
  DeferredQueue queue;
  ASSERT_FALSE(queue.admit(kFirst, true));
  ASSERT_THAT(queue.release(true), ElementsAre(kFirst));
  EXPECT_TRUE(queue.admit(kFirst, true));
  EXPECT_FALSE(queue.admit(kFirst, true));
}

TEST(DeferredQueue, AKeyThatComesBackEarlyKeepsItsPlace) {
  DeferredQueue queue;
  for (const ObjectKey& key : {kFirst, kSecond, kFirst}) ASSERT_FALSE(queue.admit(key, true));
  EXPECT_THAT(queue.release(false), ElementsAre(kFirst, kSecond));
}

TEST(DeferredQueue, AKeyThatWasAdmittedMeanwhileIsNotReleasedAgain) {
  DeferredQueue queue;
  for (const ObjectKey& key : {kFirst, kSecond}) ASSERT_FALSE(queue.admit(key, true));
  ASSERT_TRUE(queue.admit(kFirst, false));
  EXPECT_THAT(queue.release(false), ElementsAre(kSecond));
}

TEST(DeferredQueue, AllWhoAreReleasedWithoutLoadGiveWayAgainUnderLoad) {
  DeferredQueue queue;
  ASSERT_FALSE(queue.admit(kFirst, true));
  ASSERT_THAT(queue.release(false), ElementsAre(kFirst));
  EXPECT_FALSE(queue.admit(kFirst, true));
}

}  // namespace
}  // namespace barevip::controlplane
