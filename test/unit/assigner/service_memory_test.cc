// SPDX-License-Identifier: Apache-2.0
#include "assigner/service/service_memory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/assigner/builders.h"

namespace barevip::assigner {
namespace {

using namespace std::chrono_literals;
using test::ip;
using testing::ElementsAre;
using testing::IsEmpty;

const kube::ObjectKey kWeb{"default", "web"};
const kube::ObjectKey kOther{"default", "other"};

model::Service web(const std::string& uid, const std::string& itsClass = "") {
  model::Service service;
  service.key = kWeb;
  service.uid = uid;
  service.loadBalancerClass = itsClass;
  return service;
}

TEST(ServiceMemory, KnowsAServiceThatWasCreatedAgainUnderItsName) {
  ServiceMemory memory;
  EXPECT_FALSE(memory.seen(web("one"))) << "the first one";
  EXPECT_FALSE(memory.seen(web("one")));
  EXPECT_TRUE(memory.seen(web("two")));
  EXPECT_FALSE(memory.seen(web("two")));
  memory.forget(kWeb);
  EXPECT_FALSE(memory.seen(web("three"))) << "it was gone before";
}

TEST(ServiceMemory, KnowsTheClassThatAServiceWasServedWith) {
  ServiceMemory memory;
  EXPECT_FALSE(memory.servedAsItIs(web("one", "a")));
  memory.seen(web("one", "a"));
  EXPECT_TRUE(memory.servedAsItIs(web("one", "a")));
  EXPECT_FALSE(memory.servedAsItIs(web("one", "b")));
  EXPECT_FALSE(memory.servedAsItIs(web("two", "a")));
  memory.forget(kWeb);
  EXPECT_FALSE(memory.servedAsItIs(web("one", "a")));
}

TEST(ServiceMemory, KeepsWhatWasNeverRecordedUntilItIsRecordedOrReleased) {
  ServiceMemory memory;
  memory.addUnrecorded(kWeb, ip("10.0.0.1"));
  memory.addUnrecorded(kWeb, ip("10.0.0.2"));
  memory.forget(kWeb);
  EXPECT_THAT(memory.unrecorded(kWeb), ElementsAre(ip("10.0.0.1"), ip("10.0.0.2")));
  memory.removeUnrecorded(kWeb, ip("10.0.0.1"));
  EXPECT_THAT(memory.unrecorded(kWeb), ElementsAre(ip("10.0.0.2")));
  EXPECT_THAT(memory.unrecorded(kOther), IsEmpty());
}

TEST(ServiceMemory, KnowsWhichServicesAreLeftAlone) {
  ServiceMemory memory;
  EXPECT_FALSE(memory.leftAlone(kWeb));
  memory.setLeftAlone(kWeb, true);
  memory.forget(kWeb);
  EXPECT_TRUE(memory.leftAlone(kWeb));
  memory.setLeftAlone(kWeb, false);
  EXPECT_FALSE(memory.leftAlone(kWeb));
}

}  // namespace
}  // namespace barevip::assigner
